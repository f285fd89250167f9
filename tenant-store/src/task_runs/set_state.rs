//! A task run's change of state by request. Most task runs arrive as events instead, and are recorded without rules.

use std::sync::LazyLock;

use domain::rules::facts::{EnclosingRun, LimitFacts, TaskFacts};
use domain::rules::{Proposal, TaskPolicy, decide_task};
use domain::run::TaskRunCore;
use domain::state::{State, StateType};
use domain::states::StateCreate;
use domain::stored::Stored;
use domain::{FlowRunId, LeaseId, LimitId, StateId, TaskRunId};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use wire::Time;

use crate::concurrency_limits::facts::held_leases;
use crate::concurrency_limits::in_use;
use crate::orchestration::{Aftermath, Asks, Cells, Changes, Outcome, Stands, StoredTask, apply_task, task_columns};
use crate::pool::FromRow;
use crate::{Error, Result, Tx, task_workers};

/// `$2` is the key under which a cached state is looked for. The clock is read after the lock was waited for.
static FACTS: LazyLock<String> = LazyLock::new(|| text("", "", held_leases!()));
/// In its place where slots may be asked for: the limits of the run's tags are locked too, in the order of their ids.
static FACTS_WITH_LIMITS: LazyLock<String> = LazyLock::new(|| {
    let locks = ", l as materialized (select l.id, l.name, l.active, l.\"limit\", l.active_slots, l.slot_decay_per_second, \
        l.updated, l.avg_slot_occupancy_seconds from concurrency_limit l \
        where l.name = any(array(select 'tag:' || tag from t, unnest(t.tags) tag)) order by l.id for update)";
    let columns = "a.id, a.name, a.active, a.\"limit\", a.used, a.avg";
    let joined = concat!(
        " left join lateral (select array_agg(l.id) as id, array_agg(l.name) as name, array_agg(l.active) as active, \
            array_agg(l.\"limit\") as \"limit\", array_agg(ceil(",
        in_use!("clock_timestamp()"),
        ")::bigint) as used, array_agg(l.avg_slot_occupancy_seconds) as avg from l) a on true"
    );
    text(locks, joined, columns)
});

fn text(locks: &str, joined: &str, columns: &str) -> String {
    format!(
        "with t as materialized (select {task} from task_run t where t.id = $1 for update){locks} \
         select {task}, clock_timestamp(), r.id, r.run_count, r.state_type, r.state, \
         (select s.state from task_run_cache c join run_state s on s.id = c.state_id \
            where c.cache_key = $2 and (c.expiration is null or c.expiration > clock_timestamp()) order by c.created desc limit 1), \
         {columns} \
         from t left join flow_run r on r.id = t.flow_run_id{joined}",
        task = task_columns!(),
    )
}

struct Locked {
    run: StoredTask,
    now: Time,
    around: Option<Enclosing>,
    cached: Option<Stored<State>>,
    limits: Vec<LimitFacts>,
    held: Vec<LeaseId>,
}

pub(super) struct Enclosing {
    id: FlowRunId,
    run_count: i32,
    state_type: Option<StateType>,
    state: Option<Stored<State>>,
}

impl Enclosing {
    pub const WIDTH: usize = 4;

    pub fn read(cells: &mut Cells<'_>) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { id: cells.next()?, run_count: cells.next()?, state_type: cells.next()?, state: cells.next()? })
    }

    pub fn parse(self) -> Result<EnclosingRun> {
        let state = self.state.map(|state| state.parse()).transpose().map_err(Error::internal)?;
        let details = state.map(|state| state.state_details).unwrap_or_default();
        Ok(EnclosingRun {
            id: self.id,
            run_count: self.run_count.into(),
            state_type: self.state_type,
            pause_timeout: details.pause_timeout,
            pause_reschedule: details.pause_reschedule,
        })
    }
}

impl Locked {
    fn read(cells: &mut Cells<'_>) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            run: StoredTask::read(cells)?,
            now: cells.next()?,
            around: cells.object(Enclosing::WIDTH, Enclosing::read)?,
            cached: cells.next()?,
            limits: Vec::new(),
            held: Vec::new(),
        })
    }
}

struct Holding(Locked);
struct Asking(Locked);

impl FromRow for Holding {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let cells = &mut Cells::of(row);
        let locked = Locked::read(cells)?;
        Ok(Self(Locked { held: cells.next()?, ..locked }))
    }
}

