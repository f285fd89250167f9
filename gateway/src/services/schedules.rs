//! Runs are made ahead for schedules (reference: `services/scheduler.py`): for those that are new or changed at once, for
//! the others when fewer are left than there should be.

use tenant_store::{Result, schedules};

use super::{Look, Turn};

pub async fn look(turn: &Turn) -> Result<Look> {
    let passed = schedules::due_pass(turn.sweep().await?, turn.now(), &turn.settings().schedules.horizon()).await?;
    for (schedule, why) in &passed.failed {
        tracing::warn!(workspace = %turn.scope.workspace(), %schedule, why, "a schedule has no dates");
    }
    let since = passed.due.iter().min().copied();
    Ok(Look { done: passed.runs, since, next: passed.next })
}
