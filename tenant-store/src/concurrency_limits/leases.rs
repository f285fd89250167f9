//! Leases: who holds slots of which limits, and until when.

use std::time::Duration;

use domain::LeaseId;
use domain::concurrency_limits::HolderType;
use wire::Time;

use super::{of_ended, settle};
use crate::{Result, Tx};

/// The lease may have run out, if only it was not reaped yet: its slots are still its own then.
const RENEW: &str =
    "update concurrency_lease set expires_at = clock_timestamp() + make_interval(secs => $2) where id = $1";

macro_rules! end {
    ($which:literal, $answer:literal) => {
        concat!(
            "with e as (delete from concurrency_lease e where ",
            $which,
            " returning e.limit_ids, e.slots, e.created, e.expires_at), \
             delta as materialized (",
            of_ended!(),
            "e), ",
            settle!(),
            " select ",
            $answer,
            " from e"
        )
    };
}

const RELEASE: &str = end!("e.id = $1", "count(*)");
pub(crate) const REAP: &str = end!(
    "e.id in (select x.id from concurrency_lease x where x.expires_at < clock_timestamp() order by x.expires_at \
       limit $1 for update skip locked)",
    "count(*), min(e.expires_at)"
);
pub(crate) const NEXT: &str = "select min(expires_at) from concurrency_lease";

/// Leases that one pass reaps in one statement.
const REAPED_AT_ONCE: i64 = 500;

/// `concurrency_lease.holder_type`.
pub(crate) fn number(holder: HolderType) -> i16 {
    match holder {
        HolderType::FlowRun => FLOW_RUN,
        HolderType::TaskRun => TASK_RUN,
        HolderType::Deployment => 2,
    }
}

pub(crate) const FLOW_RUN: i16 = 0;
pub(crate) const TASK_RUN: i16 = 1;

/// Whether the lease stands, which ends that much later than now.
pub async fn renew(tx: Tx<'_>, lease: LeaseId, ttl: Duration) -> Result<bool> {
    Ok(tx.last_run(RENEW, &[&lease, &ttl.as_secs_f64()]).await? == 1)
}

/// Ends a lease and gives its slots back; whether it stood.
pub async fn release(tx: Tx<'_>, lease: LeaseId) -> Result<bool> {
    let (ended,): (i64,) = tx.last_one(RELEASE, &[&lease]).await?;
    Ok(ended == 1)
}

/// Leases that were reaped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reaped {
    pub count: i64,
    /// When the first of them ran out.
    pub since: Option<Time>,
}

/// Ends leases that ran out and gives their slots back, some hundred at once. What a holder renews meanwhile is left alone.
pub async fn reap(tx: Tx<'_>) -> Result<Reaped> {
    let (count, since) = tx.last_one(REAP, &[&REAPED_AT_ONCE]).await?;
    Ok(Reaped { count, since })
}

/// When the next lease runs out.
pub async fn next_expiry(tx: &mut Tx<'_>) -> Result<Option<Time>> {
    let (next,) = tx.one(NEXT, &[]).await?;
    Ok(next)
}