impl FromRow for Asking {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let cells = &mut Cells::of(row);
        let locked = Locked::read(cells)?;
        Ok(Self(Locked { limits: limits(cells)?, ..locked }))
    }
}

/// Limits whose columns are arrays; null where there is none.
fn limits(cells: &mut Cells<'_>) -> Result<Vec<LimitFacts>, tokio_postgres::Error> {
    let ids: Vec<LimitId> = column(cells)?;
    let (names, active): (Vec<String>, Vec<bool>) = (column(cells)?, column(cells)?);
    let (most, used): (Vec<i64>, Vec<i64>) = (column(cells)?, column(cells)?);
    let stays: Vec<f64> = column(cells)?;
    let rest = names.into_iter().zip(active).zip(most.into_iter().zip(used)).zip(stays);
    let limit = |(id, (((name, active), (limit, active_slots)), avg_slot_occupancy_seconds))| LimitFacts {
        id,
        name,
        active,
        limit,
        active_slots,
        avg_slot_occupancy_seconds,
    };
    Ok(ids.into_iter().zip(rest).map(limit).collect())
}

fn column<'r, T: FromSql<'r>>(cells: &mut Cells<'r>) -> Result<Vec<T>, tokio_postgres::Error> {
    Ok(cells.next::<Option<Vec<T>>>()?.unwrap_or_default())
}

/// Puts a proposed state to the rules and writes what they decide. `None` where there is no such run.
pub async fn set_state(
    tx: Tx<'_>,
    id: TaskRunId,
    proposed: StateCreate,
    policy: TaskPolicy,
    asks: &Asks,
) -> Result<Option<Outcome>> {
    propose(tx, id, proposed, policy, asks, |_| true).await
}

/// Cancels a task run because its flow run was; `None` where it has ended.
pub async fn cancel_with_flow_run(tx: Tx<'_>, id: TaskRunId, asks: &Asks) -> Result<Option<Outcome>> {
    let cancelled = StateCreate {
        type_: StateType::Cancelled,
        name: None,
        message: Some("The parent flow run was cancelled.".into()),
        data: None,
        state_details: Default::default(),
    };
    let goes_on = |run: &TaskRunCore| run.progress.state.as_ref().is_none_or(|state| !state.type_.is_final());
    propose(tx, id, cancelled, TaskPolicy::Minimal, asks, goes_on).await
}

/// The same, where the run is as `applies` wants it once it is locked.
async fn propose(
    mut tx: Tx<'_>,
    id: TaskRunId,
    proposed: StateCreate,
    policy: TaskPolicy,
    asks: &Asks,
    applies: impl FnOnce(&TaskRunCore) -> bool,
) -> Result<Option<Outcome>> {
    let details = &proposed.state_details;
    let looks = proposed.type_ == StateType::Running && !details.refresh_cache.unwrap_or_default();
    let key = details.cache_key.as_ref().filter(|_| looks);
    let found = match proposed.type_ == StateType::Running && policy == TaskPolicy::Core {
        true => tx.opt(FACTS_WITH_LIMITS.as_str(), &[&id, &key]).await?.map(|Asking(locked)| locked),
        false => tx.opt(FACTS.as_str(), &[&id, &key]).await?.map(|Holding(locked)| locked),
    };
    let Some(Locked { run, now, around, cached, limits, held }) = found else {
        tx.rollback().await?;
        return Ok(None);
    };
    let facts = TaskFacts {
        flow_run: around.map(Enclosing::parse).transpose()?,
        cached: cached.map(|state| state.parse()).transpose().map_err(Error::internal)?,
        tag_limits: limits,
        held_leases: held,
    };
    let run: TaskRunCore = run.parse()?;
    if !applies(&run) {
        tx.rollback().await?;
        return Ok(None);
    }
    let state = proposed.into_state(StateId::new(now), now);
    let Asks { caller, settings } = asks;
    let proposal = Proposal { run, state, facts: &facts, caller, now, settings, seed: rand::random() };
    let decision = decide_task(proposal, policy);
    let (mut changes, mut aftermath) = (Changes::default(), Aftermath::default());
    apply_task(&decision, Stands::Already, &mut changes, &mut aftermath);
    aftermath.offered.iter().for_each(|key| tx.wake(task_workers::topic(key)));
    match changes.is_empty() {
        true => tx.rollback().await?,
        false => {
            tx.last_run(changes.text(), &changes.params()).await?;
        }
    }
    Ok(Some(Outcome { written: decision.written.is_some(), result: decision.result, aftermath }))
}
