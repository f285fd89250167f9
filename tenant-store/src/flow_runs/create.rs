//! New flow runs: found by their idempotency key, or inserted in their first state, in two round trips.

use std::sync::LazyLock;

use domain::flow_runs::{CreatedBy, FlowRun, FlowRunCreate, OfDeployment};
use domain::labels::Labels;
use domain::rules::decision::Written;
use domain::rules::facts::FlowFacts;
use domain::rules::{FlowPolicy, Proposal, decide_flow};
use domain::run::{FlowRunCore, Progress};
use domain::slug::slug;
use domain::state::State;
use domain::stored::Stored;
use domain::{FlowRunId, StateId, WorkQueueId};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use wire::{RawJson, Time};

use super::facts::Around;
use super::{read, waiting};
use crate::orchestration::{
    Aftermath, Asks, Cells, Changes, NewFlowRun, Stands, apply_flow, count, due, flow_falls_due, task_columns,
};
use crate::pool::FromRow;
use crate::{Error, Lane, Result, Tx, block_documents, events};

/// What a new run needs to know; always one row. The task run that stands for it is locked.
static FACTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "with t as materialized (select {task} from task_run t where t.id = $3 for update), \
         p as (select p.id, p.name, p.type, p.default_queue_id from work_pool p \
            where case when $7::uuid is null then p.name = $5 else p.id = (select o.work_pool_id from work_queue o where o.id = $7) end), \
         q as (select q.id, q.name from p join work_queue q on q.work_pool_id = p.id \
            where case when $7 is not null then q.id = $7 when $6::text is null then q.id = p.default_queue_id else q.name = $6 end) \
         select clock_timestamp(), (select e.id from flow_run e where e.flow_id = $1 and e.idempotency_key = $2), \
         f.labels, d.labels, f.id, f.name, f.tags, d.id, d.name, d.tags, q.id, q.name, p.id, p.name, p.type, {task} \
         from (select 1) one left join flow f on f.id = $1 left join deployment d on d.id = $4 \
         left join p on true left join q on true left join t on true",
        task = task_columns!(),
    )
});

struct Facts {
    now: Time,
    existing: Option<FlowRunId>,
    flow_labels: Option<Labels>,
    deployment_labels: Option<Labels>,
    around: Around,
}

impl FromRow for Facts {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let cells = &mut Cells::of(row);
        Ok(Self {
            now: cells.next()?,
            existing: cells.next()?,
            flow_labels: cells.next()?,
            deployment_labels: cells.next()?,
            around: Around::read(Vec::new(), None, cells)?,
        })
    }
}

/// What became of a request for a new run.
#[derive(Debug)]
pub enum Creation {
    /// Boxed: it is much larger than the rest.
    Made(Box<FlowRun>, Aftermath),
    /// A run of the flow has the idempotency key; it is as it was.
    Found(Box<FlowRun>),
    NoWorkPool,
    NoWorkQueue,
}

/// Creates a run, or finds the one with its idempotency key. A flow or parent task run that is not there is a conflict.
pub async fn create(tx: Tx<'_>, new: FlowRunCreate, created_by: Option<CreatedBy>, asks: &Asks) -> Result<Creation> {
    create_of(tx, new, OfDeployment::default(), created_by, asks).await
}

/// The same for a deployment, which was read in this transaction.
pub(crate) async fn create_of(
    mut tx: Tx<'_>,
    new: FlowRunCreate,
    of: OfDeployment,
    created_by: Option<CreatedBy>,
    asks: &Asks,
) -> Result<Creation> {
    let scope = tx.scope();
    // Twice: the key may be taken between the look and the insert, and then the next look finds it.
    for last in [false, true] {
        match attempt(tx, new.clone(), of.clone(), created_by.clone(), asks).await {
            Err(Error::Conflict(text)) if !last && text.contains("flow_run_idempotency") => {}
            done => return done,
        }
        tx = scope.write(Lane::Hot).await?;
    }
    // The loop's last pass returns.
    Err(Error::internal("a run was neither made nor found"))
}

async fn attempt(
    mut tx: Tx<'_>,
    new: FlowRunCreate,
    of: OfDeployment,
    created_by: Option<CreatedBy>,
    asks: &Asks,
) -> Result<Creation> {
    // Without a pool there is no queue, whatever its name.
    let pool_name = new.work_pool_name.as_deref().filter(|name| !name.is_empty());
    let queue_name = new.work_queue_name.as_deref().filter(|name| !name.is_empty());
    let params: [crate::pool::Param<'_>; 7] = [
        &new.flow_id,
        &new.idempotency(),
        &new.parent_task_run_id,
        &new.deployment_id,
        &pool_name,
        &queue_name,
        &of.work_queue_id,
    ];
    let facts: Facts = tx.one(FACTS.as_str(), &params).await?;
    let (pool, queue) = (facts.around.work_pool.is_some(), facts.around.work_queue.is_some());
    if pool_name.is_some() && queue_name.is_some() && !queue {
        tx.rollback().await?;
        return Ok(Creation::NoWorkQueue);
    }
    if pool_name.is_some() && !pool {
        tx.rollback().await?;
        return Ok(Creation::NoWorkPool);
    }
    if let Some(existing) = facts.existing {
        let run =
            read(&mut tx, existing).await?.ok_or_else(|| Error::Unavailable("the run is being deleted".into()))?;
        tx.rollback().await?;
        return Ok(Creation::Found(Box::new(run)));
    }
    let infrastructure = match new.infrastructure_document_id {
        Some(id) => block_documents::exists(&mut tx, id).await?,
        None => true,
    };
    let missing = match () {
        () if facts.around.flow.is_none() => Some("flow"),
        () if new.parent_task_run_id.is_some() && facts.around.parent.is_none() => Some("parent task run"),
        () if !infrastructure => Some("infrastructure document"),
        () => None,
    };
    if let Some(missing) = missing {
        tx.rollback().await?;
        return Err(Error::Conflict(format!("a flow run names a {missing} that is not there")));
    }
    let (changes, aftermath, falls_due) = plan(&mut tx, new, of, created_by, facts, asks)?;
    tx.falls_due(falls_due);
    let scope = tx.scope();
    let run = tx.last_one(changes.text(), &changes.params()).await?;
    events::announce_changes(scope, &aftermath.events);
    Ok(Creation::Made(Box::new(run), aftermath))
}

