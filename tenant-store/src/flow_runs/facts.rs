//! What the rules must know about a flow run that changes state: one statement, which locks the run and, for a subflow,
//! the task run that stands for it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use domain::flow_runs::CreatedBy;
use domain::rules::event::{Creator, CreatorKind, Named, Surroundings};
use domain::rules::facts::{DeploymentFacts, FlowFacts, OtherTask, TaskFacts};
use domain::run::FlowRunCore;
use domain::stored::Stored;
use domain::{DeploymentId, FlowId, FlowRunId, WorkPoolId, WorkQueueId};
use tokio_postgres::Row;
use wire::Time;

use crate::orchestration::{Cells, StoredFlow, StoredTask, flow_columns, task_columns};
use crate::pool::FromRow;
use crate::{Result, Tx};

/// The first part waits for the lock; the clock is read after it, so no state is stamped before the one it follows.
///
/// States that were written while this waited are not in `taken`, but the last of them is the run's own, which is.
static FACTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "with r as materialized (select {run}, r.flow_id, r.work_queue_id, r.tags, r.created_by from flow_run r where r.id = $1 for update), \
         t as materialized (select {task} from task_run t where t.id = (select r.parent_task_run_id from r) for update) \
         select {run}, clock_timestamp(), array(select s.timestamp from run_state s where s.run_id = r.id and s.timestamp >= now()), \
         r.tags, r.created_by, f.id, f.name, f.tags, d.id, d.name, d.tags, q.id, q.name, p.id, p.name, p.type, {task} \
         from r left join flow f on f.id = r.flow_id left join deployment d on d.id = r.deployment_id \
         left join work_queue q on q.id = r.work_queue_id left join work_pool p on p.id = q.work_pool_id left join t on true",
        run = flow_columns!(),
        task = task_columns!(),
    )
});

const FAILED_TASKS: &str = concat!(
    "select ",
    task_columns!(),
    " from task_run t where t.flow_run_id = $1 and t.state_type = 4 order by t.id for update"
);

/// What stands around a run, as its row names it.
#[derive(Default)]
pub(super) struct Around {
    pub tags: Vec<String>,
    pub created_by: Option<Stored<CreatedBy>>,
    pub flow: Option<Named<FlowId>>,
    pub deployment: Option<Named<DeploymentId>>,
    pub work_queue: Option<Named<WorkQueueId>>,
    pub work_pool: Option<(Named<WorkPoolId>, String)>,
    pub parent: Option<StoredTask>,
}

impl Around {
    /// Columns: flow, deployment, work queue, work pool, parent task run.
    pub fn read(
        tags: Vec<String>,
        created_by: Option<Stored<CreatedBy>>,
        cells: &mut Cells<'_>,
    ) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            tags,
            created_by,
            flow: cells.object(3, |c| Ok(Named { id: c.next()?, name: c.next()?, tags: c.next()? }))?,
            deployment: cells.object(3, |c| Ok(Named { id: c.next()?, name: c.next()?, tags: c.next()? }))?,
            work_queue: cells.object(2, |c| Ok(Named { id: c.next()?, name: c.next()?, tags: Vec::new() }))?,
            work_pool: cells
                .object(3, |c| Ok((Named { id: c.next()?, name: c.next()?, tags: Vec::new() }, c.next::<String>()?)))?,
            parent: cells.object(StoredTask::WIDTH, StoredTask::read)?,
        })
    }

    /// What events tell of it, and what the rules must know.
    pub fn parse(self) -> Result<(Surroundings, FlowFacts)> {
        let Self { tags, created_by, flow, deployment, work_queue, work_pool, parent } = self;
        let task_run =
            parent.as_ref().map(|parent| Named { id: parent.id, name: parent.name.clone(), tags: parent.tags.clone() });
        let facts = FlowFacts {
            // Its limit, and the lease of the run's state, join when limits are stored.
            deployment: deployment.as_ref().map(|_| DeploymentFacts::default()),
            parent_task: parent.map(other_task).transpose()?.map(Box::new),
            ..FlowFacts::default()
        };
        let creator = created_by.and_then(|by| creator(&by));
        Ok((Surroundings { tags, flow, deployment, work_queue, work_pool, task_run, creator }, facts))
    }
}

/// A run that is locked, with what the rules must know.
pub(super) struct Locked {
    pub run: FlowRunCore,
    pub facts: FlowFacts,
    pub around: Surroundings,
    pub now: Time,
}

struct Found {
    run: StoredFlow,
    now: Time,
    taken: Vec<Time>,
    around: Around,
}

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let cells = &mut Cells::of(row);
        let run = StoredFlow::read(cells)?;
        let (now, taken) = (cells.next()?, cells.next()?);
        let (tags, created_by) = (cells.next()?, cells.next()?);
        Ok(Self { run, now, taken, around: Around::read(tags, created_by, cells)? })
    }
}

/// Locks a run; `None` where there is none.
pub(super) async fn lock(tx: &mut Tx<'_>, id: FlowRunId) -> Result<Option<Locked>> {
    let Some(Found { run, now, taken, around }) = tx.opt(FACTS.as_str(), &[&id]).await? else { return Ok(None) };
    let run = run.parse()?;
    let (around, facts) = around.parse()?;
    let mut taken_timestamps: BTreeSet<Time> = taken.into_iter().collect();
    taken_timestamps.extend(run.progress.state.as_ref().map(|state| state.timestamp));
    Ok(Some(Locked { run, facts: FlowFacts { taken_timestamps, ..facts }, around, now }))
}

/// The failed task runs of a run, locked: clients of old want them brought back.
pub(super) async fn failed_tasks(tx: &mut Tx<'_>, id: FlowRunId) -> Result<Vec<OtherTask>> {
    struct Task(StoredTask);
    impl FromRow for Task {
        fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
            StoredTask::read(&mut Cells::of(row)).map(Self)
        }
    }
    let tasks: Vec<Task> = tx.all(FAILED_TASKS, &[&id]).await?;
    tasks.into_iter().map(|Task(task)| other_task(task)).collect()
}

fn other_task(task: StoredTask) -> Result<OtherTask> {
    // Held leases of tags' limits join when limits are stored.
    Ok(OtherTask { run: task.parse()?, facts: TaskFacts::default() })
}

fn creator(by: &Stored<CreatedBy>) -> Option<Creator> {
    let CreatedBy { id, type_, display_value } = by.parse().ok()?;
    Some(Creator { kind: CreatorKind::of(&type_?, id?)?, display_value })
}
