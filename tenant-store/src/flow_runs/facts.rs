//! What the rules must know about a flow run that changes state: one statement, which locks the run and, for a subflow,
//! the task run that stands for it.
//!
//! Whoever becomes PENDING may ask for a slot, and the statement in its place locks the deployment's limit too. Who becomes
//! RUNNING holds a lease already if there is a limit, and nearly no run does: that is looked after by a statement of its own,
//! so that the others pay nothing for it.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use domain::flow_runs::CreatedBy;
use domain::rules::FlowPolicy;
use domain::rules::event::{Creator, CreatorKind, Named, Surroundings};
use domain::rules::facts::{
    CollisionStrategy, ConcurrencyOptions, DeploymentFacts, FlowFacts, LimitFacts, OtherTask, TaskFacts,
};
use domain::run::FlowRunCore;
use domain::state::StateType;
use domain::stored::Stored;
use domain::{DeploymentId, FlowId, FlowRunId, LimitId, WorkPoolId, WorkQueueId};
use tokio_postgres::Row;
use wire::Time;

use crate::concurrency_limits::facts::{LIMIT_WIDTH, held_leases, limit_columns, read_limit};
use crate::orchestration::{Cells, StoredFlow, StoredTask, flow_columns, task_columns};
use crate::pool::FromRow;
use crate::{Result, Tx};

/// The first part waits for the lock; the clock is read after it, so no state is stamped before the one it follows.
///
/// States that were written while this waited are not in `taken`, but the last of them is the run's own, which is.
macro_rules! options_columns {
    () => {
        "d.concurrency_options ->> 'collision_strategy', (d.concurrency_options ->> 'grace_period_seconds')::bigint"
    };
}

static FACTS: LazyLock<String> = LazyLock::new(|| text(Wanted::Run));
static FACTS_WITH_LIMIT: LazyLock<String> = LazyLock::new(|| text(Wanted::RunAndLimit));

fn text(wanted: Wanted) -> String {
    let (locks, columns, joined) = match wanted {
        Wanted::Run => ("", "", ""),
        Wanted::RunAndLimit => (LIMIT_LOCKS, LIMIT_COLUMNS, " left join l on true"),
    };
    format!(
        "with r as materialized (select {run}, r.flow_id, r.work_queue_id, r.tags, r.created_by from flow_run r where r.id = $1 for update), \
         t as materialized (select {task} from task_run t where t.id = (select r.parent_task_run_id from r) for update){locks} \
         select {run}, clock_timestamp(), array(select s.timestamp from run_state s where s.run_id = r.id and s.timestamp >= now()), \
         r.tags, r.created_by, f.id, f.name, f.tags, d.id, d.name, d.tags, q.id, q.name, p.id, p.name, p.type, {task}, \
         d.concurrency_limit_id{columns} \
         from r left join flow f on f.id = r.flow_id left join deployment d on d.id = r.deployment_id \
         left join work_queue q on q.id = r.work_queue_id left join work_pool p on p.id = q.work_pool_id left join t on true{joined}",
        run = flow_columns!(),
        task = task_columns!(),
    )
}

const LIMIT_LOCKS: &str = ", \
    l as materialized (select l.id, l.name, l.active, l.\"limit\", l.active_slots, l.slot_decay_per_second, l.updated, \
        l.avg_slot_occupancy_seconds from concurrency_limit l \
      where l.id = (select d.concurrency_limit_id from deployment d where d.id = (select r.deployment_id from r)) for update)";
const LIMIT_COLUMNS: &str = concat!(", false, ", options_columns!(), ", ", limit_columns!());

/// The lease that a run holds, and its deployment's limit, locked in this order as everywhere.
const SLOT: &str = concat!(
    "with e as materialized (select e.id from concurrency_lease e where e.id = $1 for update), \
     l as materialized (select l.id, l.name, l.active, l.\"limit\", l.active_slots, l.slot_decay_per_second, l.updated, \
        l.avg_slot_occupancy_seconds from concurrency_limit l where l.id = $2 and (select count(*) from e) >= 0 for update) \
     select exists(select 1 from e), ",
    options_columns!(),
    ", ",
    limit_columns!(),
    " from deployment d left join l on true where d.id = $3"
);
const PARENTS_LEASES: &str = concat!("select ", held_leases!(), " from task_run t where t.id = $1");

/// What is to be locked and known.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Wanted {
    Run,
    /// Also its deployment's limit.
    RunAndLimit,
}

impl Wanted {
    /// What is to be locked with a run that is to enter a type of state.
    pub fn by(policy: FlowPolicy, type_: StateType) -> Self {
        match (policy, type_) {
            (FlowPolicy::Core, StateType::Pending) | (FlowPolicy::MarkLate, _) => Self::RunAndLimit,
            _ => Self::Run,
        }
    }
}

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
    limit_id: Option<LimitId>,
    slot: Slot,
}

