//! `/task_workers`: who waits for background tasks (reference: `server/api/task_workers.py`).

use domain::task_workers::{TaskWorkerFilter, TaskWorkerResponse};
use tenant_store::task_workers;
use wire::Input;

use crate::kit::{Call, Json, JsonBody, Op, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/task_workers/filter" filter(JsonBody<TaskWorkersAsked>) -> Json<Vec<TaskWorkerResponse>>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct TaskWorkersAsked {
    /// The task worker filter
    task_worker_filter: Option<TaskWorkerFilter>,
}

async fn filter(cx: Call, body: JsonBody<TaskWorkersAsked>) -> Reply<Json<Vec<TaskWorkerResponse>>> {
    let keys = body.0.task_worker_filter.map(|filter| filter.task_keys).unwrap_or_default();
    Ok(Json(task_workers::connected(&mut cx.read().await?, &keys).await?))
}