/// The rows of a new run.
fn plan(
    tx: &mut Tx<'_>,
    new: FlowRunCreate,
    of: OfDeployment,
    created_by: Option<CreatedBy>,
    facts: Facts,
    asks: &Asks,
) -> Result<(Changes, Aftermath, Option<Time>)> {
    let Facts { now, flow_labels, deployment_labels, mut around, .. } = facts;
    let work_queue_id: Option<WorkQueueId> = around.work_queue.as_ref().map(|queue| queue.id);
    let labels = labels(&new, flow_labels, deployment_labels);
    let created_by = created_by.as_ref().map(Stored::of);
    around.tags.clone_from(&new.tags);
    around.created_by.clone_from(&created_by);
    let (around, facts) = around.parse()?;

    let id = FlowRunId::new(now);
    let idempotency_key = new.idempotency().map(str::to_owned);
    let name = new.name.unwrap_or_else(|| slug(rand::random()));
    let state_id = StateId::new(now);
    let state = match new.state {
        Some(state) => state.into_state(state_id, now),
        None => State::pending(state_id, now),
    };
    let run = FlowRunCore {
        id,
        name: name.clone(),
        deployment_id: new.deployment_id,
        parent_task_run_id: new.parent_task_run_id,
        infrastructure_pid: None,
        empirical_policy: new.empirical_policy,
        progress: Progress::default(),
    };
    let facts = FlowFacts { parent_task: facts.parent_task, deployment: facts.deployment, ..FlowFacts::default() };
    let Asks { caller, settings } = asks;
    let proposal = Proposal { run, state, facts: &facts, caller, now, settings, seed: rand::random() };
    let decision = decide_flow(proposal, FlowPolicy::Minimal);

    let (mut changes, mut aftermath) = (Changes::default(), Aftermath::default());
    apply_flow(&decision, &around, Stands::New, settings, &mut changes, &mut aftermath);
    let state = decision.written.as_ref().map(|Written { state, .. }| state);
    waiting::wake(tx, state, &around);
    let progress = &decision.run.progress;
    changes.new_flow_run(NewFlowRun {
        id,
        name,
        flow_id: new.flow_id,
        flow_version: new.flow_version,
        deployment_id: new.deployment_id,
        deployment_version: of.version,
        work_queue_id,
        work_queue_name: new.work_queue_name,
        parent_task_run_id: new.parent_task_run_id,
        idempotency_key,
        auto_scheduled: false,
        parameters: new.parameters,
        context: new.context,
        empirical_policy: Stored::of(&decision.run.empirical_policy),
        tags: RawJson::of(&new.tags),
        labels,
        job_variables: Some(new.job_variables.unwrap_or_default()),
        infrastructure_document_id: new.infrastructure_document_id,
        created_by,
        state_id: state.map(|state| state.id),
        state_type: state.map(|state| state.type_),
        state_name: state.map(|state| state.name().to_owned()),
        state_timestamp: state.map(|state| state.timestamp),
        state: state.map(Stored::of),
        state_due: state.and_then(|state| due(state, settings)),
        run_count: count(progress.run_count),
        expected_start_time: progress.expected_start_time,
        next_scheduled_start_time: progress.next_scheduled_start_time,
        start_time: progress.start_time,
        end_time: progress.end_time,
    });
    Ok((changes, aftermath, flow_falls_due(&decision, settings)))
}

/// A run's labels: its deployment's or else its flow's, those of the system, its own; the later win.
fn labels(new: &FlowRunCreate, flow: Option<Labels>, deployment: Option<Labels>) -> Labels {
    let mut system = Map::new();
    system.insert("prefect.flow.id".into(), Value::String(new.flow_id.to_string()));
    let inherited = match (deployment, new.deployment_id) {
        (Some(labels), Some(id)) => {
            system.insert("prefect.deployment.id".into(), Value::String(id.to_string()));
            labels
        }
        _ => flow.unwrap_or_default(),
    };
    let labels = inherited.merged(&Labels::of(&system));
    match &new.labels {
        Some(own) => labels.merged(own),
        None => labels,
    }
}
