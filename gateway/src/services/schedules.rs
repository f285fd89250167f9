//! Runs are made ahead for schedules (reference: `services/scheduler.py`): for those that are new or changed at once, for
//! the others when fewer are left than there should be.

use std::time::{Duration, Instant};

use tenant_store::{Result, schedules};

use super::{Look, Turn};

/// After this time a pass leaves the rest for the next, so that other services have their turn.
const LONGEST: Duration = Duration::from_millis(500);

pub async fn look(turn: &Turn) -> Result<Look> {
    let (began, horizon) = (Instant::now(), turn.settings().schedules.horizon());
    let mut look = Look::default();
    loop {
        let plans = schedules::due(turn.read().await?, turn.now(), &horizon).await?;
        let passed = schedules::make_due(turn.sweep().await?, &plans).await?;
        for (schedule, why) in &passed.failed {
            tracing::warn!(workspace = %turn.scope.workspace(), %schedule, why, "a schedule has no dates");
        }
        look.done += passed.runs;
        look.since = look.since.into_iter().chain(passed.due.iter().copied()).min();
        look.next = passed.next;
        if !plans.are_more() || began.elapsed() >= LONGEST {
            return Ok(look);
        }
    }
}
