//! `/deployments`: deployments one by one (reference: `server/api/deployments.py`). Lists of them are in
//! [`deployment_lists`], their runs in [`deployment_runs`].

mod changes;
pub mod deployment_lists;
pub mod deployment_runs;

use domain::DeploymentId;
use domain::deployments::{Deployment, DeploymentCreate, DeploymentUpdate};
use domain::schedules::countable;
use domain::templates::Rendered;
use domain::work_queues::WorkQueue;
use tenant_store::deployments::{self, Which};
use tenant_store::{Error, work_queues};
use wire::Patch;

use crate::api::asks::sees_variables;
use crate::api::templates::Templates;
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

// What is read holds when it was last polled and how many slots its limit has left, so no answer is kept.
pub static OPS: &[Op] = ops![
    POST "/deployments/" create(JsonBody<DeploymentCreate>) -> Created<Deployment>,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [ConcurrencyLimits, WorkPools, Deployments, FlowRuns, TaskRuns, Logs], audit Nothing;
    GET "/deployments/{id}" read(Path<DeploymentId>) -> Json<Deployment>,
        need Workspace(SeeDeployments), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/deployments/name/{flow_name}/{deployment_name}" by_name(Path<(String, String)>) -> Json<Deployment>,
        need Workspace(SeeDeployments), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/deployments/{id}" update(Path<DeploymentId>, JsonBody<DeploymentUpdate>) -> NoContent,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [ConcurrencyLimits, WorkPools, Deployments, FlowRuns, TaskRuns, Logs], audit Nothing;
    DELETE "/deployments/{id}" delete(Path<DeploymentId>) -> NoContent,
        need Workspace(ManageDeployments), lane Hot, cost One, cache Never, touches [ConcurrencyLimits, Deployments, FlowRuns, TaskRuns, Logs], audit Nothing;
    GET "/deployments/{id}/work_queue_check" work_queue_check(Path<DeploymentId>) -> Json<Vec<WorkQueue>>,
        need Workspace(SeeDeployments), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/deployments/{id}/pause_deployment" pause(Path<DeploymentId>) -> Json<()>,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [Deployments, FlowRuns, TaskRuns, Logs], audit Nothing;
    POST "/deployments/{id}/resume_deployment" resume(Path<DeploymentId>) -> Json<()>,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [Deployments], audit Nothing;
];

fn not_found() -> Failure {
    Failure::not_found("Deployment not found")
}

async fn create(cx: Call, body: JsonBody<DeploymentCreate>) -> Reply<Created<Deployment>> {
    sees_variables(&cx, &body.parameters)?;
    countable(body.schedules.iter().map(|new| &new.schedule))?;
    let created = deployments::create(cx.write().await?, &body, cx.app.key_ring()).await?;
    let (deployment, fresh) = created.map_err(changes::not_created)?;
    Ok(Created::if_fresh(deployment, fresh))
}

async fn read(cx: Call, id: Path<DeploymentId>) -> Reply<Json<Deployment>> {
    deployments::read(&mut cx.read().await?, Which::Id(*id)).await?.map(Json).ok_or_else(not_found)
}

async fn by_name(cx: Call, path: Path<(String, String)>) -> Reply<Json<Deployment>> {
    let (flow, deployment) = &*path;
    deployments::read(&mut cx.read().await?, Which::Name { flow, deployment }).await?.map(Json).ok_or_else(not_found)
}

async fn update(cx: Call, id: Path<DeploymentId>, body: JsonBody<DeploymentUpdate>) -> Reply<NoContent> {
    if let Some(Some(parameters)) = body.parameters.value() {
        sees_variables(&cx, parameters)?;
    }
    if let Patch::Set(schedules) = &body.schedules {
        countable(schedules.iter().filter_map(|change| change.schedule.as_ref()))?;
    }
    let (mut templates, mut rendered) = (Templates::of(&cx)?, Rendered::new());
    let updated = loop {
        match deployments::update(cx.write().await?, *id, &body, &rendered).await {
            Err(Error::Unrendered(asked)) => templates.render(asked, &mut rendered).await?,
            updated => break updated?,
        }
    };
    updated.map_err(changes::not_updated)?;
    Ok(NoContent)
}

async fn delete(cx: Call, id: Path<DeploymentId>) -> Reply<NoContent> {
    match deployments::delete(cx.write().await?, &[*id]).await?.is_empty() {
        false => Ok(NoContent),
        true => Err(not_found()),
    }
}

async fn work_queue_check(cx: Call, id: Path<DeploymentId>) -> Reply<Json<Vec<WorkQueue>>> {
    work_queues::able_to_run(&mut cx.read().await?, *id).await?.map(Json).ok_or_else(not_found)
}

async fn pause(cx: Call, id: Path<DeploymentId>) -> Reply<Json<()>> {
    found(deployments::pause(cx.write().await?, *id).await?)
}

async fn resume(cx: Call, id: Path<DeploymentId>) -> Reply<Json<()>> {
    found(deployments::resume(cx.write().await?, *id).await?)
}

fn found(found: bool) -> Reply<Json<()>> {
    match found {
        true => Ok(Json(())),
        false => Err(not_found()),
    }
}
