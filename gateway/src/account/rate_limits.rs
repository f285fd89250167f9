//! `/rate-limits` and `/rate-limit-allocations`: what of the account's limits is used, and how they are shared out.

use domain::{AccountId, WorkspaceId};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tenant_store::control::Allocation;
use uuid::Uuid;
use wire::{Input, Output, RawJson, Time};

use super::{by, shown};
use crate::kit::{Call, Failure, Json, JsonBody, Op, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/rate-limits/status" status() -> Json<Status>,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/rate-limits/usage" usage(Query<Window>) -> Json<Usage>,
        need Account(ReadAccount), lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/rate-limit-allocations/" allocations() -> Json<Vec<AllocationShown>>,
        need Account(ReadAccount), lane Read, cost One, cache Never, touches [], audit Nothing;
    PUT "/rate-limit-allocations/" allocate(JsonBody<Allocations>) -> Json<Vec<AllocationShown>>,
        need Account(UpdateAccount), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.account.rate-limits-allocated");
];

/// The names of the two buckets, as clients ask for them.
const BUCKETS: [&str; 2] = ["orchestration-api", "logs-and-events"];
/// Minutes answered at most: those that are kept.
const MOST: i64 = 60;

/// What is used up at this moment, as this replica sees it.
#[derive(Debug, Serialize, Output)]
struct Status {
    exceeded_buckets: Vec<String>,
}

/// A part of the latest hour; all of it by default. `keys` is one of the buckets, or absent for both.
#[derive(Debug, Input)]
#[input(parameters)]
struct Window {
    since: Option<Time>,
    until: Option<Time>,
    keys: Option<String>,
}

/// One number a minute of what was asked, given and allowed (null: no limit); each replica counts what it saw.
#[derive(Debug, Serialize, Output)]
struct Usage {
    account: AccountId,
    since: Time,
    until: Time,
    minutes: Vec<Time>,
    keys: RawJson,
}

/// A workspace's part of the account's limits.
#[derive(Debug, Serialize, Output)]
struct AllocationShown {
    id: Uuid,
    created: Time,
    updated: Time,
    account_id: AccountId,
    workspace_id: WorkspaceId,
    rate_limit_percentage: i32,
}

/// Shares the account's limits out. Workspaces that are not named lose their part, and share what is left.
#[derive(Debug, Input)]
struct Allocations {
    allocations: Vec<Part>,
}

#[derive(Debug, Input)]
struct Part {
    workspace_id: WorkspaceId,
    #[input(ge = 1, le = 100)]
    rate_limit_percentage: i64,
}

async fn status(cx: Call) -> Reply<Json<Status>> {
    let member = cx.account()?;
    let meter = cx.app.limits().meter(member.account(), None, member.principal().key).await?;
    let exceeded_buckets = meter.exceeded().into_iter().map(str::to_owned).collect();
    Ok(Json(Status { exceeded_buckets }))
}

async fn usage(cx: Call, window: Query<Window>) -> Reply<Json<Usage>> {
    let account = cx.account()?.account();
    let used = cx.app.limits().used(account).await?;
    let last = minute_of(window.until.unwrap_or_else(Time::of_machine));
    let first = window.since.map_or(last - MOST + 1, minute_of).max(last - MOST + 1);
    if first > last {
        return Err(Failure::unprocessable("`since` is later than `until`."));
    }
    let minutes: Vec<i64> = (first..=last).collect();
    let of = |at: &i64| used.minutes.iter().find(|minute| minute.at == *at).copied().unwrap_or_default();
    let mut keys = Map::new();
    for (index, bucket) in BUCKETS.into_iter().enumerate() {
        if window.keys.as_deref().is_none_or(|asked| asked == bucket) {
            let requested: Vec<u64> = minutes.iter().map(|at| of(at).requested[index]).collect();
            let granted: Vec<u64> = minutes.iter().map(|at| of(at).granted[index]).collect();
            let limit: Vec<Option<u32>> = minutes.iter().map(|_| used.limits[index]).collect();
            keys.insert(bucket.to_owned(), json!({ "requested": requested, "granted": granted, "limit": limit }));
        }
    }
    let minutes: Vec<Time> = minutes.into_iter().map(|at| Time::from_micros(at * MINUTE)).collect();
    let (Some(since), Some(until)) = (minutes.first().copied(), minutes.last().copied()) else {
        return Err(Failure::unprocessable("`until` is out of range."));
    };
    Ok(Json(Usage { account, since, until, minutes, keys: RawJson::of(&Value::Object(keys)) }))
}

/// Microseconds.
const MINUTE: i64 = 60_000_000;

/// Minutes since 1970.
fn minute_of(time: Time) -> i64 {
    time.micros().div_euclid(MINUTE)
}

async fn allocations(cx: Call) -> Reply<Json<Vec<AllocationShown>>> {
    let found = cx.app.control().list_allocations(cx.account()?.account()).await?;
    Ok(Json(found.into_iter().map(AllocationShown::from).collect()))
}

async fn allocate(cx: Call, body: JsonBody<Allocations>) -> Reply<Json<Vec<AllocationShown>>> {
    let account = cx.account()?.account();
    let parts: Vec<(WorkspaceId, i32)> =
        body.0.allocations.iter().map(|part| (part.workspace_id, part.rate_limit_percentage as i32)).collect();
    if parts.iter().map(|(_, percentage)| percentage).sum::<i32>() > 100 {
        return Err(Failure::unprocessable("The percentages add up to more than 100."));
    }
    let given = cx.app.control().allocate(by(&cx)?, account, &parts).await.map_err(shown)?;
    cx.app.limits().forget(account);
    Ok(Json(given.into_iter().map(AllocationShown::from).collect()))
}

impl From<Allocation> for AllocationShown {
    fn from(given: Allocation) -> Self {
        let Allocation { id, created, updated, account, workspace, percentage } = given;
        Self { id, created, updated, account_id: account, workspace_id: workspace, rate_limit_percentage: percentage }
    }
}
