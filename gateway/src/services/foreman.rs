//! Who is not there any more: workers that miss their heartbeats are offline, pools without a worker, queues and deployments
//! that nobody polls are not ready (reference: `server/services/foreman.py`).

use tenant_store::Result;
use tenant_store::pulse::{self, FellSilent};

use super::{Look, Turn};

pub async fn look(turn: &Turn) -> Result<Look> {
    let (silent, next) = pulse::look_for_silence(turn.sweep().await?, turn.now()).await?;
    let FellSilent { workers, pools, queues, deployments } = silent;
    let counts = [workers.len(), pools.len(), queues.len(), deployments.len()];
    turn.app.metrics().services.fell_silent(counts);
    Ok(Look { done: counts.iter().sum::<usize>() as u64, since: None, next })
}
