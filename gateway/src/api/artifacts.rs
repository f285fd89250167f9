//! `/artifacts`: what runs leave behind for people to look at (reference: `server/api/artifacts.py`). `GET` on the
//! collection is ours.

use domain::ArtifactId;
use domain::artifacts::{Artifact, ArtifactCollection, ArtifactCreate, ArtifactUpdate};
use tenant_store::artifacts::{
    self, ArtifactCollectionFilter, ArtifactCollectionSort, ArtifactFilter, ArtifactSort, count_latest, list_latest,
};
use tenant_store::deployments::DeploymentFilter;
use tenant_store::flow_runs::FlowRunFilter;
use tenant_store::flows::FlowFilter;
use tenant_store::relations::Filters;
use tenant_store::task_runs::TaskRunFilter;
use wire::{Input, Limit};

use super::related::related;
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/artifacts/" create(JsonBody<ArtifactCreate>) -> Created<Artifact>,
        need Workspace(WriteArtifacts), lane Hot, cost One, cache Never, touches [Artifacts], audit Nothing;
    GET "/artifacts/" list(Query<ArtifactListing>) -> Json<Vec<Artifact>>,
        need Workspace(SeeArtifacts), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/artifacts/{id}" read(Path<ArtifactId>) -> Json<Artifact>,
        need Workspace(SeeArtifacts), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/artifacts/{key}/latest" latest(Path<String>) -> Json<Artifact>,
        need Workspace(SeeArtifacts), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/artifacts/{id}" update(Path<ArtifactId>, JsonBody<ArtifactUpdate>) -> NoContent,
        need Workspace(WriteArtifacts), lane Hot, cost One, cache Never, touches [Artifacts], audit Nothing;
    DELETE "/artifacts/{id}" delete(Path<ArtifactId>) -> NoContent,
        need Workspace(ManageArtifacts), lane Hot, cost One, cache Never, touches [Artifacts], audit Nothing;
    POST "/artifacts/filter" filter(JsonBody<ArtifactsFilter>) -> Json<Vec<Artifact>>,
        need Workspace(SeeArtifacts), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/artifacts/count" count(JsonBody<ArtifactsCount>) -> Json<i64>,
        need Workspace(SeeArtifacts), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/artifacts/latest/filter" filter_latest(JsonBody<LatestArtifactsFilter>) -> Json<Vec<ArtifactCollection>>,
        need Workspace(SeeArtifacts), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/artifacts/latest/count" count_of_latest(JsonBody<LatestArtifactsCount>) -> Json<i64>,
        need Workspace(SeeArtifacts), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

/// One page of the artifacts.
#[derive(Debug, Input)]
#[input(parameters)]
struct ArtifactListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: ArtifactSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct ArtifactsFilter {
    limit: Limit,
    #[input(default)]
    sort: ArtifactSort,
    #[input(default, ge = 0)]
    offset: i64,
    artifacts: Option<ArtifactFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    flows: Option<FlowFilter>,
    deployments: Option<DeploymentFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct ArtifactsCount {
    artifacts: Option<ArtifactFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    flows: Option<FlowFilter>,
    deployments: Option<DeploymentFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct LatestArtifactsFilter {
    limit: Limit,
    #[input(default)]
    sort: ArtifactCollectionSort,
    #[input(default, ge = 0)]
    offset: i64,
    artifacts: Option<ArtifactCollectionFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    flows: Option<FlowFilter>,
    deployments: Option<DeploymentFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct LatestArtifactsCount {
    artifacts: Option<ArtifactCollectionFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    flows: Option<FlowFilter>,
    deployments: Option<DeploymentFilter>,
}

fn not_found() -> Failure {
    Failure::not_found("Artifact not found.")
}

async fn create(cx: Call, body: JsonBody<ArtifactCreate>) -> Reply<Created<Artifact>> {
    Ok(Created::new(artifacts::create(cx.write().await?, &body).await?))
}

async fn list(cx: Call, query: Query<ArtifactListing>) -> Reply<Json<Vec<Artifact>>> {
    let ArtifactListing { limit, offset, sort } = query.0;
    let all = Filters::default();
    Ok(Json(artifacts::list(&mut cx.read().await?, None, &all, sort, limit.0, offset).await?))
}

async fn read(cx: Call, id: Path<ArtifactId>) -> Reply<Json<Artifact>> {
    artifacts::read(&mut cx.read().await?, *id).await?.map(Json).ok_or_else(not_found)
}

async fn latest(cx: Call, key: Path<String>) -> Reply<Json<Artifact>> {
    let latest = artifacts::latest_of(&mut cx.read().await?, &key).await?;
    latest.map(|latest| Json(latest.into_artifact())).ok_or_else(not_found)
}

async fn update(cx: Call, id: Path<ArtifactId>, body: JsonBody<ArtifactUpdate>) -> Reply<NoContent> {
    match artifacts::update(cx.write().await?, *id, &body).await? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn delete(cx: Call, id: Path<ArtifactId>) -> Reply<NoContent> {
    match artifacts::delete(cx.write().await?, *id).await? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn filter(cx: Call, body: JsonBody<ArtifactsFilter>) -> Reply<Json<Vec<Artifact>>> {
    let ArtifactsFilter { limit, sort, offset, artifacts, flow_runs, task_runs, flows, deployments } = body.0;
    let related = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    Ok(Json(artifacts::list(&mut cx.read().await?, artifacts.as_ref(), &related, sort, limit.0, offset).await?))
}

async fn count(cx: Call, body: JsonBody<ArtifactsCount>) -> Reply<Json<i64>> {
    let ArtifactsCount { artifacts, flow_runs, task_runs, flows, deployments } = body.0;
    let related = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    Ok(Json(artifacts::count(&mut cx.read().await?, artifacts.as_ref(), &related).await?))
}

async fn filter_latest(cx: Call, body: JsonBody<LatestArtifactsFilter>) -> Reply<Json<Vec<ArtifactCollection>>> {
    let LatestArtifactsFilter { limit, sort, offset, artifacts, flow_runs, task_runs, flows, deployments } = body.0;
    let related = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    Ok(Json(list_latest(&mut cx.read().await?, artifacts.as_ref(), &related, sort, limit.0, offset).await?))
}

async fn count_of_latest(cx: Call, body: JsonBody<LatestArtifactsCount>) -> Reply<Json<i64>> {
    let LatestArtifactsCount { artifacts, flow_runs, task_runs, flows, deployments } = body.0;
    let related = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    Ok(Json(count_latest(&mut cx.read().await?, artifacts.as_ref(), &related).await?))
}
