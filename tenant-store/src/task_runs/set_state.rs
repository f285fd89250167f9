//! A task run's change of state by request. Most task runs arrive as events instead, and are recorded without rules.

use std::sync::LazyLock;

use domain::rules::facts::{EnclosingRun, TaskFacts};
use domain::rules::{Proposal, TaskPolicy, decide_task};
use domain::run::TaskRunCore;
use domain::state::{State, StateType};
use domain::states::StateCreate;
use domain::stored::Stored;
use domain::{FlowRunId, StateId, TaskRunId};
use tokio_postgres::Row;
use wire::Time;

use crate::orchestration::{Aftermath, Asks, Cells, Changes, Outcome, Stands, StoredTask, apply_task, task_columns};
use crate::pool::FromRow;
use crate::{Error, Result, Tx};

/// `$2` is the key under which a cached state is looked for. The clock is read after the lock was waited for.
static FACTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "with t as materialized (select {task} from task_run t where t.id = $1 for update) \
         select {task}, clock_timestamp(), r.id, r.run_count, r.state_type, r.state, \
         (select s.state from task_run_cache c join run_state s on s.id = c.state_id \
            where c.cache_key = $2 and (c.expiration is null or c.expiration > clock_timestamp()) order by c.created desc limit 1) \
         from t left join flow_run r on r.id = t.flow_run_id",
        task = task_columns!(),
    )
});

struct Locked {
    run: StoredTask,
    now: Time,
    around: Option<Enclosing>,
    cached: Option<Stored<State>>,
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

impl FromRow for Locked {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let cells = &mut Cells::of(row);
        Ok(Self {
            run: StoredTask::read(cells)?,
            now: cells.next()?,
            around: cells.object(Enclosing::WIDTH, Enclosing::read)?,
            cached: cells.next()?,
        })
    }
}

/// Puts a proposed state to the rules and writes what they decide. `None` where there is no such run.
pub async fn set_state(
    mut tx: Tx<'_>,
    id: TaskRunId,
    proposed: StateCreate,
    policy: TaskPolicy,
    asks: &Asks,
) -> Result<Option<Outcome>> {
    let details = &proposed.state_details;
    let looks = proposed.type_ == StateType::Running && !details.refresh_cache.unwrap_or_default();
    let key = details.cache_key.as_ref().filter(|_| looks);
    let Some(Locked { run, now, around, cached }) = tx.opt(FACTS.as_str(), &[&id, &key]).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    // Limits of tags, and leases held on them, join when limits are stored.
    let facts = TaskFacts {
        flow_run: around.map(Enclosing::parse).transpose()?,
        cached: cached.map(|state| state.parse()).transpose().map_err(Error::internal)?,
        ..TaskFacts::default()
    };
    let run: TaskRunCore = run.parse()?;
    let state = proposed.into_state(StateId::new(now), now);
    let Asks { caller, settings } = asks;
    let proposal = Proposal { run, state, facts: &facts, caller, now, settings, seed: rand::random() };
    let decision = decide_task(proposal, policy);
    let (mut changes, mut aftermath) = (Changes::default(), Aftermath::default());
    apply_task(&decision, Stands::Already, &mut changes, &mut aftermath);
    match changes.is_empty() {
        true => tx.rollback().await?,
        false => {
            tx.last_run(changes.text(), &changes.params()).await?;
        }
    }
    Ok(Some(Outcome { written: decision.written.is_some(), result: decision.result, aftermath }))
}
