//! `/work_queues`: queues without their pools, from before there were any (reference: `server/api/work_queues.py`).

use domain::WorkQueueId;
use domain::access::ScopeName;
use domain::flow_runs::FlowRun;
use domain::slots::WorkQueueConcurrencyStatus;
use domain::work_queues::{WorkQueue, WorkQueueCreate, WorkQueueStatusDetail, WorkQueueUpdate};
use tenant_store::work_queues::{self, Deleted, Others, Slots, Which, WorkQueueFilter};
use wire::{Input, Limit, Page, Time};

use super::asks::exception_not_found;
use super::polls;
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/work_queues/" create(JsonBody<WorkQueueCreate>) -> Created<WorkQueue>,
        need Workspace(WriteWorkQueues), lane Hot, cost One, cache Never, touches [WorkPools, Deployments], audit Nothing;
    PATCH "/work_queues/{id}" update(Path<WorkQueueId>, JsonBody<WorkQueueUpdate>) -> NoContent,
        need Workspace(WriteWorkQueues), lane Hot, cost One, cache Never, touches [WorkPools, Deployments], audit Nothing;
    GET "/work_queues/name/{name}" by_name(Path<String>) -> Json<WorkQueue>,
        need Workspace(SeeWorkQueues), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/work_queues/{id}" read(Path<WorkQueueId>) -> Json<WorkQueue>,
        need Workspace(SeeWorkQueues), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/work_queues/{id}/get_runs" get_runs(Path<WorkQueueId>, JsonBody<RunsWanted>) -> Json<Vec<FlowRun>>,
        need Workspace(WriteWorkQueues), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/work_queues/filter" filter(JsonBody<WorkQueuesFilter>) -> Json<Vec<WorkQueue>>,
        need Workspace(SeeWorkQueues), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    DELETE "/work_queues/{id}" delete(Path<WorkQueueId>) -> NoContent,
        need Workspace(ManageWorkQueues), lane Heavy, cost One, cache Never, touches [WorkPools, Deployments, FlowRuns], audit Nothing;
    POST "/work_queues/{id}/concurrency_status" concurrency_status(Path<WorkQueueId>, JsonBody<SlotsOfQueue>) -> Json<WorkQueueConcurrencyStatus>,
        need Workspace(SeeWorkQueues), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/work_queues/{id}/status" status(Path<WorkQueueId>) -> Json<WorkQueueStatusDetail>,
        need Workspace(SeeWorkQueues), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct RunsWanted {
    limit: Limit,
    /// Only flow runs scheduled to start before this time will be returned.
    scheduled_before: Option<Time>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct WorkQueuesFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    work_queues: Option<WorkQueueFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct SlotsOfQueue {
    limit: Limit,
    page: Page,
}

fn not_found() -> Failure {
    Failure::not_found("work queue not found")
}

async fn create(cx: Call, body: JsonBody<WorkQueueCreate>) -> Reply<Created<WorkQueue>> {
    match work_queues::create_alone(cx.write().await?, &body).await? {
        Some(queue) => Ok(Created::new(queue)),
        None => Err(Failure::conflict("A work queue with this name already exists.")),
    }
}

async fn update(cx: Call, id: Path<WorkQueueId>, body: JsonBody<WorkQueueUpdate>) -> Reply<NoContent> {
    match work_queues::update(cx.write().await?, *id, &body, Others::Stay).await? {
        true => Ok(NoContent),
        false => Err(Failure::not_found(format!("Work Queue {} not found", *id))),
    }
}

async fn by_name(cx: Call, name: Path<String>) -> Reply<Json<WorkQueue>> {
    let mut tx = cx.read().await?;
    let id = work_queues::id_alone(&mut tx, &name).await?.ok_or_else(not_found)?;
    work_queues::read(&mut tx, Which::Id(id), Slots::Alone).await?.map(Json).ok_or_else(not_found)
}

async fn read(cx: Call, id: Path<WorkQueueId>) -> Reply<Json<WorkQueue>> {
    let queue = work_queues::read(&mut cx.read().await?, Which::Id(*id), Slots::Alone).await?;
    queue.map(Json).ok_or_else(not_found)
}

async fn get_runs(cx: Call, id: Path<WorkQueueId>, body: JsonBody<RunsWanted>) -> Reply<Json<Vec<FlowRun>>> {
    let RunsWanted { limit, scheduled_before } = body.0;
    let found = work_queues::due_in_queue(&mut cx.read().await?, *id, scheduled_before, limit.0).await?;
    let queue = found.ok_or_else(|| exception_not_found(format!("Work queue with id {} not found.", *id)))?;
    // A page that shows what waits is no poll.
    let is_page = cx.header("x-prefect-ui").is_some_and(|said| matches!(said, "1" | "true" | "True"));
    if !is_page {
        polls::of_queue(cx.scope()?, *id, queue.status, queue.last_polled);
    }
    Ok(Json(queue.runs))
}

async fn filter(cx: Call, body: JsonBody<WorkQueuesFilter>) -> Reply<Json<Vec<WorkQueue>>> {
    let WorkQueuesFilter { limit, offset, work_queues: filter } = body.0;
    let mut tx = cx.read().await?;
    Ok(Json(work_queues::list(&mut tx, None, filter.as_ref(), Slots::Alone, limit.0, offset).await?))
}

async fn delete(cx: Call, id: Path<WorkQueueId>) -> Reply<NoContent> {
    match work_queues::delete(cx.write().await?, *id).await? {
        Deleted::Done => Ok(NoContent),
        Deleted::NoQueue => Err(not_found()),
        Deleted::IsDefault => Err(Failure::conflict("Can't delete a pool's default queue.")),
    }
}

async fn concurrency_status(
    cx: Call,
    id: Path<WorkQueueId>,
    body: JsonBody<SlotsOfQueue>,
) -> Reply<Json<WorkQueueConcurrencyStatus>> {
    let SlotsOfQueue { page, limit } = body.0;
    let status = work_queues::concurrency_status(&mut cx.read().await?, *id, page, limit).await?;
    let mut status = status.ok_or_else(|| Failure::not_found("Work queue not found."))?;
    if !cx.sees(ScopeName::SeeFlows)? {
        status.flow_runs.clear();
    }
    Ok(Json(status))
}

async fn status(cx: Call, id: Path<WorkQueueId>) -> Reply<Json<WorkQueueStatusDetail>> {
    let status = work_queues::status(&mut cx.read().await?, *id).await?;
    status.map(Json).ok_or_else(|| exception_not_found(format!("Work queue with id {} not found", *id)))
}
