//! `/rate-limit-allocations`: how the account's limits are shared out to its workspaces.

use std::collections::HashSet;

use domain::{AccountId, WorkspaceId};
use serde::Serialize;
use tenant_store::control::Allocation;
use uuid::Uuid;
use wire::{Input, Output, Time};

use super::{by, open_workspaces, shown};
use crate::kit::{Call, Failure, Json, JsonBody, Op, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/rate-limit-allocations/" allocations() -> Json<Vec<AllocationShown>>,
        need Account(ReadAccount), lane Read, cost One, cache Never, touches [], audit Nothing;
    PUT "/rate-limit-allocations/" allocate(JsonBody<Allocations>) -> Json<Vec<AllocationShown>>,
        need Account(UpdateAccount), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.account.rate-limits-allocated");
];

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

async fn allocations(cx: Call) -> Reply<Json<Vec<AllocationShown>>> {
    let found = cx.app.control().list_allocations(cx.account()?.account()).await?;
    let open = open_workspaces(&cx).await?;
    let seen = |part: &Allocation| open.as_ref().is_none_or(|open| open.contains(&part.workspace));
    Ok(Json(found.into_iter().filter(seen).map(AllocationShown::from).collect()))
}

async fn allocate(cx: Call, body: JsonBody<Allocations>) -> Reply<Json<Vec<AllocationShown>>> {
    let account = cx.account()?.account();
    let parts: Vec<(WorkspaceId, i32)> =
        body.0.allocations.iter().map(|part| (part.workspace_id, part.rate_limit_percentage as i32)).collect();
    if parts.iter().map(|(_, percentage)| percentage).sum::<i32>() > 100 {
        return Err(Failure::unprocessable("The percentages add up to more than 100."));
    }
    let named: HashSet<WorkspaceId> = parts.iter().map(|(workspace, _)| *workspace).collect();
    if named.len() < parts.len() {
        return Err(Failure::unprocessable("A workspace is named twice."));
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
