//! Lists of task runs, and numbers about them (reference: `server/api/task_runs.py`, `run_history.py`).

use domain::history::{HistoryResponse, Intervals};
use domain::task_runs::{TaskRun, TaskRunResponse};
use serde::Serialize;
use tenant_store::deployments::DeploymentFilter;
use tenant_store::flow_runs::FlowRunFilter;
use tenant_store::flows::FlowFilter;
use tenant_store::relations::Filters;
use tenant_store::task_runs::{self, TaskRunFilter, TaskRunSort};
use wire::{Input, Limit, Output, Page, Time};

use crate::api::related::related;
use crate::kit::{Call, Failure, Json, JsonBody, Op, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/task_runs/" list(Query<TaskRunListing>) -> Json<Vec<TaskRun>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/task_runs/filter" filter(JsonBody<TaskRunsFilter>) -> Json<Vec<TaskRun>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/task_runs/paginate" paginate(JsonBody<TaskRunsPaginate>) -> Json<TaskRunPaginationResponse>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/task_runs/count" count(JsonBody<TaskRunsCount>) -> Json<i64>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/task_runs/history" history(JsonBody<TaskRunsHistory>) -> Json<Vec<HistoryResponse>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

/// Part of a collection.
#[derive(Debug, Input)]
#[input(parameters)]
struct TaskRunListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: TaskRunSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct TaskRunsFilter {
    limit: Limit,
    #[input(default)]
    sort: TaskRunSort,
    #[input(default, ge = 0)]
    offset: i64,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct TaskRunsPaginate {
    limit: Limit,
    #[input(default)]
    sort: TaskRunSort,
    page: Page,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct TaskRunsCount {
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct TaskRunsHistory {
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
}

/// A page of task runs.
#[derive(Debug, Serialize, Output)]
struct TaskRunPaginationResponse {
    results: Vec<TaskRunResponse>,
    count: i64,
    limit: i64,
    pages: i64,
    page: i64,
}

async fn list(cx: Call, query: Query<TaskRunListing>) -> Reply<Json<Vec<TaskRun>>> {
    let TaskRunListing { limit, offset, sort } = query.0;
    Ok(Json(task_runs::list(&mut cx.read().await?, &Filters::default(), sort, limit.0, offset).await?))
}

async fn filter(cx: Call, body: JsonBody<TaskRunsFilter>) -> Reply<Json<Vec<TaskRun>>> {
    let TaskRunsFilter { limit, sort, offset, flows, flow_runs, task_runs, deployments } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    Ok(Json(task_runs::list(&mut cx.read().await?, &filters, sort, limit.0, offset).await?))
}

async fn paginate(cx: Call, body: JsonBody<TaskRunsPaginate>) -> Reply<Json<TaskRunPaginationResponse>> {
    let TaskRunsPaginate { limit, sort, page, flows, flow_runs, task_runs, deployments } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    let mut tx = cx.read().await?;
    let results = task_runs::page(&mut tx, &filters, sort, limit.0, page.offset(limit)).await?;
    let count = task_runs::count(&mut tx, &filters).await?;
    let pages = page.pages(count, limit);
    Ok(Json(TaskRunPaginationResponse { results, count, limit: limit.0, pages, page: page.0 }))
}

async fn count(cx: Call, body: JsonBody<TaskRunsCount>) -> Reply<Json<i64>> {
    let TaskRunsCount { flows, flow_runs, task_runs, deployments } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    Ok(Json(task_runs::count(&mut cx.read().await?, &filters).await?))
}

async fn history(cx: Call, body: JsonBody<TaskRunsHistory>) -> Reply<Json<Vec<HistoryResponse>>> {
    let TaskRunsHistory { history_start, history_end, history_interval_seconds, .. } = body.0;
    let TaskRunsHistory { flows, flow_runs, task_runs, deployments, .. } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    let intervals = Intervals::covering(history_start, history_end, history_interval_seconds)
        .map_err(|bad| Failure::unprocessable(bad.detail()))?;
    Ok(Json(task_runs::history(&mut cx.read().await?, &filters, &intervals).await?))
}
