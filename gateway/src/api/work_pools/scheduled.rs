//! `/work_pools/{name}/get_scheduled_flow_runs`: a worker asks for runs.

use domain::work_pools::WorkerFlowRun;
use tenant_store::flow_runs::waiting;
use tenant_store::work_pools::{self, Poll, Polled, PolledQueue};
use wire::{Input, Limit, Time};

use super::not_found;
use super::queues::no_queue;
use crate::api::polls;
use crate::kit::{Call, Json, JsonBody, Op, Path, Reply};
use crate::live::held::held;
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/work_pools/{name}/get_scheduled_flow_runs" scheduled_runs(Path<String>, JsonBody<Wanted>) -> Json<Vec<WorkerFlowRun>>,
        need Workspace(WriteWorkQueues), lane Read, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct Wanted {
    limit: Limit,
    /// The names of work pool queues
    work_queue_names: Option<Vec<String>>,
    /// The maximum time to look for scheduled flow runs
    scheduled_before: Option<Time>,
    /// The minimum time to look for scheduled flow runs
    scheduled_after: Option<Time>,
}

async fn scheduled_runs(cx: Call, name: Path<String>, body: JsonBody<Wanted>) -> Reply<Json<Vec<WorkerFlowRun>>> {
    let Wanted { work_queue_names, scheduled_before, scheduled_after, limit } = body.0;
    let mut tx = cx.read().await?;
    let polled = work_pools::polled_pool(&mut tx, &name).await?.ok_or_else(|| not_found(&name))?;
    let Polled { pool, queues } = polled;
    // No names are all queues.
    let names = work_queue_names.filter(|names| !names.is_empty());
    let queues = match &names {
        None => queues,
        Some(names) => named(queues, names).map_err(|missing| no_queue(&name, missing))?,
    };
    let ids = names.map(|_| queues.iter().map(|queue| queue.id).collect());
    drop(tx);
    polls::of_queues(cx.scope()?, &queues);
    let poll = Poll { pool, queues: ids, before: scheduled_before, after: scheduled_after, limit: limit.0 };
    // Who wants none does not wait for one.
    let topics = if limit.0 > 0 { vec![waiting::of_pool(pool)] } else { Vec::new() };
    let cx = &cx;
    let runs = held(cx, topics, |waited| {
        let poll = Poll { before: poll.before.map(|before| before + waited), ..poll.clone() };
        Box::pin(async move { Ok(work_pools::due_in_pool(&mut cx.read().await?, &poll).await?) })
    });
    Ok(Json(runs.await?))
}

/// The queues of those names, or the first name that is none's.
fn named(queues: Vec<PolledQueue>, names: &[String]) -> Result<Vec<PolledQueue>, &String> {
    if let Some(missing) = names.iter().find(|name| !queues.iter().any(|queue| queue.name == **name)) {
        return Err(missing);
    }
    Ok(queues.into_iter().filter(|queue| names.contains(&queue.name)).collect())
}
