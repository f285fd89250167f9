//! Leases: who holds slots of which limits, and until when.

use std::time::Duration;

use domain::concurrency_limits::HolderType;
use domain::{FlowId, FlowRunId, LeaseId, TaskRunId};
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
/// What runs hold that are about to go: the slot of their deployment, and those of tags that their tasks hold. The runs are
/// locked first, as by whoever changes their state.
macro_rules! end_of {
    ($runs:literal) => {
        concat!(
            "with r as materialized (select r.id, r.state_type, r.state #>> '{state_details,deployment_concurrency_lease_id}' as lease \
               from flow_run r where ",
            $runs,
            " order by r.id for update), \
             e as (delete from concurrency_lease e \
               where e.id in (select r.lease::uuid from r where r.lease is not null and r.state_type in (1, 2, 7, 8)) \
               or e.holder_type = 1 and exists (select from task_run t join r on r.id = t.flow_run_id where t.id = e.holder_id) \
               returning e.limit_ids, e.slots, e.created), \
             delta as materialized (",
            of_ended!(),
            "e), ",
            settle!(),
            " select count(*) from e"
        )
    };
}
const OF_RUNS: &str = end_of!("r.id = any($1)");
const OF_FLOWS: &str = end_of!("r.flow_id = any($1)");
const OF_TASK_RUN: &str = end!("e.holder_type = 1 and e.holder_id = $1", "count(*)");
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

/// Ends what these runs and their tasks hold, before they are deleted.
pub(crate) async fn release_runs(tx: &mut Tx<'_>, runs: &[FlowRunId]) -> Result<()> {
    tx.one::<(i64,)>(OF_RUNS, &[&runs]).await.map(drop)
}

/// Ends what the runs of these flows hold, before they are deleted.
pub(crate) async fn release_runs_of(tx: &mut Tx<'_>, flows: &[FlowId]) -> Result<()> {
    tx.one::<(i64,)>(OF_FLOWS, &[&flows]).await.map(drop)
}

/// Ends what a task run holds, before it is deleted.
pub(crate) async fn release_task_run(tx: &mut Tx<'_>, run: TaskRunId) -> Result<()> {
    tx.one::<(i64,)>(OF_TASK_RUN, &[&run]).await.map(drop)
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
