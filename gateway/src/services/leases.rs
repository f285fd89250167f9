//! Leases that ran out are ended, and what they held of limits comes back (reference: `services/repossessor.py`).

use tenant_store::Result;
use tenant_store::concurrency_limits::leases::{self, Reaped};

use super::{Look, Turn};

pub async fn look(turn: &Turn) -> Result<Look> {
    let Reaped { count, since } = leases::reap(turn.sweep().await?).await?;
    let next = leases::next_expiry(&mut turn.read().await?).await?;
    Ok(Look { done: u64::try_from(count).unwrap_or(0), since, next })
}
