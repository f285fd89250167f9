//! Slots of limits: taken and given back, with a lease or without. Several limits give theirs all or none.
//!
//! Who runs flows takes and gives back slots; the scope that manages limits is for those who make them.

use std::time::Duration;

use domain::LeaseId;
use domain::concurrency_limits::{
    ConcurrencyLeaseHolder, ConcurrencyLimitWithLeaseResponse, MinimalConcurrencyLimitResponse, Mode, names,
    retry_after,
};
use http::StatusCode;
use tenant_store::concurrency_limits::leases;
use tenant_store::concurrency_limits::slots::{self, Found, NewLease, Taken, Taking};
use wire::{Errors, Input, Time};

use crate::kit::{Call, Failure, Invalid, Json, JsonBody, NoContent, Op, Or, Path, Reply};
use crate::ops;

/// Seconds that a lease may last at once: from a minute to a day.
const SHORTEST_LEASE: f64 = 60.0;
const LONGEST_LEASE: f64 = 86_400.0;
const USUAL_LEASE: f64 = 300.0;

pub static OPS: &[Op] = ops![
    POST "/v2/concurrency_limits/increment" increment(JsonBody<Increment>) -> Or<423, Json<Vec<MinimalConcurrencyLimitResponse>>>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    POST "/v2/concurrency_limits/increment-with-lease" increment_with_lease(JsonBody<IncrementWithLease>) -> Or<423, Json<ConcurrencyLimitWithLeaseResponse>>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    POST "/v2/concurrency_limits/decrement" decrement(JsonBody<Decrement>) -> Json<Vec<MinimalConcurrencyLimitResponse>>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    POST "/v2/concurrency_limits/decrement-with-lease" decrement_with_lease(JsonBody<DecrementWithLease>) -> NoContent,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
    POST "/v2/concurrency_limits/leases/{lease_id}/renew" renew(Path<String>, JsonBody<Renewal>) -> Or<410, NoContent>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [ConcurrencyLimits], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct Increment {
    #[input(gt = 0)]
    slots: i64,
    #[input(with = names)]
    names: Vec<String>,
    #[input(default)]
    mode: Mode,
    /// Without effect: limits are made before their slots are asked for.
    #[expect(dead_code, reason = "it is part of the request")]
    create_if_missing: Option<bool>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct IncrementWithLease {
    #[input(gt = 0)]
    slots: i64,
    #[input(with = names)]
    names: Vec<String>,
    #[input(default)]
    mode: Mode,
    /// The duration of the lease in seconds.
    #[input(default = USUAL_LEASE, ge = SHORTEST_LEASE, le = LONGEST_LEASE)]
    lease_duration: f64,
    /// The holder of the lease with type (flow_run, task_run, or deployment) and id.
    holder: Option<ConcurrencyLeaseHolder>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct Decrement {
    #[input(gt = 0)]
    slots: i64,
    #[input(with = names)]
    names: Vec<String>,
    /// How long the slots were held, together.
    #[input(with = occupancy)]
    occupancy_seconds: Option<f64>,
    /// Without effect.
    #[expect(dead_code, reason = "it is part of the request")]
    create_if_missing: Option<bool>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct DecrementWithLease {
    /// The ID of the lease corresponding to the concurrency limits to decrement.
    lease_id: LeaseId,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct Renewal {
    /// The duration of the lease in seconds.
    #[input(default = USUAL_LEASE, ge = SHORTEST_LEASE, le = LONGEST_LEASE)]
    lease_duration: f64,
}

fn occupancy(value: &wire::Json<'_>, errors: &mut wire::Errors) -> Option<Option<f64>> {
    let wire::Json::Null = value else {
        let seconds = f64::parse(value, errors)?;
        wire::check::gt(&seconds, 0.0, value, errors)?;
        return Some(Some(seconds));
    };
    Some(None)
}

async fn increment(cx: Call, body: JsonBody<Increment>) -> Reply<Or<423, Json<Vec<MinimalConcurrencyLimitResponse>>>> {
    let Increment { slots, names, mode, .. } = body.0;
    Ok(Or(Json(take(&cx, &names, slots, mode, None).await?)))
}

async fn increment_with_lease(
    cx: Call,
    body: JsonBody<IncrementWithLease>,
) -> Reply<Or<423, Json<ConcurrencyLimitWithLeaseResponse>>> {
    let IncrementWithLease { slots, names, mode, lease_duration, holder } = body.0;
    let lease_id = LeaseId::new(Time::of_machine());
    let lease = NewLease { id: lease_id, seconds: lease_duration, holder };
    let limits = take(&cx, &names, slots, mode, Some(lease)).await?;
    Ok(Or(Json(ConcurrencyLimitWithLeaseResponse { lease_id, limits })))
}

async fn take(
    cx: &Call,
    names: &[String],
    slots: i64,
    mode: Mode,
    lease: Option<NewLease>,
) -> Reply<Vec<MinimalConcurrencyLimitResponse>> {
    let settings = cx.app.rules();
    match slots::take(cx.write().await?, names, slots, Taking::In(mode), lease, &settings).await? {
        Taken::All(found) => Ok(found.into_iter().map(|found| found.limit).collect()),
        Taken::TooMany(_) => Err(Failure::unprocessable("Slots requested is greater than the limit")),
        Taken::NotDecaying(names) => Err(Failure::unprocessable(format!(
            "Only concurrency limits with slot decay can be used for rate limiting. The following limits do not have a \
             decay configured: '{}'",
            names.join(",")
        ))),
        Taken::Full(found) => {
            let refusing: Vec<_> = found.into_iter().filter(|found| found.active).map(Found::refusing).collect();
            let seconds = retry_after(&refusing, slots, &settings, rand::random());
            Err(Failure::locked("Locked", Some(seconds)))
        }
    }
}

async fn decrement(cx: Call, body: JsonBody<Decrement>) -> Reply<Json<Vec<MinimalConcurrencyLimitResponse>>> {
    let Decrement { slots, names, occupancy_seconds, .. } = body.0;
    Ok(Json(slots::give_back(cx.write().await?, &names, slots, occupancy_seconds).await?))
}

/// A lease that is gone has given its slots back.
async fn decrement_with_lease(cx: Call, body: JsonBody<DecrementWithLease>) -> Reply<NoContent> {
    leases::release(cx.write().await?, body.lease_id).await?;
    Ok(NoContent)
}

async fn renew(cx: Call, lease: Path<String>, body: JsonBody<Renewal>) -> Reply<Or<410, NoContent>> {
    let lease = lease_of(&lease)?;
    match leases::renew(cx.write().await?, lease, Duration::from_secs_f64(body.lease_duration)).await? {
        true => Ok(Or(NoContent)),
        false => Err(Failure::new(StatusCode::GONE, "Lease not found - it may have expired or been revoked")),
    }
}

/// Of the path, where what is no id is a wrong value and not an unknown address.
fn lease_of(text: &str) -> Reply<LeaseId> {
    let mut errors = Errors::of("path");
    let text = wire::Json::Str(text.into());
    errors
        .at("lease_id", |errors| LeaseId::parse(&text, errors))
        .ok_or_else(|| Invalid::of(errors, &wire::Json::Null).into())
}
