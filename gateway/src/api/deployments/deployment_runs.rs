//! Runs of deployments: made by hand, and asked for by served flows.

use domain::DeploymentId;
use domain::deployments::parameters::Work;
use domain::deployments::{
    DeploymentFlowRunCreate, FlowRunBulkCreateResponse, FlowRunCreateResult, MOST_RUNS_AT_ONCE, RunsToCreate,
};
use domain::flow_runs::{CreatedBy, FlowRun};
use tenant_store::Error;
use tenant_store::deployments::{self, NoRun, RunMade, Which};
use tenant_store::flow_runs::waiting;
use tenant_store::orchestration::Asks;
use wire::{Input, Limit, Time};

use super::changes;
use crate::api::asks::{asks, created_by, sees_variables};
use crate::api::polls;
use crate::api::templates::Templates;
use crate::kit::{Call, Created, Failure, Json, JsonBody, Op, Path, Reply};
use crate::live::held::held;
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/deployments/{id}/create_flow_run" create(Path<DeploymentId>, JsonBody<DeploymentFlowRunCreate>) -> Created<FlowRun>,
        need Workspace(RunDeployments), lane Hot, cost One, cache Never, touches [FlowRuns, TaskRuns, WorkPools, Deployments], audit Nothing;
    POST "/deployments/{id}/create_flow_run/bulk" create_many(Path<DeploymentId>, JsonBody<RunsToCreate>) -> Json<FlowRunBulkCreateResponse>,
        need Workspace(RunDeployments), lane Heavy, cost One, cache Never, touches [FlowRuns, TaskRuns, WorkPools, Deployments], audit Nothing;
    POST "/deployments/get_scheduled_flow_runs" scheduled(JsonBody<ScheduledFlowRuns>) -> Json<Vec<FlowRun>>,
        need Workspace(RunDeployments), lane Hot, cost One, cache Never, touches [], audit Nothing;
];

/// Deployments of a poll that waits.
const MOST_WAITED_FOR: usize = 500;

#[derive(Debug, Input)]
#[input(parameters)]
struct ScheduledFlowRuns {
    /// The deployment IDs to get scheduled runs for
    deployment_ids: Vec<DeploymentId>,
    /// The maximum time to look for scheduled flow runs
    scheduled_before: Option<Time>,
    limit: Limit,
}

async fn create(cx: Call, id: Path<DeploymentId>, body: JsonBody<DeploymentFlowRunCreate>) -> Reply<Created<FlowRun>> {
    sees_variables(&cx, &body.0.parameters)?;
    let made = Making::of(&cx, *id)?.make(body.0).await??;
    let RunMade { run, fresh, .. } = made.map_err(|why| changes::no_run(why, *id))?;
    Ok(Created::if_fresh(*run, fresh))
}

/// Runs of one deployment being made for one request.
struct Making<'c> {
    cx: &'c Call,
    id: DeploymentId,
    created_by: Option<CreatedBy>,
    asks: Asks,
    templates: Templates<'c>,
    work: Work,
}

impl<'c> Making<'c> {
    fn of(cx: &'c Call, id: DeploymentId) -> Reply<Self> {
        let (created_by, asks, templates) = (created_by(cx)?, asks(cx), Templates::of(cx)?);
        Ok(Self { cx, id, created_by, asks, templates, work: Work::default() })
    }

    async fn make(&mut self, new: DeploymentFlowRunCreate) -> Reply<Result<Result<RunMade, NoRun>, Error>> {
        let Self { cx, id, created_by, asks, templates, work } = self;
        templates.next();
        loop {
            let (tx, new, by, ring) = (cx.write().await?, new.clone(), created_by.clone(), cx.app.key_ring());
            match deployments::create_run(tx, *id, new, by, asks, ring, work).await {
                Err(Error::Unrendered(asked)) => templates.render(asked, &mut work.rendered).await?,
                made => return Ok(made),
            }
        }
    }
}

async fn create_many(
    cx: Call,
    id: Path<DeploymentId>,
    body: JsonBody<RunsToCreate>,
) -> Reply<Json<FlowRunBulkCreateResponse>> {
    let RunsToCreate(runs) = body.0;
    if runs.len() > MOST_RUNS_AT_ONCE {
        let detail = format!("Cannot create more than {MOST_RUNS_AT_ONCE} flow runs at once.");
        return Err(Failure::bad_request(detail));
    }
    runs.iter().try_for_each(|run| sees_variables(&cx, &run.parameters))?;
    let mut making = Making::of(&cx, *id)?;
    if deployments::read(&mut cx.read().await?, Which::Id(*id)).await?.is_none() {
        return Err(super::not_found());
    }
    let mut results = Vec::with_capacity(runs.len());
    for run in runs {
        results.push(match making.make(run).await? {
            Ok(Ok(made)) => FlowRunCreateResult::created(made.run.id),
            Ok(Err(why)) => FlowRunCreateResult::failed(changes::no_run_of_many(why)),
            Err(Error::Conflict(_)) => FlowRunCreateResult::failed("The flow run names an object that is not there."),
            Err(error) => {
                tracing::warn!(deployment_id = %*id, %error, "a flow run of many was not created");
                FlowRunCreateResult::failed("The flow run could not be created. Try again.")
            }
        });
    }
    Ok(Json(FlowRunBulkCreateResponse { results }))
}

async fn scheduled(cx: Call, body: JsonBody<ScheduledFlowRuns>) -> Reply<Json<Vec<FlowRun>>> {
    let ScheduledFlowRuns { deployment_ids, scheduled_before, limit } = body.0;
    polls::of_deployments(cx.scope()?, deployment_ids.clone());
    // Who wants none does not wait for one, nor who asks for more than a process serves.
    let topics = if limit.0 > 0 && deployment_ids.len() <= MOST_WAITED_FOR {
        deployment_ids.iter().copied().map(waiting::of_deployment).collect()
    } else {
        Vec::new()
    };
    let (cx, ids) = (&cx, &deployment_ids);
    let runs = held(cx, topics, |waited| {
        let before = scheduled_before.map(|before| before + waited);
        Box::pin(async move { Ok(deployments::scheduled_runs(&mut cx.read().await?, ids, before, limit.0).await?) })
    });
    Ok(Json(runs.await?))
}
