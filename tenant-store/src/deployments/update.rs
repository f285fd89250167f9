//! Changes of a deployment.

use std::sync::LazyLock;

use domain::deployments::DeploymentUpdate;
use domain::deployments::parameters::{self, Unfit, Variables, names_of_variables};
use domain::job_variables::complaint;
use domain::schedules::changes::Refused;
use domain::templates::Rendered;
use domain::work_queues::WorkQueueCreate;
use domain::{DeploymentId, WorkPoolId, WorkQueueId};
use wire::{Patch, RawObject};

use super::columns::Set;
use super::{Unscheduled, limit, told, unschedule};
use crate::sql::Columns;
use crate::{Error, Result, Tx, block_documents, concurrency_limits, schedules, variables, work_queues};

/// A deployment that is about to change, locked, and the pool and queue that are named.
static BEFORE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from deployment d left join work_pool p on p.name = $2 where d.id = $1 for update of d",
        Before::COLUMNS
    )
});

static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let each = Set::NAMES.iter().enumerate();
    let set: Vec<String> = each
        .map(|(at, name)| format!("{name} = case when '{name}' = any($2) then ${} else d.{name} end", at + 3))
        .collect();
    format!("update deployment d set updated = now(), {} where d.id = $1", set.join(", "))
});

const SET_PAUSED: &str = "update deployment set paused = $2, updated = now() where id = $1";

struct Before {
    parameters: RawObject,
    schema: Option<RawObject>,
    enforced: bool,
    pool: Option<WorkPoolId>,
    template: Option<RawObject>,
    default_queue: Option<WorkQueueId>,
    queue: Option<WorkQueueId>,
}

crate::row! { Before:
    parameters "d.parameters",
    schema "d.parameter_openapi_schema",
    enforced "d.enforce_parameter_schema",
    pool "p.id",
    template "p.base_job_template",
    default_queue "p.default_queue_id",
    queue "(select q.id from work_queue q where q.work_pool_id = p.id and q.name = $3)",
}

/// Why a deployment was not changed.
#[derive(Debug, Clone, PartialEq)]
pub enum NotUpdated {
    NoDeployment,
    NoWorkPool(String),
    /// The job variables do not go with the pool's template: the first complaint.
    JobVariables(String),
    NoLimit,
    /// The schedules that were sent do not go with those there are.
    Schedules(Refused),
    /// The parameters would not fit their schema.
    Parameters(Unfit),
}

