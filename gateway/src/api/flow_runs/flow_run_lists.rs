//! Lists of flow runs, and numbers about them (reference: `server/api/flow_runs.py`, `run_history.py`).

use domain::flow_runs::FlowRun;
use domain::history::{HistoryResponse, Intervals};
use serde::Serialize;
use tenant_store::deployments::DeploymentFilter;
use tenant_store::flow_runs::{self, FlowRunFilter, FlowRunSort};
use tenant_store::flows::FlowFilter;
use tenant_store::relations::Filters;
use tenant_store::task_runs::TaskRunFilter;
use tenant_store::work_pools::WorkPoolFilter;
use tenant_store::work_queues::WorkQueueFilter;
use wire::{Input, Limit, Output, Page, Time};

use crate::api::related::related;
use crate::kit::{Call, Failure, Json, JsonBody, Op, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/flow_runs/" list(Query<FlowRunListing>) -> Json<Vec<FlowRun>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/flow_runs/filter" filter(JsonBody<FlowRunsFilter>) -> Json<Vec<FlowRun>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/flow_runs/paginate" paginate(JsonBody<FlowRunsPaginate>) -> Json<FlowRunPaginationResponse>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/flow_runs/count" count(JsonBody<FlowRunsCount>) -> Json<i64>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/flow_runs/lateness" lateness(JsonBody<FlowRunsCount>) -> Json<Option<f64>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/flow_runs/history" history(JsonBody<FlowRunsHistory>) -> Json<Vec<HistoryResponse>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

/// Part of a collection.
#[derive(Debug, Input)]
#[input(parameters)]
struct FlowRunListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: FlowRunSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowRunsFilter {
    limit: Limit,
    #[input(default)]
    sort: FlowRunSort,
    #[input(default, ge = 0)]
    offset: i64,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_pool_queues: Option<WorkQueueFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowRunsPaginate {
    limit: Limit,
    #[input(default)]
    sort: FlowRunSort,
    page: Page,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_pool_queues: Option<WorkQueueFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowRunsCount {
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_pool_queues: Option<WorkQueueFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowRunsHistory {
    /// When the history begins.
    history_start: Time,
    /// When it ends; the last interval may end later.
    history_end: Time,
    /// The length of an interval, in seconds, at least 1.
    history_interval_seconds: f64,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_queues: Option<WorkQueueFilter>,
}

/// A page of flow runs.
#[derive(Debug, Serialize, Output)]
struct FlowRunPaginationResponse {
    results: Vec<FlowRun>,
    count: i64,
    limit: i64,
    pages: i64,
    page: i64,
}

async fn list(cx: Call, query: Query<FlowRunListing>) -> Reply<Json<Vec<FlowRun>>> {
    let FlowRunListing { limit, offset, sort } = query.0;
    Ok(Json(flow_runs::list(&mut cx.read().await?, &Filters::default(), sort, limit.0, offset).await?))
}

async fn filter(cx: Call, body: JsonBody<FlowRunsFilter>) -> Reply<Json<Vec<FlowRun>>> {
    let FlowRunsFilter { limit, sort, offset, flows, flow_runs, task_runs, deployments, work_pools, work_pool_queues } =
        body.0;
    let filters =
        related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues: work_pool_queues })?;
    Ok(Json(flow_runs::list(&mut cx.read().await?, &filters, sort, limit.0, offset).await?))
}

async fn paginate(cx: Call, body: JsonBody<FlowRunsPaginate>) -> Reply<Json<FlowRunPaginationResponse>> {
    let FlowRunsPaginate { limit, sort, page, flows, flow_runs, task_runs, deployments, work_pools, work_pool_queues } =
        body.0;
    let filters =
        related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues: work_pool_queues })?;
    let mut tx = cx.read().await?;
    let results = flow_runs::list(&mut tx, &filters, sort, limit.0, page.offset(limit)).await?;
    let count = flow_runs::count(&mut tx, &filters).await?;
    let pages = page.pages(count, limit);
    Ok(Json(FlowRunPaginationResponse { results, count, limit: limit.0, pages, page: page.0 }))
}

impl From<FlowRunsCount> for Filters {
    fn from(body: FlowRunsCount) -> Self {
        let FlowRunsCount { flows, flow_runs, task_runs, deployments, work_pools, work_pool_queues } = body;
        Self { flows, flow_runs, task_runs, deployments, work_pools, work_queues: work_pool_queues }
    }
}

async fn count(cx: Call, body: JsonBody<FlowRunsCount>) -> Reply<Json<i64>> {
    Ok(Json(flow_runs::count(&mut cx.read().await?, &related(&cx, body.0.into())?).await?))
}

async fn lateness(cx: Call, body: JsonBody<FlowRunsCount>) -> Reply<Json<Option<f64>>> {
    Ok(Json(flow_runs::lateness(&mut cx.read().await?, &related(&cx, body.0.into())?).await?))
}

async fn history(cx: Call, body: JsonBody<FlowRunsHistory>) -> Reply<Json<Vec<HistoryResponse>>> {
    let FlowRunsHistory { history_start, history_end, history_interval_seconds, .. } = body.0;
    let FlowRunsHistory { flows, flow_runs, task_runs, deployments, work_pools, work_queues, .. } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues })?;
    let intervals = Intervals::covering(history_start, history_end, history_interval_seconds)
        .map_err(|bad| Failure::unprocessable(bad.detail()))?;
    Ok(Json(flow_runs::history(&mut cx.read().await?, &filters, &intervals).await?))
}
