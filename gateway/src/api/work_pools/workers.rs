//! `/work_pools/{name}/workers`: who takes runs from a pool.

use domain::workers::{Worker, WorkerHeartbeat};
use tenant_store::work_pools;
use tenant_store::workers::{self, WorkerFilter};
use wire::{Input, Limit};

use super::not_found;
use crate::kit::{Call, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/work_pools/{work_pool_name}/workers/heartbeat" heartbeat(Path<String>, JsonBody<WorkerHeartbeat>) -> NoContent,
        need Workspace(WriteWorkers), lane Hot, cost One, cache Never, touches [], audit Nothing;
    POST "/work_pools/{work_pool_name}/workers/filter" filter(Path<String>, JsonBody<WorkersFilter>) -> Json<Vec<Worker>>,
        need Workspace(SeeWorkers), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    DELETE "/work_pools/{work_pool_name}/workers/{name}" delete(Path<(String, String)>) -> NoContent,
        need Workspace(ManageWorkers), lane Hot, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct WorkersFilter {
    limit: Limit,
    workers: Option<WorkerFilter>,
    #[input(default, ge = 0)]
    offset: i64,
}

async fn heartbeat(cx: Call, pool: Path<String>, body: JsonBody<WorkerHeartbeat>) -> Reply<NoContent> {
    match workers::heartbeat(cx.write().await?, &pool, &body).await? {
        Some(_) => Ok(NoContent),
        None => Err(not_found(&pool)),
    }
}

async fn filter(cx: Call, pool: Path<String>, body: JsonBody<WorkersFilter>) -> Reply<Json<Vec<Worker>>> {
    let WorkersFilter { workers: filter, limit, offset } = body.0;
    let mut tx = cx.read().await?;
    let id = work_pools::id_of(&mut tx, &pool).await?.ok_or_else(|| not_found(&pool))?;
    Ok(Json(workers::list(&mut tx, id, filter.as_ref(), limit.0, offset).await?))
}

async fn delete(cx: Call, path: Path<(String, String)>) -> Reply<NoContent> {
    let Path((pool, name)) = path;
    let mut tx = cx.write().await?;
    let id = work_pools::id_of(&mut tx, &pool).await?.ok_or_else(|| not_found(&pool))?;
    match workers::delete(tx, id, &name).await? {
        true => Ok(NoContent),
        false => Err(Failure::not_found("Worker not found.")),
    }
}
