//! `/flows`: what is run (reference: `server/api/flows.py`).

use domain::FlowId;
use domain::flows::{Flow, FlowCreate, FlowUpdate};
use serde::Serialize;
use tenant_store::deployments::DeploymentFilter;
use tenant_store::flow_runs::FlowRunFilter;
use tenant_store::flows::{self, FlowFilter, FlowSort};
use tenant_store::relations::Filters;
use tenant_store::task_runs::TaskRunFilter;
use tenant_store::work_pools::WorkPoolFilter;
use wire::{Input, Limit, Output, Page};

use super::related::related;
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/flows/" create(JsonBody<FlowCreate>) -> Created<Flow>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [Flows], audit Nothing;
    GET "/flows/" list(Query<FlowListing>) -> Json<Vec<Flow>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/flows/{id}" read(Path<FlowId>) -> Json<Flow>,
        need Workspace(SeeFlows), lane Read, cost One, cache Kind(Flows), touches [], audit Nothing;
    GET "/flows/name/{name}" by_name(Path<String>) -> Json<Flow>,
        need Workspace(SeeFlows), lane Read, cost One, cache Kind(Flows), touches [], audit Nothing;
    PATCH "/flows/{id}" update(Path<FlowId>, JsonBody<FlowUpdate>) -> NoContent,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [Flows], audit Nothing;
    DELETE "/flows/{id}" delete(Path<FlowId>) -> NoContent,
        need Workspace(ManageFlows), lane Hot, cost One, cache Never, touches [Flows, FlowRuns, TaskRuns, Logs, Artifacts, Deployments], audit Nothing;
    POST "/flows/filter" filter(JsonBody<FlowsFilter>) -> Json<Vec<Flow>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/flows/count" count(JsonBody<FlowsCount>) -> Json<i64>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/flows/paginate" paginate(JsonBody<FlowsPaginate>) -> Json<FlowPage>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/flows/bulk_delete" bulk_delete(JsonBody<FlowsBulkDelete>) -> Json<FlowBulkDeleteResponse>,
        need Workspace(ManageFlows), lane Heavy, cost One, cache Never, touches [Flows, FlowRuns, TaskRuns, Logs, Artifacts, Deployments], audit Nothing;
];

/// One page of a collection.
#[derive(Debug, Input)]
#[input(parameters)]
struct FlowListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: FlowSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowsFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    #[input(default)]
    sort: FlowSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowsCount {
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowsPaginate {
    limit: Limit,
    page: Page,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    #[input(default)]
    sort: FlowSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowsBulkDelete {
    /// Filter criteria for flows to delete
    flows: Option<FlowFilter>,
    /// Maximum number of flows to delete. Defaults to 50.
    #[input(default = 50, ge = 1, le = 50)]
    limit: i64,
}

/// A page of flows.
#[derive(Debug, Serialize, Output)]
struct FlowPage {
    results: Vec<Flow>,
    count: i64,
    limit: i64,
    pages: i64,
    page: i64,
}

/// The ids of the flows that were deleted.
#[derive(Debug, Serialize, Output)]
struct FlowBulkDeleteResponse {
    deleted: Vec<FlowId>,
}

fn not_found() -> Failure {
    Failure::not_found("Flow not found")
}

async fn create(cx: Call, body: JsonBody<FlowCreate>) -> Reply<Created<Flow>> {
    // Nearly every run begins with creating a flow that is there. A look writes nothing, so no kept answer ends with it.
    if let Some(flow) = flows::by_name(&mut cx.read().await?, &body.name).await? {
        return Ok(Created::if_fresh(flow, false));
    }
    for _ in 0..3 {
        if let Some((flow, fresh)) = flows::create(cx.write().await?, &body).await? {
            return Ok(Created::if_fresh(flow, fresh));
        }
    }
    Err(Failure::unavailable(
        "The flow is being created and deleted at once. Try again.",
        "flow create lost three races",
    ))
}

async fn list(cx: Call, query: Query<FlowListing>) -> Reply<Json<Vec<Flow>>> {
    let FlowListing { limit, offset, sort } = query.0;
    Ok(Json(flows::list(&mut cx.read().await?, &Filters::default(), sort, limit.0, offset).await?))
}

async fn read(cx: Call, id: Path<FlowId>) -> Reply<Json<Flow>> {
    flows::read(&mut cx.read().await?, *id).await?.map(Json).ok_or_else(not_found)
}

async fn by_name(cx: Call, name: Path<String>) -> Reply<Json<Flow>> {
    flows::by_name(&mut cx.read().await?, &name).await?.map(Json).ok_or_else(not_found)
}

async fn update(cx: Call, id: Path<FlowId>, body: JsonBody<FlowUpdate>) -> Reply<NoContent> {
    match flows::update(cx.write().await?, *id, &body).await? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn delete(cx: Call, id: Path<FlowId>) -> Reply<NoContent> {
    match flows::delete(cx.write().await?, &[*id]).await?.is_empty() {
        false => Ok(NoContent),
        true => Err(not_found()),
    }
}

async fn filter(cx: Call, body: JsonBody<FlowsFilter>) -> Reply<Json<Vec<Flow>>> {
    let FlowsFilter { limit, offset, flows, flow_runs, task_runs, deployments, work_pools, sort } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues: None })?;
    Ok(Json(flows::list(&mut cx.read().await?, &filters, sort, limit.0, offset).await?))
}

async fn count(cx: Call, body: JsonBody<FlowsCount>) -> Reply<Json<i64>> {
    let FlowsCount { flows, flow_runs, task_runs, deployments, work_pools } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues: None })?;
    Ok(Json(flows::count(&mut cx.read().await?, &filters).await?))
}

async fn paginate(cx: Call, body: JsonBody<FlowsPaginate>) -> Reply<Json<FlowPage>> {
    let FlowsPaginate { limit, page, flows, flow_runs, task_runs, deployments, work_pools, sort } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues: None })?;
    let mut tx = cx.read().await?;
    let results = flows::list(&mut tx, &filters, sort, limit.0, page.offset(limit)).await?;
    let count = flows::count(&mut tx, &filters).await?;
    Ok(Json(FlowPage { results, count, limit: limit.0, pages: page.pages(count, limit), page: page.0 }))
}

async fn bulk_delete(cx: Call, body: JsonBody<FlowsBulkDelete>) -> Reply<Json<FlowBulkDeleteResponse>> {
    let FlowsBulkDelete { flows, limit } = body.0;
    let filters = Filters { flows, ..Filters::default() };
    let found = flows::list(&mut cx.read().await?, &filters, FlowSort::default(), limit, 0).await?;
    let ids: Vec<FlowId> = found.iter().map(|flow| flow.id).collect();
    let deleted = flows::delete(cx.write().await?, &ids).await?;
    Ok(Json(FlowBulkDeleteResponse { deleted }))
}
