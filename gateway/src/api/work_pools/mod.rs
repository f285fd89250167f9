//! `/work_pools`: where runs wait for workers (reference: `server/api/workers.py`). Its queues are in [`queues`], its
//! workers in [`workers`], the runs that wait in [`scheduled`]. `GET` on the collection and `PUT` are ours.

pub mod queues;
pub mod scheduled;
pub mod workers;

use domain::access::ScopeName;
use domain::job_variables::{self, Checks};
use domain::json_schema::Budget;
use domain::slots::WorkPoolConcurrencyStatus;
use domain::work_pools::{self as models, WorkPool, WorkPoolCreate, WorkPoolReplace, WorkPoolUpdate, is_reserved};
use tenant_store::deployments::{self, Unfit};
use tenant_store::work_pools::{self, Replaced, SlotsPage, WorkPoolFilter};
use wire::{Errors, Input, Limit, Page};

use super::asks::asks;
use crate::kit::{Call, Created, Failure, Invalid, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/work_pools/" create(JsonBody<WorkPoolCreate>) -> Created<WorkPool>,
        need Workspace(WriteWorkPools), lane Hot, cost One, cache Never, touches [WorkPools, Deployments], audit Nothing;
    GET "/work_pools/" list(Query<WorkPoolListing>) -> Json<Vec<WorkPool>>,
        need Workspace(SeeWorkPools), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/work_pools/{name}" read(Path<String>) -> Json<WorkPool>,
        need Workspace(SeeWorkPools), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/work_pools/{name}" update(Path<String>, JsonBody<WorkPoolUpdate>) -> NoContent,
        need Workspace(WriteWorkPools), lane Hot, cost One, cache Never, touches [WorkPools, Deployments], audit Nothing;
    PUT "/work_pools/{name}" replace(Path<String>, JsonBody<WorkPoolReplace>) -> Created<WorkPool>,
        need Workspace(WriteWorkPools), lane Hot, cost One, cache Never, touches [WorkPools, Deployments], audit Nothing;
    DELETE "/work_pools/{name}" delete(Path<String>) -> NoContent,
        need Workspace(ManageWorkPools), lane Heavy, cost One, cache Never, touches [WorkPools, Deployments, FlowRuns], audit Nothing;
    POST "/work_pools/filter" filter(JsonBody<WorkPoolsFilter>) -> Json<Vec<WorkPool>>,
        need Workspace(SeeWorkPools), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/work_pools/count" count(JsonBody<WorkPoolsCount>) -> Json<i64>,
        need Workspace(SeeWorkPools), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/work_pools/{name}/concurrency_status" concurrency_status(Path<String>, JsonBody<SlotsOfPool>) -> Json<WorkPoolConcurrencyStatus>,
        need Workspace(SeeWorkPools), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

/// One page of the work pools.
#[derive(Debug, Input)]
#[input(parameters)]
struct WorkPoolListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct WorkPoolsFilter {
    limit: Limit,
    work_pools: Option<WorkPoolFilter>,
    #[input(default, ge = 0)]
    offset: i64,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct WorkPoolsCount {
    work_pools: Option<WorkPoolFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct SlotsOfPool {
    limit: Limit,
    page: Page,
    /// Max flow runs per queue
    #[input(default = 10, ge = 0, le = 200)]
    flow_run_limit: i64,
}

pub(super) fn not_found(name: &str) -> Failure {
    Failure::not_found(format!("Work pool \"{name}\" not found."))
}

/// As the caller knows pools: old clients refuse a field that is new to them.
fn shown(cx: &Call, pool: WorkPool) -> WorkPool {
    match asks(cx).caller.knows_result_storage() {
        true => pool,
        false => pool.without_result_storage(),
    }
}

async fn create(cx: Call, body: JsonBody<WorkPoolCreate>) -> Reply<Created<WorkPool>> {
    refuse_reserved(&body.name)?;
    check_defaults(&cx, &body.base_job_template).await?;
    match work_pools::create(cx.write().await?, &body).await? {
        Some(pool) => Ok(Created::new(shown(&cx, pool))),
        None => Err(Failure::conflict("A work pool with this name already exists.")),
    }
}

fn refuse_reserved(name: &str) -> Reply<()> {
    match is_reserved(name) {
        true => Err(Failure::forbidden("Work pools starting with 'Prefect' are reserved for internal use.")),
        false => Ok(()),
    }
}

/// The defaults of a template's variables, and the block documents that stand in for them.
async fn check_defaults(cx: &Call, template: &wire::RawObject) -> Reply<()> {
    let blocks = deployments::blocks(&mut cx.read().await?, template, cx.app.key_ring()).await?;
    let blocks = blocks.map_err(|unfit| match unfit {
        Unfit::NoBlock => Failure::not_found("Block not found."),
        Unfit::Invalid(why) => Failure::unprocessable(why),
    })?;
    let template = template.0.to_value();
    if let Some(fault) = job_variables::fault(&template) {
        return Err(Failure::unprocessable(format!("Invalid schema: {fault}")));
    }
    job_variables::check(&template, &blocks, &[], Checks::Defaults, &mut Budget::default()).map_err(|why| {
        Failure::unprocessable(format!("Validation failed for work pool's job variable defaults: {why}"))
    })
}

async fn list(cx: Call, query: Query<WorkPoolListing>) -> Reply<Json<Vec<WorkPool>>> {
    let WorkPoolListing { limit, offset } = query.0;
    page(&cx, None, limit, offset).await
}

async fn filter(cx: Call, body: JsonBody<WorkPoolsFilter>) -> Reply<Json<Vec<WorkPool>>> {
    let WorkPoolsFilter { work_pools, limit, offset } = body.0;
    page(&cx, work_pools.as_ref(), limit, offset).await
}

async fn page(cx: &Call, filter: Option<&WorkPoolFilter>, limit: Limit, offset: i64) -> Reply<Json<Vec<WorkPool>>> {
    let pools = work_pools::list(&mut cx.read().await?, filter, limit.0, offset).await?;
    Ok(Json(pools.into_iter().map(|pool| shown(cx, pool)).collect()))
}

async fn count(cx: Call, body: JsonBody<WorkPoolsCount>) -> Reply<Json<i64>> {
    Ok(Json(work_pools::count(&mut cx.read().await?, body.work_pools.as_ref()).await?))
}

async fn read(cx: Call, name: Path<String>) -> Reply<Json<WorkPool>> {
    let pool = work_pools::read(&mut cx.read().await?, &name).await?.ok_or_else(|| not_found(&name))?;
    Ok(Json(shown(&cx, pool)))
}

async fn update(cx: Call, name: Path<String>, body: JsonBody<WorkPoolUpdate>) -> Reply<NoContent> {
    if is_reserved(&name) && !body.is_of_limit_and_pause() {
        let detail = "Work pools starting with 'Prefect' are reserved for internal use and can only be updated to set \
                      concurrency limits or pause.";
        return Err(Failure::forbidden(detail));
    }
    match work_pools::update(cx.write().await?, &name, &body).await? {
        true => Ok(NoContent),
        false => Err(not_found(&name)),
    }
}

async fn replace(cx: Call, name: Path<String>, body: JsonBody<WorkPoolReplace>) -> Reply<Created<WorkPool>> {
    let text = wire::Json::Str(name.as_str().into());
    let mut errors = Errors::of("path");
    let Some(name) = errors.at("name", |errors| models::name(&text, errors)) else {
        return Err(Invalid::of(errors, &wire::Json::Null).into());
    };
    refuse_reserved(&name)?;
    check_defaults(&cx, &body.base_job_template).await?;
    match work_pools::replace(cx.write().await?, &body.0.named(name)).await? {
        Replaced::Done(pool, fresh) => Ok(Created::if_fresh(shown(&cx, *pool), fresh)),
        Replaced::OtherType(type_) => Err(Failure::conflict(format!(
            "The work pool is of the type {type_:?}, and a pool's type does not change."
        ))),
    }
}

async fn delete(cx: Call, name: Path<String>) -> Reply<NoContent> {
    if is_reserved(&name) {
        let detail = "Work pools starting with 'Prefect' are reserved for internal use and can not be deleted.";
        return Err(Failure::forbidden(detail));
    }
    match work_pools::delete(cx.write().await?, &name).await? {
        true => Ok(NoContent),
        false => Err(not_found(&name)),
    }
}

async fn concurrency_status(
    cx: Call,
    name: Path<String>,
    body: JsonBody<SlotsOfPool>,
) -> Reply<Json<WorkPoolConcurrencyStatus>> {
    let SlotsOfPool { page, limit, flow_run_limit } = body.0;
    let runs = if cx.sees(ScopeName::SeeFlows)? { flow_run_limit } else { 0 };
    let asked = SlotsPage { page, limit, runs };
    let status = work_pools::concurrency_status(&mut cx.read().await?, &name, asked).await?;
    // The reference writes the name as Python shows a text.
    status.map(Json).ok_or_else(|| Failure::not_found(format!("Work pool '{}' not found.", *name)))
}