/// Changes a deployment. Runs that were made ahead go, because they would not be what they should.
pub async fn update(
    mut tx: Tx<'_>,
    id: DeploymentId,
    change: &DeploymentUpdate,
    rendered: &Rendered,
) -> Result<Result<(), NotUpdated>> {
    let pool_name = change.work_pool_name.value().and_then(Option::as_deref).filter(|name| !name.is_empty());
    let queue_name = change.work_queue_name.value().and_then(Option::as_deref).filter(|name| !name.is_empty());
    let before: Option<Before> = tx.opt(BEFORE.as_str(), &[&id, &pool_name, &queue_name]).await?;
    let variables = match change.parameters.value() {
        Some(Some(parameters)) => match names_of_variables(&[parameters], rendered) {
            Ok(names) => variables::values(&mut tx, &names).await?,
            Err(too_large) => {
                tx.rollback().await?;
                return Ok(Err(NotUpdated::Parameters(too_large.into())));
            }
        },
        _ => Variables::new(),
    };
    let unfit = match (before.as_ref().and_then(|before| before.template.as_ref()), change.job_variables.value()) {
        (Some(template), Some(Some(variables))) => complaint(template, variables),
        _ => None,
    };
    let has_limit = match change.global_concurrency_limit_id {
        Patch::Set(Some(limit)) => {
            concurrency_limits::read(&mut tx, &concurrency_limits::Which::Id(limit)).await?.is_some()
        }
        _ => true,
    };
    let mut filled_in = None;
    let refused = match &before {
        None => Some(NotUpdated::NoDeployment),
        Some(before) => match (pool_name, queue_name) {
            (Some(pool), _) if before.pool.is_none() => Some(NotUpdated::NoWorkPool(pool.to_owned())),
            (Some(_), _) if unfit.is_some() => unfit.map(NotUpdated::JobVariables),
            _ if !has_limit => Some(NotUpdated::NoLimit),
            _ => {
                let (schema, enforced) = (before.schema.as_ref(), before.enforced);
                match parameters::after(change, &before.parameters, schema, enforced, &variables, rendered) {
                    Ok(Ok(parameters)) => {
                        filled_in = parameters;
                        None
                    }
                    Ok(Err(unfit)) => Some(NotUpdated::Parameters(unfit)),
                    Err(unrendered) => {
                        tx.rollback().await?;
                        return Err(unrendered.into());
                    }
                }
            }
        },
    };
    let before = match (before, refused) {
        (Some(before), None) => before,
        (_, refused) => {
            tx.rollback().await?;
            return Ok(Err(refused.unwrap_or(NotUpdated::NoDeployment)));
        }
    };
    for document in [&change.storage_document_id, &change.infrastructure_document_id] {
        if let Some(document) = document.value().copied().flatten()
            && !block_documents::exists(&mut tx, document).await?
        {
            tx.rollback().await?;
            return Err(Error::Conflict("a deployment names a block document that is not there".into()));
        }
    }
    let mut set = Set::of_update(change);
    if filled_in.is_some() {
        set.parameters = Patch::Set(filled_in);
    }
    match (before.pool, queue_name) {
        (Some(_), Some(_)) if before.queue.is_some() => set.work_queue_id = Patch::Set(before.queue),
        (Some(pool), Some(name)) => {
            let queue = work_queues::ensure(&mut tx, pool, WorkQueueCreate::named(name.to_owned(), None)).await?;
            set.work_queue_id = Patch::Set(Some(queue));
        }
        (Some(_), None) => set.work_queue_id = Patch::Set(before.default_queue),
        // Out of its pool: to be served.
        (None, _) if change.work_pool_name == Patch::Set(None) => set.work_queue_id = Patch::Set(None),
        (None, Some(name)) => set.work_queue_id = Patch::Set(Some(work_queues::ensure_alone(&mut tx, name).await?)),
        (None, None) => {}
    }
    let told_before = told::of(&mut tx, &[id]).await?;
    let names = set.names();
    let mut params: Vec<crate::pool::Param<'_>> = vec![&id, &names];
    params.extend(set.params());
    tx.run(UPDATE.as_str(), &params).await?;
    limit::set(&mut tx, id, change.concurrency_limit, change.global_concurrency_limit_id).await?;
    // Before runs go: the scheduler must not make more of them meanwhile.
    if let Err(refused) = schedules::change(&mut tx, id, change.schedules.value().cloned()).await? {
        tx.rollback().await?;
        return Ok(Err(NotUpdated::Schedules(refused)));
    }
    unschedule(&mut tx, &[id], Unscheduled::AheadBySchedules).await?;
    if let Some(before) = told_before.first() {
        told::tell(&mut tx, id, Some(before)).await?;
    }
    tx.commit().await?;
    Ok(Ok(()))
}

/// Stops the schedules of a deployment, and takes away the runs that they made; whether there is such a deployment.
pub async fn pause(mut tx: Tx<'_>, id: DeploymentId) -> Result<bool> {
    let found = tx.run(SET_PAUSED, &[&id, &true]).await? == 1;
    schedules::settle(&mut tx, &[id]).await?;
    unschedule(&mut tx, &[id], Unscheduled::BySchedules).await?;
    tx.commit().await?;
    Ok(found)
}

/// Lets the schedules of a deployment go on; whether there is such a deployment.
pub async fn resume(mut tx: Tx<'_>, id: DeploymentId) -> Result<bool> {
    let found = tx.run(SET_PAUSED, &[&id, &false]).await? == 1;
    schedules::settle(&mut tx, &[id]).await?;
    tx.commit().await?;
    Ok(found)
}
