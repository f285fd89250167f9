//! The end of artifacts. When the latest of a key goes, the newest of those that are left takes its place, and with the last
//! one the key goes too.
//!
//! Two statements: the first takes the rows of the keys, so that the second sees every artifact that they have and nobody
//! adds or deletes one meanwhile.

use domain::artifacts::ArtifactCollection;
use domain::events::lifecycle::{self, Action};
use domain::{ArtifactId, FlowId, FlowRunId, TaskRunId};
use tokio_postgres::Row;

use crate::pool::{FromRow, Param};
use crate::{Result, Tx};

/// Takes the keys of some artifacts (`a`), and deletes those artifacts.
macro_rules! statements {
    ($which:literal, $answer:literal) => {
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
                 from stale s join artifact b on b.id = s.newest where l.key = s.key \
                 returning l.id, l.created, l.updated, l.key, l.latest_id), \
                 ended as (delete from artifact_latest l using stale s where l.key = s.key and s.newest is null \
                 returning l.id, l.created, l.updated, l.key, l.latest_id) ",
                $answer
            ),
        )
    };
}

/// With what became of its key, as the key is then, or was when it ends: a deleted artifact is still seen by the statement
/// that deletes it.
const ONE: (&str, &str) = statements!(
    "a.id = $1",
    "select l.ended, l.id, l.created, l.updated, l.key, l.latest_id, a.type, a.description, a.data, a.metadata_, \
     a.flow_run_id, a.task_run_id from gone g left join (select m.*, false as ended from moved m \
     union all select e.*, true from ended e) l on true left join artifact a on a.id = l.latest_id"
);
const OF_FLOWS: (&str, &str) =
    statements!("a.flow_run_id in (select r.id from flow_run r where r.flow_id = any($1))", "select id from gone");
const OF_FLOW_RUNS: (&str, &str) = statements!("a.flow_run_id = any($1)", "select id from gone");
const OF_TASK_RUN: (&str, &str) = statements!("a.task_run_id = $1", "select id from gone");

/// What the artifacts that go with it belong to.
#[derive(Debug, Clone, Copy)]
pub enum Gone<'a> {
    Flows(&'a [FlowId]),
    FlowRuns(&'a [FlowRunId]),
    TaskRun(TaskRunId),
}

/// What became of the key of a deleted artifact that was its latest.
struct OfKey(Option<(Action, ArtifactCollection)>);

impl FromRow for OfKey {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let Some(ended) = row.try_get::<_, Option<bool>>(0)? else { return Ok(Self(None)) };
        let action = if ended { Action::Deleted } else { Action::Updated };
        let collection = ArtifactCollection {
            id: row.try_get(1)?,
            created: row.try_get(2)?,
            updated: row.try_get(3)?,
            key: row.try_get(4)?,
            latest_id: row.try_get(5)?,
            type_: row.try_get(6)?,
            description: row.try_get(7)?,
            data: row.try_get(8)?,
            metadata_: row.try_get(9)?,
            flow_run_id: row.try_get(10)?,
            task_run_id: row.try_get(11)?,
        };
        Ok(Self(Some((action, collection))))
    }
}

/// Whether there was such an artifact.
pub async fn delete(mut tx: Tx<'_>, id: ArtifactId) -> Result<bool> {
    let (keys, rows) = ONE;
    tx.run(keys, &[&id]).await?;
    let gone: Option<OfKey> = tx.opt(rows, &[&id]).await?;
    if let Some(OfKey(Some((action, collection)))) = &gone {
        tx.tell(lifecycle::artifact_collection(*action, collection));
    }
    tx.commit().await?;
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
