//! Runs of deployments, made by hand: what a request does not say, the deployment does.

use std::sync::LazyLock;

use domain::deployments::DeploymentFlowRunCreate;
use domain::deployments::parameters::{self, Work, names_of_variables};
use domain::flow_runs::{CreatedBy, FlowRun, FlowRunCreate, OfDeployment};
use domain::job_variables::{Blocks, Checks};
use domain::state::StateType;
use domain::states::StateCreate;
use domain::work_queues::WorkQueueCreate;
use domain::{DeploymentId, FlowId, WorkPoolId, WorkQueueId};
use uuid::Uuid;
use wire::RawObject;

use super::job_variables::{Unfit, blocks, fit};
use crate::encryption::KeyRing;
use crate::flow_runs::{self, Creation};
use crate::orchestration::{Aftermath, Asks};
use crate::sql::Columns;
use crate::{Error, Result, Tx, variables, work_queues};

/// A deployment as its runs need it. Nobody keeps it from changing meanwhile: a run is of the deployment as it was found.
static DEPLOYMENT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from deployment d left join work_queue q on q.id = d.work_queue_id \
         left join work_pool p on p.id = q.work_pool_id where d.id = $1",
        Deployment::COLUMNS
    )
});

struct Deployment {
    flow_id: FlowId,
    version: Option<String>,
    tags: Vec<String>,
    parameters: RawObject,
    schema: Option<RawObject>,
    enforced: bool,
    infrastructure_document_id: Option<Uuid>,
    work_queue_name: Option<String>,
    work_queue_id: Option<WorkQueueId>,
    work_pool_id: Option<WorkPoolId>,
    template: Option<RawObject>,
    job_variables: RawObject,
    /// The queue that the request names, where the pool has one of that name.
    named_queue_id: Option<WorkQueueId>,
}

crate::row! { Deployment:
    flow_id "d.flow_id",
    version "d.version",
    tags "d.tags",
    parameters "d.parameters",
    schema "d.parameter_openapi_schema",
    enforced "d.enforce_parameter_schema",
    infrastructure_document_id "d.infrastructure_document_id",
    work_queue_name "d.work_queue_name",
    work_queue_id "d.work_queue_id",
    work_pool_id "q.work_pool_id",
    template "p.base_job_template",
    job_variables "d.job_variables",
    named_queue_id "(select o.id from work_queue o where o.work_pool_id = q.work_pool_id and o.name = $2)",
}

/// A run that was made, or was there under its idempotency key.
#[derive(Debug)]
pub struct RunMade {
    pub run: Box<FlowRun>,
    pub fresh: bool,
    pub aftermath: Aftermath,
}

/// Why no run was made.
#[derive(Debug, Clone, PartialEq)]
pub enum NoRun {
    NoDeployment,
    Parameters(parameters::Unfit),
    /// It is to wait in a queue, and the deployment has no pool.
    NoWorkPool(String),
    /// The job variables do not go with the pool's template.
    JobVariables(Unfit),
}

