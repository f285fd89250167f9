//! Runs of deployments: made by hand, and asked for by served flows.

use domain::DeploymentId;
use domain::deployments::parameters::Work;
use domain::deployments::{
    DeploymentFlowRunCreate, FlowRunBulkCreateResponse, FlowRunCreateResult, MOST_RUNS_AT_ONCE, RunsToCreate,
};
use domain::flow_runs::FlowRun;
use tenant_store::deployments::{self, RunMade, Which};
use tenant_store::flow_runs::waiting;
use wire::{Input, Limit, Time};

use super::{changes, sees_variables};
use crate::api::asks::{asks, created_by};
use crate::api::polls;
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
    let created_by = created_by(&cx)?;
    let (asks, mut work) = (asks(&cx), Work::default());
    let made = deployments::create_run(cx.write().await?, *id, body.0, created_by, &asks, cx.app.key_ring(), &mut work)
        .await?;
    let RunMade { run, fresh, .. } = made.map_err(|why| changes::no_run(why, *id))?;
    Ok(Created::if_fresh(*run, fresh))
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
    let (created_by, asks) = (created_by(&cx)?, asks(&cx));
    if deployments::read(&mut cx.read().await?, Which::Id(*id)).await?.is_none() {
        return Err(super::not_found());
    }
    let (mut results, mut work) = (Vec::with_capacity(runs.len()), Work::default());
    for run in runs {
        let (tx, created_by) = (cx.write().await?, created_by.clone());
        let made = deployments::create_run(tx, *id, run, created_by, &asks, cx.app.key_ring(), &mut work).await;
        results.push(match made {
            Ok(Ok(made)) => FlowRunCreateResult::created(made.run.id),
            Ok(Err(why)) => FlowRunCreateResult::failed(changes::no_run_of_many(why)),
            Err(tenant_store::Error::Conflict(_)) => {
                FlowRunCreateResult::failed("The flow run names an object that is not there.")
            }
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
