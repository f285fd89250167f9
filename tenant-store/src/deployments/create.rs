//! New deployments, and those of the name that there are already: one is made what the request says, and what it does not
//! say stays.

use std::sync::LazyLock;

use domain::deployments::{Deployment, DeploymentCreate};
use domain::job_variables::Checks;
use domain::json_schema::Budget;
use domain::labels::Labels;
use domain::work_queues::WorkQueueCreate;
use domain::{DeploymentId, WorkPoolId, WorkQueueId};
use serde_json::{Map, Value};
use uuid::Uuid;
use wire::{Patch, RawObject, Time};

use super::columns::Set;
use super::job_variables::{Unfit, blocks, fit};
use super::{Unscheduled, Which, limit, read, told, unschedule};
use crate::encryption::KeyRing;
use crate::sql::Columns;
use crate::{Error, Result, Tx, block_documents, concurrency_limits, schedules, work_queues};

/// What stands around a new deployment; always one row.
static AROUND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from (select 1) one left join flow f on f.id = $1 left join work_pool p on p.name = $2",
        Around::COLUMNS
    )
});

/// A row that was inserted has no older version (`xmax`).
static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let names = Set::NAMES;
    let values: Vec<String> = (0..names.len()).map(|at| format!("${}", at + 5)).collect();
    let kept: Vec<String> = names
        .iter()
        .map(|name| format!("{name} = case when '{name}' = any($4) then excluded.{name} else d.{name} end"))
        .collect();
    format!(
        "insert into deployment as d (id, flow_id, name, {}) values ($1, $2, $3, {}) on conflict (flow_id, name) do update \
         set updated = now(), {} returning d.id, d.xmax = 0",
        names.join(", "),
        values.join(", "),
        kept.join(", "),
    )
});

struct Around {
    has_flow: bool,
    flow_labels: Option<Labels>,
    pool: Option<WorkPoolId>,
    default_queue: Option<WorkQueueId>,
    template: Option<RawObject>,
    queue: Option<WorkQueueId>,
}

crate::row! { Around:
    has_flow "f.id is not null",
    flow_labels "f.labels",
    pool "p.id",
    default_queue "p.default_queue_id",
    template "p.base_job_template",
    queue "(select q.id from work_queue q where q.work_pool_id = p.id and q.name = $3)",
}

/// Why a deployment was not created.
#[derive(Debug, Clone, PartialEq)]
pub enum NotCreated {
    /// No work pool has that name.
    NoWorkPool(String),
    /// The job variables do not go with the pool's template.
    JobVariables(Unfit),
    NoLimit,
    /// No such block document: what it is to be, and which.
    NoDocument(&'static str, Uuid),
}

/// The deployment as it is now, and whether it is new. Runs that were made ahead for an older one go, because they would
/// not be what they should. A flow that is not there is a conflict.
pub async fn create(
    mut tx: Tx<'_>,
    new: &DeploymentCreate,
    ring: &KeyRing,
) -> Result<Result<(Deployment, bool), NotCreated>> {
    let pool_name = new.work_pool_name.as_deref().filter(|name| !name.is_empty());
    let queue_name = new.work_queue_name.value().and_then(Option::as_deref).filter(|name| !name.is_empty());
    let around: Around = tx.one(AROUND.as_str(), &[&new.flow_id, &pool_name, &queue_name]).await?;
    if !around.has_flow {
        tx.rollback().await?;
        return Err(Error::Conflict("a deployment names a flow that is not there".into()));
    }
    let mut set = Set::of_create(new, labels(new, around.flow_labels));
    if let Some(pool) = pool_name.filter(|_| around.pool.is_none()) {
        tx.rollback().await?;
        return Ok(Err(NotCreated::NoWorkPool(pool.to_owned())));
    }
    if let (Some(template), Patch::Set(variables)) = (&around.template, &new.job_variables) {
        let blocks = blocks(&mut tx, template, ring).await?;
        let fits =
            blocks.and_then(|blocks| fit(template, &blocks, &[variables], Checks::Deployment, &mut Budget::default()));
        if let Err(unfit) = fits {
            tx.rollback().await?;
            return Ok(Err(NotCreated::JobVariables(unfit)));
        }
    }
    if let Some(refused) = missing(&mut tx, new).await? {
        tx.rollback().await?;
        return Ok(Err(refused));
    }
    // Last: a queue that was made for what is refused would stay out of it, but its pool would be held meanwhile.
    let queue = match (around.pool, queue_name) {
        (Some(_), Some(_)) if around.queue.is_some() => around.queue,
        (Some(pool), Some(name)) => {
            Some(work_queues::ensure(&mut tx, pool, WorkQueueCreate::named(name.to_owned(), None)).await?)
        }
        (Some(_), None) => around.default_queue,
        (None, Some(name)) => Some(work_queues::ensure_alone(&mut tx, name).await?),
        (None, None) => None,
    };
    if queue.is_some() {
        set.work_queue_id = Patch::Set(queue);
    }
    let before = told::of_name(&mut tx, new.flow_id, &new.name).await?;
    let names = set.names();
    let set = set.or_defaults();
    let id = DeploymentId::new(Time::of_machine());
    let mut params: Vec<crate::pool::Param<'_>> = vec![&id, &new.flow_id, &new.name, &names];
    params.extend(set.params());
    let (id, fresh): (DeploymentId, bool) = tx.one(UPSERT.as_str(), &params).await?;
    // Before runs go: the scheduler must not make more of them meanwhile.
    schedules::replace(&mut tx, id, new.schedules.clone()).await?;
    if !fresh {
        unschedule(&mut tx, &[id], Unscheduled::AheadBySchedules).await?;
    }
    limit::set(&mut tx, id, new.concurrency_limit, new.global_concurrency_limit_id).await?;
    let deployment = read(&mut tx, Which::Id(id)).await?;
    told::tell(&mut tx, id, before.as_ref().filter(|_| !fresh)).await?;
    tx.commit().await?;
    let deployment = deployment.ok_or_else(|| Error::internal("a deployment that was just written is not there"))?;
    Ok(Ok((deployment, fresh)))
}

/// What the deployment names and is not there.
async fn missing(tx: &mut Tx<'_>, new: &DeploymentCreate) -> Result<Option<NotCreated>> {
    if let Some(limit) = new.global_concurrency_limit_id.value().copied().flatten()
        && concurrency_limits::read(tx, &concurrency_limits::Which::Id(limit)).await?.is_none()
    {
        return Ok(Some(NotCreated::NoLimit));
    }
    for (what, id) in [("infrastructure", &new.infrastructure_document_id), ("storage", &new.storage_document_id)] {
        if let Some(id) = id.value().copied().flatten()
            && !block_documents::exists(tx, id).await?
        {
            return Ok(Some(NotCreated::NoDocument(what, id)));
        }
    }
    Ok(None)
}

/// Those of the flow, those of the system, its own; the later win.
fn labels(new: &DeploymentCreate, flow: Option<Labels>) -> Labels {
    let system = Map::from_iter([("prefect.flow.id".to_owned(), Value::String(new.flow_id.to_string()))]);
    let labels = flow.unwrap_or_default().merged(&Labels::of(&system));
    match &new.labels {
        Some(own) => labels.merged(own),
        None => labels,
    }
}
