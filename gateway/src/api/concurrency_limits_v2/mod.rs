//! `/v2/concurrency_limits`: limits by id and name (reference: `server/api/concurrency_limits_v2.py`). Their slots are taken
//! and given back in [`slots`]. Answers show slots in use, which change by themselves, so none is kept.

pub mod slots;

use domain::concurrency_limits::{
    ConcurrencyLimitV2, ConcurrencyLimitV2Create, ConcurrencyLimitV2Update, GlobalConcurrencyLimitResponse,
};
use tenant_store::concurrency_limits::{self as limits, Which};
use wire::{Input, Limit};

use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/v2/concurrency_limits/" create(JsonBody<ConcurrencyLimitV2Create>) -> Created<ConcurrencyLimitV2>,
        need Workspace(ManageConcurrencyLimits), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    GET "/v2/concurrency_limits/{id_or_name}" read(Path<String>) -> Json<GlobalConcurrencyLimitResponse>,
        need Workspace(SeeConcurrencyLimits), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/v2/concurrency_limits/{id_or_name}" update(Path<String>, JsonBody<ConcurrencyLimitV2Update>) -> NoContent,
        need Workspace(ManageConcurrencyLimits), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    DELETE "/v2/concurrency_limits/{id_or_name}" delete(Path<String>) -> NoContent,
        need Workspace(ManageConcurrencyLimits), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    POST "/v2/concurrency_limits/filter" filter(JsonBody<LimitsFilter>) -> Json<Vec<GlobalConcurrencyLimitResponse>>,
        need Workspace(SeeConcurrencyLimits), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct LimitsFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

async fn create(cx: Call, body: JsonBody<ConcurrencyLimitV2Create>) -> Reply<Created<ConcurrencyLimitV2>> {
    Ok(Created::new(limits::create(cx.write().await?, &body).await?))
}

async fn read(cx: Call, which: Path<String>) -> Reply<Json<GlobalConcurrencyLimitResponse>> {
    let found = limits::read(&mut cx.read().await?, &Which::of(which.0)).await?;
    found.map(Json).ok_or_else(not_found)
}

async fn update(cx: Call, which: Path<String>, body: JsonBody<ConcurrencyLimitV2Update>) -> Reply<NoContent> {
    found(limits::update(cx.write().await?, &Which::of(which.0), &body).await?)
}

async fn delete(cx: Call, which: Path<String>) -> Reply<NoContent> {
    found(limits::delete(cx.write().await?, &Which::of(which.0)).await?)
}

async fn filter(cx: Call, body: JsonBody<LimitsFilter>) -> Reply<Json<Vec<GlobalConcurrencyLimitResponse>>> {
    let LimitsFilter { limit, offset } = body.0;
    Ok(Json(limits::list(&mut cx.read().await?, limit.0, offset).await?))
}

fn found(found: bool) -> Reply<NoContent> {
    match found {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

fn not_found() -> Failure {
    Failure::not_found("Concurrency Limit not found")
}
