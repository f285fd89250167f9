//! Clean-ups that a worker took and said no more of are delivered again, or given up when that was too often (reference:
//! `server/services/cleanup_reconciler.py`).

use tenant_store::Result;
use tenant_store::cleanups;

use super::{Look, Turn};

/// Clean-ups of a step.
const STEP: i64 = 100;

pub async fn look(turn: &Turn) -> Result<Look> {
    let mut look = Look::default();
    let Some(next) = cleanups::next_expiry(&mut turn.read().await?).await? else { return Ok(look) };
    if next > turn.now() {
        look.again(next);
        return Ok(look);
    }
    let expired = cleanups::expire(turn.sweep().await?, turn.settings().cleanup_policy(), STEP).await?;
    let metrics = &turn.app.metrics().cleanups;
    for _ in 0..expired.free {
        metrics.expired();
        look.did(next);
    }
    for id in &expired.dead {
        tracing::warn!(cleanup = %id, "a clean-up was delivered too often, and is given up");
        metrics.dead();
        look.did(next);
    }
    if let Some(next) = cleanups::next_expiry(&mut turn.read().await?).await? {
        look.again(next);
    }
    Ok(look)
}
