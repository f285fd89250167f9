//! `/work_pools/{name}/queues`: the lines of a pool.

use domain::WorkPoolId;
use domain::work_queues::{WorkQueue, WorkQueueCreate, WorkQueueUpdate};
use tenant_store::Tx;
use tenant_store::work_pools::{self, Absent, QueueOf};
use tenant_store::work_queues::{self, Deleted, Others, Slots, Which, WorkQueueFilter};
use wire::{Input, Limit};

use super::not_found;
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/work_pools/{work_pool_name}/queues" create(Path<String>, JsonBody<WorkQueueCreate>) -> Created<WorkQueue>,
        need Workspace(WriteWorkQueues), lane Hot, cost One, cache Never, touches [WorkPools, Deployments], audit Nothing;
    GET "/work_pools/{work_pool_name}/queues/{name}" read(Path<(String, String)>) -> Json<WorkQueue>,
        need Workspace(SeeWorkQueues), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/work_pools/{work_pool_name}/queues/{name}" update(Path<(String, String)>, JsonBody<WorkQueueUpdate>) -> NoContent,
        need Workspace(WriteWorkQueues), lane Hot, cost One, cache Never, touches [WorkPools, Deployments], audit Nothing;
    DELETE "/work_pools/{work_pool_name}/queues/{name}" delete(Path<(String, String)>) -> NoContent,
        need Workspace(ManageWorkQueues), lane Heavy, cost One, cache Never, touches [WorkPools, Deployments, FlowRuns], audit Nothing;
    POST "/work_pools/{work_pool_name}/queues/filter" filter(Path<String>, JsonBody<QueuesFilter>) -> Json<Vec<WorkQueue>>,
        need Workspace(SeeWorkQueues), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct QueuesFilter {
    limit: Limit,
    work_queues: Option<WorkQueueFilter>,
    #[input(default, ge = 0)]
    offset: i64,
}

pub(super) fn no_queue(pool: &str, queue: &str) -> Failure {
    Failure::not_found(format!("Work pool queue '{pool}/{queue}' not found."))
}

async fn pool_of(tx: &mut Tx<'_>, name: &str) -> Reply<WorkPoolId> {
    work_pools::id_of(tx, name).await?.ok_or_else(|| not_found(name))
}

async fn create(cx: Call, pool: Path<String>, body: JsonBody<WorkQueueCreate>) -> Reply<Created<WorkQueue>> {
    let mut tx = cx.write().await?;
    let id = pool_of(&mut tx, &pool).await?;
    match work_queues::create(tx, id, &body, Slots::InPool).await? {
        Some(queue) => Ok(Created::new(queue)),
        None => {
            let detail = format!("A work queue with this name already exists in work pool '{}'.", *pool);
            Err(Failure::conflict(detail))
        }
    }
}

async fn read(cx: Call, path: Path<(String, String)>) -> Reply<Json<WorkQueue>> {
    let Path((pool, name)) = path;
    let mut tx = cx.read().await?;
    let id = work_pools::id_of(&mut tx, &pool).await?.ok_or_else(|| no_queue(&pool, &name))?;
    let queue = work_queues::read(&mut tx, Which::Name(id, &name), Slots::InPool).await?;
    queue.map(Json).ok_or_else(|| no_queue(&pool, &name))
}

async fn update(cx: Call, path: Path<(String, String)>, body: JsonBody<WorkQueueUpdate>) -> Reply<NoContent> {
    let Path((pool, name)) = path;
    let mut tx = cx.write().await?;
    match work_pools::queue_of(&mut tx, &pool, Some(&name), Absent::Told).await? {
        QueueOf::NoPool => Err(not_found(&pool)),
        QueueOf::Queue(_, id) if work_queues::update(tx, id, &body, Others::MoveUp).await? => Ok(NoContent),
        _ => Err(no_queue(&pool, &name)),
    }
}

async fn delete(cx: Call, path: Path<(String, String)>) -> Reply<NoContent> {
    let Path((pool, name)) = path;
    let mut tx = cx.write().await?;
    let id = match work_pools::queue_of(&mut tx, &pool, Some(&name), Absent::Told).await? {
        QueueOf::NoPool => return Err(not_found(&pool)),
        QueueOf::NoQueue => return Err(no_queue(&pool, &name)),
        QueueOf::Queue(_, id) => id,
    };
    match work_queues::delete(tx, id).await? {
        Deleted::Done => Ok(NoContent),
        Deleted::NoQueue => Err(no_queue(&pool, &name)),
        Deleted::IsDefault => Err(Failure::conflict("Can't delete a pool's default queue.")),
    }
}

async fn filter(cx: Call, pool: Path<String>, body: JsonBody<QueuesFilter>) -> Reply<Json<Vec<WorkQueue>>> {
    let QueuesFilter { work_queues: filter, limit, offset } = body.0;
    let mut tx = cx.read().await?;
    let id = pool_of(&mut tx, &pool).await?;
    Ok(Json(work_queues::list(&mut tx, Some(id), filter.as_ref(), Slots::InPool, limit.0, offset).await?))
}
