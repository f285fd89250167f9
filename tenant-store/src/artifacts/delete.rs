//! The end of artifacts. When the latest of a key goes, the newest of those that are left takes its place, and with the last
//! one the key goes too.
//!
//! Two statements: the first takes the rows of the keys, so that the second sees every artifact that they have and nobody
//! adds or deletes one meanwhile.

use domain::{ArtifactId, FlowId, FlowRunId, TaskRunId};

use crate::pool::Param;
use crate::{Result, Tx};

/// Takes the keys of some artifacts (`a`), and deletes those artifacts.
macro_rules! statements {
    ($which:literal) => {
        (
            concat!(
                "select l.key from artifact_latest l where l.key in (select a.key from artifact a where ",
                $which,
                " and a.key is not null) order by l.key for update"
            ),
            concat!(
                "with gone as (delete from artifact a where ",
                $which,
                " returning a.id), \
                 stale as (select l.key, (select b.id from artifact b where b.key = l.key and b.id not in (select id from gone) \
                 order by b.created desc, b.id desc limit 1) as newest from artifact_latest l where l.latest_id in (select id from gone)), \
                 moved as (update artifact_latest l set latest_id = b.id, created = b.created, updated = b.updated \
                 from stale s join artifact b on b.id = s.newest where l.key = s.key), \
                 ended as (delete from artifact_latest l using stale s where l.key = s.key and s.newest is null) \
                 select id from gone"
            ),
        )
    };
}

const ONE: (&str, &str) = statements!("a.id = $1");
const OF_FLOWS: (&str, &str) = statements!("a.flow_run_id in (select r.id from flow_run r where r.flow_id = any($1))");
const OF_FLOW_RUNS: (&str, &str) = statements!("a.flow_run_id = any($1)");
const OF_TASK_RUN: (&str, &str) = statements!("a.task_run_id = $1");

/// What the artifacts that go with it belong to.
#[derive(Debug, Clone, Copy)]
pub enum Gone<'a> {
    Flows(&'a [FlowId]),
    FlowRuns(&'a [FlowRunId]),
    TaskRun(TaskRunId),
}

/// Whether there was such an artifact.
pub async fn delete(mut tx: Tx<'_>, id: ArtifactId) -> Result<bool> {
    let (keys, rows) = ONE;
    tx.run(keys, &[&id]).await?;
    let gone: Option<(ArtifactId,)> = tx.last_opt(rows, &[&id]).await?;
    Ok(gone.is_some())
}

/// Deletes the artifacts of what is about to be deleted in the same transaction.
pub async fn delete_with(tx: &mut Tx<'_>, gone: Gone<'_>) -> Result<()> {
    let ((keys, rows), of): (_, Param<'_>) = match &gone {
        Gone::Flows(ids) => (OF_FLOWS, ids),
        Gone::FlowRuns(ids) => (OF_FLOW_RUNS, ids),
        Gone::TaskRun(id) => (OF_TASK_RUN, id),
    };
    tx.run(keys, &[of]).await?;
    tx.run(rows, &[of]).await?;
    Ok(())
}
