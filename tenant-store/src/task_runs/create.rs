//! New task runs by request: found by what they are a run of, or inserted, in two round trips.

use domain::labels::Labels;
use domain::rules::decision::Written;
use domain::rules::facts::TaskFacts;
use domain::rules::{Proposal, TaskPolicy, decide_task};
use domain::run::{Progress, TaskRunCore};
use domain::slug::slug;
use domain::state::State;
use domain::stored::Stored;
use domain::task_runs::{TaskRun, TaskRunCreate};
use domain::{StateId, TaskRunId};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use wire::{RawJson, Time};

use super::read;
use super::set_state::Enclosing;
use crate::orchestration::{Aftermath, Asks, Cells, Changes, NewTaskRun, Stands, apply_task, count};
use crate::pool::FromRow;
use crate::{Error, Lane, Result, Tx, task_workers};

/// What a new run needs to know; always one row. A run without flow run is known by its keys alone.
const FACTS: &str = "select clock_timestamp(), \
    (select t.id from task_run t where t.flow_run_id is not distinct from $1 and t.task_key = $2 and t.dynamic_key = $3 limit 1), \
    r.labels, r.id, r.run_count, r.state_type, r.state \
    from (select 1) one left join flow_run r on r.id = $1";

struct Facts {
    now: Time,
    existing: Option<TaskRunId>,
    labels: Option<Labels>,
    around: Option<Enclosing>,
}

impl FromRow for Facts {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let cells = &mut Cells::of(row);
        Ok(Self {
            now: cells.next()?,
            existing: cells.next()?,
            labels: cells.next()?,
            around: cells.object(Enclosing::WIDTH, Enclosing::read)?,
        })
    }
}

/// A run that was made, or found.
#[derive(Debug)]
pub struct Creation {
    pub run: TaskRun,
    pub fresh: bool,
    pub aftermath: Aftermath,
}

/// Creates a run, or finds the one of the same call. A flow run that is not there is a conflict, as is an id that another
/// call's run has.
pub async fn create(mut tx: Tx<'_>, new: TaskRunCreate, asks: &Asks) -> Result<Creation> {
    let scope = tx.scope();
    // Twice: the keys may be taken between the look and the insert, and then the next look finds them.
    for last in [false, true] {
        match attempt(tx, new.clone(), asks).await {
            Err(Error::Conflict(text)) if !last && text.contains("task_run_identity") => {}
            done => return done,
        }
        tx = scope.write(Lane::Hot).await?;
    }
    // The loop's last pass returns.
    Err(Error::internal("a run was neither made nor found"))
}

async fn attempt(mut tx: Tx<'_>, new: TaskRunCreate, asks: &Asks) -> Result<Creation> {
    let facts: Facts = tx.one(FACTS, &[&new.flow_run_id, &new.task_key, &new.dynamic_key]).await?;
    if let Some(existing) = facts.existing {
        let run =
            read(&mut tx, existing).await?.ok_or_else(|| Error::Unavailable("the run is being deleted".into()))?;
        tx.rollback().await?;
        return Ok(Creation { run, fresh: false, aftermath: Aftermath::default() });
    }
    if new.flow_run_id.is_some() && facts.around.is_none() {
        tx.rollback().await?;
        return Err(Error::Conflict("a task run names a flow run that is not there".into()));
    }
    let (changes, aftermath) = plan(new, facts, asks)?;
    aftermath.offered.iter().for_each(|key| tx.wake(task_workers::topic(key)));
    let run = tx.last_one(changes.text(), &changes.params()).await?;
    Ok(Creation { run, fresh: true, aftermath })
}

/// The rows of a new run.
fn plan(new: TaskRunCreate, facts: Facts, asks: &Asks) -> Result<(Changes, Aftermath)> {
    let Facts { now, labels: inherited, around, .. } = facts;
    let labels = labels(&new, inherited);
    let id = new.id.unwrap_or_else(|| TaskRunId::new(now));
    let run = TaskRunCore {
        id,
        flow_run_id: new.flow_run_id,
        task_key: new.task_key.clone(),
        tags: new.tags.clone(),
        flow_run_run_count: 0,
        empirical_policy: new.empirical_policy.clone(),
        progress: Progress::default(),
    };
    let facts = TaskFacts { flow_run: around.map(Enclosing::parse).transpose()?, ..TaskFacts::default() };
    let state_id = StateId::new(now);
    let state = match new.state {
        Some(state) => state.into_state(state_id, now),
        None => State::pending(state_id, now),
    };
    let Asks { caller, settings } = asks;
    let proposal = Proposal { run, state, facts: &facts, caller, now, settings, seed: rand::random() };
    let decision = decide_task(proposal, TaskPolicy::Minimal);
    let (mut changes, mut aftermath) = (Changes::default(), Aftermath::default());
    apply_task(&decision, Stands::New, &mut changes, &mut aftermath);
    let state = decision.written.as_ref().map(|Written { state, .. }| state);
    let made = decision.run;
    let Progress { run_count, expected_start_time, next_scheduled_start_time, start_time, end_time, .. } =
        made.progress;
    changes.new_task_run(NewTaskRun {
        id,
        name: new.name.unwrap_or_else(|| slug(rand::random())),
        flow_run_id: new.flow_run_id,
        task_key: new.task_key,
        dynamic_key: new.dynamic_key,
        cache_key: new.cache_key,
        cache_expiration: new.cache_expiration,
        task_version: new.task_version,
        flow_run_run_count: count(made.flow_run_run_count),
        empirical_policy: Stored::of(&new.empirical_policy),
        task_inputs: new.task_inputs,
        tags: RawJson::of(&new.tags),
        labels,
        state_id: state.map(|state| state.id),
        state_type: state.map(|state| state.type_),
        state_name: state.map(|state| state.name().to_owned()),
        state_timestamp: state.map(|state| state.timestamp),
        state: state.map(Stored::of),
        run_count: count(run_count),
        expected_start_time,
        next_scheduled_start_time,
        start_time,
        end_time,
    });
    Ok((changes, aftermath))
}

/// A run's labels: its flow run's, its flow run's id, its own; the later win.
fn labels(new: &TaskRunCreate, flow_run: Option<Labels>) -> Labels {
    let own = new.labels.clone().unwrap_or_default();
    let Some(id) = new.flow_run_id else { return own };
    let system = Map::from_iter([("prefect.flow-run.id".to_owned(), Value::String(id.to_string()))]);
    flow_run.unwrap_or_default().merged(&Labels::of(&system)).merged(&own)
}
