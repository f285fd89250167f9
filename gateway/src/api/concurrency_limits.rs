//! `/concurrency_limits`: the limits of tags, by the first version of the API (reference: `server/api/concurrency_limits.py`).
//! Each is a limit of the second version that is called `tag:` and the tag.

use domain::LeaseId;
use domain::LimitId;
use domain::concurrency_limits::{
    ConcurrencyLeaseHolder, ConcurrencyLimit, ConcurrencyLimitCreate, HolderType, MinimalConcurrencyLimitResponse,
    OF_TAG,
};
use domain::rules::decision::HELD_FOREVER;
use tenant_store::concurrency_limits::slots::{self, Found, NewLease, Taken, Taking};
use tenant_store::concurrency_limits::tags::{self, Which};
use uuid::Uuid;
use wire::{Input, Limit, Time};

use crate::kit::{Call, Created, Failure, Json, JsonBody, Op, Or, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/concurrency_limits/" create(JsonBody<ConcurrencyLimitCreate>) -> Created<ConcurrencyLimit>,
        need Workspace(ManageConcurrencyLimits), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    GET "/concurrency_limits/{id}" read(Path<LimitId>) -> Json<ConcurrencyLimit>,
        need Workspace(SeeConcurrencyLimits), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/concurrency_limits/tag/{tag}" by_tag(Path<String>) -> Json<ConcurrencyLimit>,
        need Workspace(SeeConcurrencyLimits), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/concurrency_limits/filter" filter(JsonBody<TagLimitsFilter>) -> Json<Vec<ConcurrencyLimit>>,
        need Workspace(SeeConcurrencyLimits), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/concurrency_limits/tag/{tag}/reset" reset(Path<String>, JsonBody<Reset>) -> Json<()>,
        need Workspace(ManageConcurrencyLimits), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    DELETE "/concurrency_limits/{id}" delete(Path<LimitId>) -> Json<()>,
        need Workspace(ManageConcurrencyLimits), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    DELETE "/concurrency_limits/tag/{tag}" delete_by_tag(Path<String>) -> Json<()>,
        need Workspace(ManageConcurrencyLimits), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    POST "/concurrency_limits/increment" increment(JsonBody<SlotsOfTaskRun>) -> Or<423, Json<Vec<MinimalConcurrencyLimitResponse>>>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    POST "/concurrency_limits/decrement" decrement(JsonBody<SlotsOfTaskRun>) -> Json<Vec<MinimalConcurrencyLimitResponse>>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct TagLimitsFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct Reset {
    /// Manual override for active concurrency limit slots.
    slot_override: Option<Vec<Uuid>>,
}

/// Slots of the limits of these tags, for a task run.
#[derive(Debug, Input)]
#[input(parameters)]
struct SlotsOfTaskRun {
    names: Vec<String>,
    task_run_id: Uuid,
}

async fn create(cx: Call, body: JsonBody<ConcurrencyLimitCreate>) -> Reply<Created<ConcurrencyLimit>> {
    let (limit, fresh) = tags::set(cx.write().await?, &body.tag, body.concurrency_limit).await?;
    Ok(Created::if_fresh(limit, fresh))
}

async fn read(cx: Call, id: Path<LimitId>) -> Reply<Json<ConcurrencyLimit>> {
    tags::read(&mut cx.read().await?, Which::Id(*id)).await?.map(Json).ok_or_else(not_found)
}

async fn by_tag(cx: Call, tag: Path<String>) -> Reply<Json<ConcurrencyLimit>> {
    tags::read(&mut cx.read().await?, Which::Tag(&tag)).await?.map(Json).ok_or_else(not_found)
}

async fn filter(cx: Call, body: JsonBody<TagLimitsFilter>) -> Reply<Json<Vec<ConcurrencyLimit>>> {
    let TagLimitsFilter { limit, offset } = body.0;
    Ok(Json(tags::list(&mut cx.read().await?, limit.0, offset).await?))
}

/// Ends all that is held, and gives the slots to these task runs in its place.
async fn reset(cx: Call, tag: Path<String>, body: JsonBody<Reset>) -> Reply<Json<()>> {
    let holders = body.0.slot_override.unwrap_or_default();
    found(tags::reset(cx.write().await?, &tag, &holders).await?)
}

async fn delete(cx: Call, id: Path<LimitId>) -> Reply<Json<()>> {
    found(tags::delete(cx.write().await?, Which::Id(*id)).await?)
}

async fn delete_by_tag(cx: Call, tag: Path<String>) -> Reply<Json<()>> {
    found(tags::delete(cx.write().await?, Which::Tag(&tag)).await?)
}

/// A slot of each of the tags that have an active limit. Those who ask so renew no lease, so it does not run out.
async fn increment(
    cx: Call,
    body: JsonBody<SlotsOfTaskRun>,
) -> Reply<Or<423, Json<Vec<MinimalConcurrencyLimitResponse>>>> {
    let SlotsOfTaskRun { names: wanted, task_run_id } = body.0;
    let names: Vec<String> = wanted.iter().map(|tag| tags::name(tag)).collect();
    let holder = ConcurrencyLeaseHolder { r#type: HolderType::TaskRun, id: task_run_id };
    let id = LeaseId::new(Time::of_machine());
    let lease = NewLease { id, seconds: HELD_FOREVER.as_secs_f64(), holder: Some(holder) };
    let settings = cx.app.rules();
    let taken = slots::take(cx.write().await?, &names, 1, Taking::OfTags, Some(lease), &settings).await?;
    match taken {
        Taken::All(found) => Ok(Or(Json(by_tags(found.into_iter().filter(|found| found.active), &wanted)))),
        Taken::Full(found) => {
            let tag = first(found.into_iter().filter(|found| found.active), &wanted);
            let detail = format!("Concurrency limit for the {tag} tag has been reached");
            Err(Failure::locked(detail, Some(settings.tag_slot_wait.as_secs_f64())))
        }
        Taken::TooMany(found) => {
            let tag = first(found.into_iter().filter(|found| found.limit.limit == 0), &wanted);
            let detail = format!(
                "The concurrency limit on tag \"{tag}\" is 0 and will deadlock if the task tries to run again."
            );
            Err(Failure::locked(detail, None))
        }
        Taken::NotDecaying(_) => Err(Failure::internal("slots of tags were taken by rate")),
    }
}

async fn decrement(cx: Call, body: JsonBody<SlotsOfTaskRun>) -> Reply<Json<Vec<MinimalConcurrencyLimitResponse>>> {
    Ok(Json(tags::give_back(cx.write().await?, &body.names, body.task_run_id).await?))
}

/// The limits by their tags, in the order in which they were asked for.
fn by_tags(found: impl Iterator<Item = Found>, tags: &[String]) -> Vec<MinimalConcurrencyLimitResponse> {
    let mut limits: Vec<MinimalConcurrencyLimitResponse> = found
        .map(|Found { limit, .. }| {
            let name = limit.name.strip_prefix(OF_TAG).unwrap_or(&limit.name).to_owned();
            MinimalConcurrencyLimitResponse { name, ..limit }
        })
        .collect();
    limits.sort_by_key(|limit| tags.iter().position(|tag| *tag == limit.name));
    limits
}

/// The tag of the first of these limits.
fn first(found: impl Iterator<Item = Found>, tags: &[String]) -> String {
    by_tags(found, tags).into_iter().next().map(|limit| limit.name).unwrap_or_default()
}

fn found(found: bool) -> Reply<Json<()>> {
    match found {
        true => Ok(Json(())),
        false => Err(not_found()),
    }
}

fn not_found() -> Failure {
    Failure::not_found("Concurrency limit not found")
}
