//! Lists of deployments, and many at once. `GET` on the collection is ours.

use domain::DeploymentId;
use domain::deployments::{Deployment, DeploymentBulkDeleteResponse};
use serde::Serialize;
use tenant_store::deployments::{self, DeploymentFilter, DeploymentSort};
use tenant_store::flow_runs::FlowRunFilter;
use tenant_store::flows::FlowFilter;
use tenant_store::relations::Filters;
use tenant_store::task_runs::TaskRunFilter;
use tenant_store::work_pools::WorkPoolFilter;
use tenant_store::work_queues::WorkQueueFilter;
use wire::{Input, Limit, Output, Page};

use crate::api::related::related;
use crate::kit::{Call, Json, JsonBody, Op, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/deployments/" list(Query<DeploymentListing>) -> Json<Vec<Deployment>>,
        need Workspace(SeeDeployments), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/deployments/filter" filter(JsonBody<DeploymentsFilter>) -> Json<Vec<Deployment>>,
        need Workspace(SeeDeployments), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/deployments/paginate" paginate(JsonBody<DeploymentsPaginate>) -> Json<DeploymentPaginationResponse>,
        need Workspace(SeeDeployments), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/deployments/count" count(JsonBody<DeploymentsCount>) -> Json<i64>,
        need Workspace(SeeDeployments), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/deployments/bulk_delete" bulk_delete(JsonBody<DeploymentsBulkDelete>) -> Json<DeploymentBulkDeleteResponse>,
        need Workspace(ManageDeployments), lane Heavy, cost One, cache Never, touches [ConcurrencyLimits, Deployments, FlowRuns, TaskRuns, Logs], audit Nothing;
];

/// One page of the deployments.
#[derive(Debug, Input)]
#[input(parameters)]
struct DeploymentListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    #[input(default)]
    sort: DeploymentSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct DeploymentsFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_pool_queues: Option<WorkQueueFilter>,
    #[input(default)]
    sort: DeploymentSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct DeploymentsPaginate {
    limit: Limit,
    page: Page,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_pool_queues: Option<WorkQueueFilter>,
    #[input(default)]
    sort: DeploymentSort,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct DeploymentsCount {
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_pool_queues: Option<WorkQueueFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct DeploymentsBulkDelete {
    /// Filter criteria for deployments to delete
    deployments: Option<DeploymentFilter>,
    /// Maximum number of deployments to delete. Defaults to 50.
    #[input(default = 50, ge = 1, le = 50)]
    limit: i64,
}

/// A page of deployments.
#[derive(Debug, Serialize, Output)]
struct DeploymentPaginationResponse {
    results: Vec<Deployment>,
    count: i64,
    limit: i64,
    pages: i64,
    page: i64,
}

async fn list(cx: Call, query: Query<DeploymentListing>) -> Reply<Json<Vec<Deployment>>> {
    let DeploymentListing { limit, offset, sort } = query.0;
    Ok(Json(deployments::list(&mut cx.read().await?, &Filters::default(), sort, limit.0, offset).await?))
}

async fn filter(cx: Call, body: JsonBody<DeploymentsFilter>) -> Reply<Json<Vec<Deployment>>> {
    let DeploymentsFilter { limit, offset, flows, flow_runs, task_runs, deployments, work_pools, .. } = body.0;
    let DeploymentsFilter { work_pool_queues: work_queues, sort, .. } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues })?;
    Ok(Json(deployments::list(&mut cx.read().await?, &filters, sort, limit.0, offset).await?))
}

async fn paginate(cx: Call, body: JsonBody<DeploymentsPaginate>) -> Reply<Json<DeploymentPaginationResponse>> {
    let DeploymentsPaginate { limit, page, flows, flow_runs, task_runs, deployments, work_pools, .. } = body.0;
    let DeploymentsPaginate { work_pool_queues: work_queues, sort, .. } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues })?;
    let mut tx = cx.read().await?;
    let results = deployments::list(&mut tx, &filters, sort, limit.0, page.offset(limit)).await?;
    let count = deployments::count(&mut tx, &filters).await?;
    let pages = page.pages(count, limit);
    Ok(Json(DeploymentPaginationResponse { results, count, limit: limit.0, pages, page: page.0 }))
}

async fn count(cx: Call, body: JsonBody<DeploymentsCount>) -> Reply<Json<i64>> {
    let DeploymentsCount { flows, flow_runs, task_runs, deployments, work_pools, work_pool_queues } = body.0;
    let filters =
        related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues: work_pool_queues })?;
    Ok(Json(deployments::count(&mut cx.read().await?, &filters).await?))
}

async fn bulk_delete(cx: Call, body: JsonBody<DeploymentsBulkDelete>) -> Reply<Json<DeploymentBulkDeleteResponse>> {
    let DeploymentsBulkDelete { deployments, limit } = body.0;
    let filters = Filters { deployments, ..Filters::default() };
    let found = deployments::list(&mut cx.read().await?, &filters, DeploymentSort::default(), limit, 0).await?;
    let ids: Vec<DeploymentId> = found.iter().map(|deployment| deployment.id).collect();
    let gone = deployments::delete(cx.write().await?, &ids).await?;
    Ok(Json(DeploymentBulkDeleteResponse { deleted: ids.into_iter().filter(|id| gone.contains(id)).collect() }))
}
