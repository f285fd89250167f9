//! Who is not there any more: workers that miss their heartbeats are offline, pools without a worker, queues and deployments
//! that nobody polls are not ready (reference: `server/services/foreman.py`).

use tenant_store::{Result, pulse};

use super::{Look, Turn};

pub async fn look(turn: &Turn) -> Result<Look> {
    let (_, next) = pulse::look_for_silence(turn.sweep().await?, turn.now()).await?;
    Ok(Look::next(next))
}