/// What is known of a deployment's limit, where it is wanted.
#[derive(Default)]
struct Slot {
    options: Option<ConcurrencyOptions>,
    lease_stands: bool,
    limit: Option<LimitFacts>,
}

impl Found {
    fn read(row: &Row, wanted: Wanted) -> Result<Self, tokio_postgres::Error> {
        let cells = &mut Cells::of(row);
        let run = StoredFlow::read(cells)?;
        let (now, taken) = (cells.next()?, cells.next()?);
        let (tags, created_by) = (cells.next()?, cells.next()?);
        let around = Around::read(tags, created_by, cells)?;
        let limit_id = cells.next()?;
        let slot = match wanted {
            Wanted::Run => Slot::default(),
            Wanted::RunAndLimit => Slot::read(cells)?,
        };
        Ok(Self { run, now, taken, around, limit_id, slot })
    }
}

impl Slot {
    fn read(cells: &mut Cells<'_>) -> Result<Self, tokio_postgres::Error> {
        let lease_stands = cells.next()?;
        let (strategy, grace): (Option<&str>, Option<i64>) = (cells.next()?, cells.next()?);
        let collision_strategy = match strategy {
            Some("CANCEL_NEW") => CollisionStrategy::CancelNew,
            _ => CollisionStrategy::Enqueue,
        };
        let grace_period = grace.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        Ok(Self {
            options: strategy.map(|_| ConcurrencyOptions { collision_strategy, grace_period }),
            lease_stands,
            limit: cells.object(LIMIT_WIDTH, read_limit)?,
        })
    }
}

impl FromRow for Slot {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Self::read(&mut Cells::of(row))
    }
}

struct Bare(Found);
struct WithLimit(Found);

impl FromRow for Bare {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Found::read(row, Wanted::Run).map(Self)
    }
}

impl FromRow for WithLimit {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Found::read(row, Wanted::RunAndLimit).map(Self)
    }
}

/// Locks a run, and what else is wanted with it; `None` where there is none.
pub(super) async fn lock(tx: &mut Tx<'_>, id: FlowRunId, wanted: Wanted) -> Result<Option<Locked>> {
    let found = match wanted {
        Wanted::Run => tx.opt(FACTS.as_str(), &[&id]).await?.map(|Bare(found)| found),
        Wanted::RunAndLimit => tx.opt(FACTS_WITH_LIMIT.as_str(), &[&id]).await?.map(|WithLimit(found)| found),
    };
    let Some(Found { run, now, taken, around, limit_id, slot }) = found else { return Ok(None) };
    let run = run.parse()?;
    let (around, mut facts) = around.parse()?;
    if let Some(deployment) = &mut facts.deployment {
        *deployment = DeploymentFacts { limit_id, limit: slot.limit, options: slot.options };
    }
    // A task run that stands for a subflow has tags only where its caller gave it some.
    if let Some(parent) = facts.parent_task.as_mut().filter(|parent| !parent.run.tags.is_empty()) {
        (parent.facts.held_leases,) = tx.one(PARENTS_LEASES, &[&parent.run.id]).await?;
    }
    let mut taken_timestamps: BTreeSet<Time> = taken.into_iter().collect();
    taken_timestamps.extend(run.progress.state.as_ref().map(|state| state.timestamp));
    let facts = FlowFacts { taken_timestamps, ..facts };
    Ok(Some(Locked { run, facts, around, now }))
}

/// What must be known of the slot that a run holds before it goes on in it, locked with its lease.
pub(super) async fn look_after_slot(tx: &mut Tx<'_>, locked: &mut Locked) -> Result<()> {
    let state = locked.run.progress.state.as_ref().filter(|state| state.is_pending());
    let lease = state.and_then(|state| state.state_details.deployment_concurrency_lease_id);
    let (Some(lease), Some(id), Some(deployment)) = (lease, locked.run.deployment_id, &mut locked.facts.deployment)
    else {
        return Ok(());
    };
    let Some(limit_id) = deployment.limit_id else { return Ok(()) };
    if let Some(slot) = tx.opt::<Slot>(SLOT, &[&lease, &limit_id, &id]).await? {
        let Slot { options, lease_stands, limit } = slot;
        *deployment = DeploymentFacts { limit_id: Some(limit_id), limit, options };
        locked.facts.lease_stands = lease_stands;
    }
    Ok(())
}

/// The failed task runs of a run, locked: clients of old want them brought back. They hold no slots: they gave them back
/// when they failed.
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
    Ok(OtherTask { run: task.parse()?, facts: TaskFacts::default() })
}

fn creator(by: &Stored<CreatedBy>) -> Option<Creator> {
    let CreatedBy { id, type_, display_value } = by.parse().ok()?;
    Some(Creator { kind: CreatorKind::of(&type_?, id?)?, display_value })
}
