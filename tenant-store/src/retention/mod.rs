//! The end of what is old: events, log lines, finished runs and what was set aside. A few thousand rows a step, each step a
//! transaction, oldest first, along an index of their time.

use domain::FlowRunId;
use wire::Time;

use crate::{Result, Tx, flow_runs};

/// Before when each kind is old; `None` where it is kept for good.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cutoffs {
    pub events: Option<Time>,
    pub logs: Option<Time>,
    pub runs: Option<Time>,
    pub quarantine: Option<Time>,
}

/// What has rows older than its cutoff.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Old {
    pub events: bool,
    pub logs: bool,
    pub runs: bool,
    pub tasks: bool,
    pub quarantine: bool,
    /// Kept as long as what was set aside.
    pub cleanups: bool,
}

/// Rows that a step deletes.
pub const STEP: i64 = 5_000;
/// Runs that a step deletes: each takes its task runs, states and log with it.
pub const RUNS: i64 = 50;

crate::row! { Old: events "a", logs "b", runs "c", tasks "d", quarantine "e", cleanups "f" }

/// The oldest of each kind, by the index of its time. Asked only whether there is one (`exists`), Postgres reads whole
/// tables where it expects many and there is none.
pub(crate) const OLD: &str = "select \
    (select true from event e where e.occurred < $1 order by e.occurred limit 1) is not null, \
    (select true from log l where l.timestamp < $2 order by l.timestamp limit 1) is not null, \
    (select true from flow_run r where r.end_time < $3 and r.state_type in (3, 4, 5, 6) and r.parent_task_run_id is null \
        order by r.end_time limit 1) is not null, \
    (select true from task_run t where t.end_time < $3 and t.flow_run_id is null and t.state_type in (3, 4, 5, 6) \
        order by t.end_time limit 1) is not null, \
    (select true from quarantine q where q.received < $4 order by q.received limit 1) is not null, \
    (select true from cleanup c where c.created < $4 order by c.created limit 1) is not null";
// Rows are named by an array: of a list (`in`) Postgres expects a part of the table where it does not know the limit, and
// reads all of it.
pub(crate) const EVENTS: &str = "delete from event where ctid = any(array(select e.ctid from event e where e.occurred < $1 \
    order by e.occurred, e.id limit $2))";
pub(crate) const LOGS: &str = "delete from log where ctid = any(array(select l.ctid from log l where l.timestamp < $1 \
    order by l.timestamp limit $2))";
/// A run's subflows stay without a parent, and go when they are old themselves.
pub(crate) const RUNS_OF: &str = "select r.id from flow_run r where r.end_time < $1 and r.state_type in (3, 4, 5, 6) \
    and r.parent_task_run_id is null order by r.end_time, r.id limit $2";
pub(crate) const TASKS: &str = "with tasks as (delete from task_run where id = any(array(select t.id from task_run t \
        where t.end_time < $1 and t.flow_run_id is null and t.state_type in (3, 4, 5, 6) order by t.end_time, t.id limit $2)) \
        returning id), \
    states as (delete from run_state where run_id in (select id from tasks)), \
    logs as (delete from log where task_run_id in (select id from tasks)) select id from tasks";
const QUARANTINE: &str = "delete from quarantine where ctid = any(array(select q.ctid from quarantine q where q.received < $1 \
    order by q.received limit $2))";

/// What there is to delete: one look for all kinds, which costs as much as a few reads by key.
pub async fn old(tx: &mut Tx<'_>, before: &Cutoffs) -> Result<Old> {
    tx.one(OLD, &[&before.events, &before.logs, &before.runs, &before.quarantine]).await
}

pub async fn events(tx: Tx<'_>, before: Time) -> Result<u64> {
    tx.last_run(EVENTS, &[&before, &STEP]).await
}

pub async fn logs(tx: Tx<'_>, before: Time) -> Result<u64> {
    tx.last_run(LOGS, &[&before, &STEP]).await
}

/// Finished runs with all that is theirs.
pub async fn runs(mut tx: Tx<'_>, before: Time) -> Result<u64> {
    let old: Vec<(FlowRunId,)> = tx.all(RUNS_OF, &[&before, &RUNS]).await?;
    let ids: Vec<FlowRunId> = old.into_iter().map(|(id,)| id).collect();
    Ok(flow_runs::delete(tx, &ids).await?.len() as u64)
}

/// Finished task runs of no flow run.
pub async fn tasks(mut tx: Tx<'_>, before: Time) -> Result<u64> {
    let gone: Vec<(domain::TaskRunId,)> = tx.all(TASKS, &[&before, &STEP]).await?;
    tx.commit().await?;
    Ok(gone.len() as u64)
}

pub async fn quarantine(tx: Tx<'_>, before: Time) -> Result<u64> {
    tx.last_run(QUARANTINE, &[&before, &STEP]).await
}
