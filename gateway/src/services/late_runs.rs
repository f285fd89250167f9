//! Runs that wait as they were scheduled, longer than they may, are marked late (reference: `services/late_runs.py`).

use tenant_store::Result;
use tenant_store::flow_runs::due;

use super::{Look, Turn};

/// Runs of one step.
const STEP: i64 = 200;

pub async fn look(turn: &Turn) -> Result<Look> {
    let after = turn.settings().late_after;
    let before = turn.now() - after;
    let found = due::late(&mut turn.read().await?, before, STEP).await?;
    let mut look = Look::next(found.next.map(|next| next + after));
    for run in found.due {
        match due::mark_late(turn.change().await?, run.id, before, &turn.asks()).await? {
            Some(_) => look.did(run.at + after),
            None => tracing::debug!(flow_run = %run.id, "no longer late"),
        }
    }
    Ok(look)
}