/// Makes a run of a deployment, or finds the one with its idempotency key.
pub async fn create_run(
    mut tx: Tx<'_>,
    id: DeploymentId,
    new: DeploymentFlowRunCreate,
    created_by: Option<CreatedBy>,
    asks: &Asks,
    ring: &KeyRing,
    work: &mut Work,
) -> Result<Result<RunMade, NoRun>> {
    let queue_name = new.work_queue_name.clone().filter(|name| !name.is_empty());
    let Some(deployment) = tx.opt::<Deployment>(DEPLOYMENT.as_str(), &[&id, &queue_name]).await? else {
        tx.rollback().await?;
        return Ok(Err(NoRun::NoDeployment));
    };
    let variables = match names_of_variables(&[&deployment.parameters, &new.parameters], &work.rendered) {
        Ok(names) => variables::values(&mut tx, &names).await?,
        Err(too_large) => {
            tx.rollback().await?;
            return Ok(Err(NoRun::Parameters(too_large.into())));
        }
    };
    let blocks = match &deployment.template {
        Some(template) => blocks(&mut tx, template, ring).await?,
        None => Ok(Blocks::new()),
    };
    let missing_queue = match (&queue_name, deployment.work_pool_id, deployment.named_queue_id) {
        (Some(name), Some(pool), None) => Some((pool, name.clone())),
        _ => None,
    };
    let (schema, enforced) = (&deployment.schema, new.enforce_parameter_schema.unwrap_or(deployment.enforced));
    let own = &new.parameters;
    let planned = match parameters::of_run(&deployment.parameters, own, schema.as_ref(), enforced, &variables, work) {
        Ok(Ok(parameters)) => planned(id, deployment, new, parameters, queue_name, blocks, work),
        Ok(Err(unfit)) => Err(NoRun::Parameters(unfit)),
        Err(unrendered) => {
            tx.rollback().await?;
            return Err(unrendered.into());
        }
    };
    let (run, mut of) = match planned {
        Ok(planned) => planned,
        Err(refused) => {
            tx.rollback().await?;
            return Ok(Err(refused));
        }
    };
    if let Some((pool, name)) = missing_queue {
        of.work_queue_id = Some(work_queues::ensure(&mut tx, pool, WorkQueueCreate::named(name, None)).await?);
    }
    match flow_runs::create_of(tx, run, of, created_by, asks).await? {
        Creation::Made(run, aftermath) => Ok(Ok(RunMade { run, fresh: true, aftermath })),
        Creation::Found(run) => Ok(Ok(RunMade { run, fresh: false, aftermath: Aftermath::default() })),
        // It names neither: its queue is known by its id.
        Creation::NoWorkPool | Creation::NoWorkQueue => Err(Error::internal("a run that names no pool asked for one")),
    }
}

fn planned(
    id: DeploymentId,
    deployment: Deployment,
    new: DeploymentFlowRunCreate,
    parameters: RawObject,
    queue_name: Option<String>,
    blocks: Result<Blocks, Unfit>,
    work: &mut Work,
) -> Result<(FlowRunCreate, OfDeployment), NoRun> {
    if let Some(template) = &deployment.template {
        let own = new.job_variables.clone().unwrap_or_default();
        let layers = [&deployment.job_variables, &own];
        let fits = blocks.and_then(|blocks| fit(template, &blocks, &layers, Checks::Run, &mut work.job_variables));
        fits.map_err(NoRun::JobVariables)?;
    }
    let (work_queue_name, work_queue_id) = match queue_name {
        None => (deployment.work_queue_name, deployment.work_queue_id),
        Some(name) if deployment.work_pool_id.is_none() => return Err(NoRun::NoWorkPool(name)),
        Some(name) => (Some(name), deployment.named_queue_id),
    };
    let mut tags: Vec<String> = Vec::new();
    for tag in deployment.tags.into_iter().chain(new.tags) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let run = FlowRunCreate {
        state: Some(new.state.unwrap_or_else(scheduled_now)),
        name: new.name,
        flow_id: deployment.flow_id,
        flow_version: None,
        parameters,
        context: new.context,
        parent_task_run_id: new.parent_task_run_id,
        infrastructure_document_id: new.infrastructure_document_id.or(deployment.infrastructure_document_id),
        empirical_policy: new.empirical_policy,
        tags,
        labels: new.labels,
        idempotency_key: new.idempotency_key,
        work_pool_name: None,
        work_queue_name,
        job_variables: new.job_variables,
        deployment_id: Some(id),
    };
    Ok((run, OfDeployment { version: deployment.version, work_queue_id }))
}

/// The state of a run that is to start at once.
fn scheduled_now() -> StateCreate {
    StateCreate {
        type_: StateType::Scheduled,
        name: None,
        message: None,
        data: None,
        state_details: Default::default(),
    }
}
