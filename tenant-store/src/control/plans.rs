//! Plans: how much an account may ask of the service, and how it is shared out to the account's workspaces.

use domain::{AccountId, WorkspaceId};
use serde_json::json;
use uuid::Uuid;
use wire::Time;

use super::Control;
use super::audit::{self, By, Change};
use crate::{Error, Result};

/// A plan. `None` is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Lower-case letters, digits and single dashes.
    pub name: String,
    /// Requests a minute of the whole account.
    pub requests: Option<i32>,
    /// Log lines and events a minute of the whole account.
    pub items: Option<i32>,
    /// Requests a minute of one key.
    pub requests_of_a_key: Option<i32>,
    /// How many seconds' worth may come at once, 1 to 60.
    pub burst_seconds: i32,
}

crate::row! { Plan: name "p.name", requests "p.requests", items "p.items", requests_of_a_key "p.requests_of_a_key",
burst_seconds "p.burst_seconds" }

/// A workspace's part of its account's limits, in percent.
#[derive(Clone, Debug)]
pub struct Allocation {
    pub id: Uuid,
    pub created: Time,
    pub updated: Time,
    pub account: AccountId,
    pub workspace: WorkspaceId,
    pub percentage: i32,
}

crate::row! { Allocation: id "a.id", created "a.created", updated "a.updated", account "a.account_id",
workspace "a.workspace_id", percentage "a.percentage" }

/// What an account may ask, and the parts of its workspaces.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    pub plan: Option<Plan>,
    pub allocations: Vec<Allocation>,
}

macro_rules! plan {
    ($rest:literal) => {
        concat!("select p.name, p.requests, p.items, p.requests_of_a_key, p.burst_seconds from control.plan p ", $rest)
    };
}

const LIST: &str = plan!("order by p.requests nulls last, p.name");
const READ: &str = plan!("where p.name = $1");
/// The account's own plan, else the installation's (`$2`).
const OF_ACCOUNT: &str = plan!("join control.account a on a.id = $1 where p.name = coalesce(a.plan, $2)");
const WRITE: &str = "insert into control.plan (name, requests, items, requests_of_a_key, burst_seconds)
    values ($1, $2, $3, $4, $5)
    on conflict (name) do update set updated = clock_timestamp(), requests = excluded.requests, items = excluded.items,
        requests_of_a_key = excluded.requests_of_a_key, burst_seconds = excluded.burst_seconds";
const DELETE: &str = "delete from control.plan where name = $1";
const SET: &str = "update control.account set plan = $2, updated = clock_timestamp() where id = $1";

const ALLOCATIONS: &str = "select a.id, a.created, a.updated, a.account_id, a.workspace_id, a.percentage
    from control.rate_limit_allocation a join control.workspace w on w.id = a.workspace_id
    where a.account_id = $1 and w.deleted_at is null order by a.workspace_id";
const UNALLOCATE: &str = "delete from control.rate_limit_allocation where account_id = $1 and workspace_id <> all($2)";
const ALLOCATE: &str = "insert into control.rate_limit_allocation (workspace_id, id, account_id, percentage)
    select w.id, $2, w.account_id, $4 from control.workspace w
    where w.id = $1 and w.account_id = $3 and w.deleted_at is null
    on conflict (workspace_id) do update set updated = clock_timestamp(), percentage = excluded.percentage";

impl Control {
    /// All plans, the smallest first.
    pub async fn list_plans(&self) -> Result<Vec<Plan>> {
        self.0.db.client().await?.all(LIST, &[]).await
    }

    pub async fn read_plan(&self, name: &str) -> Result<Option<Plan>> {
        self.0.db.client().await?.opt(READ, &[&name]).await
    }

    /// Makes a plan, or changes it for every account that is on it.
    pub async fn write_plan(&self, by: By, plan: &Plan) -> Result<()> {
        let Plan { name, requests, items, requests_of_a_key, burst_seconds } = plan;
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        tx.run(WRITE, &[name, requests, items, requests_of_a_key, burst_seconds]).await?;
        let detail = json!({ "name": name, "requests": requests, "items": items, "requests_of_a_key": requests_of_a_key,
            "burst_seconds": burst_seconds });
        let change = Change {
            event: "prefect-cloud.plan.updated",
            account: None,
            workspace: None,
            resource: Uuid::nil(),
            detail: &detail,
        };
        audit::write(&tx, by, change).await?;
        tx.commit().await
    }

    /// Whether there was such a plan. One that an account is on stays ([`Error::Conflict`]).
    pub async fn delete_plan(&self, name: &str) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let there = tx.run(DELETE, &[&name]).await? > 0;
        tx.commit().await?;
        Ok(there)
    }

    /// Puts an account on a plan, or on the installation's default with `None`.
    pub async fn set_plan(&self, by: By, account: AccountId, plan: Option<&str>) -> Result<()> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        tx.run(SET, &[&account, &plan]).await?;
        let change = Change {
            event: "prefect-cloud.account.updated",
            account: Some(account),
            workspace: None,
            resource: account.0,
            detail: &json!({ "plan": plan }),
        };
        audit::write(&tx, by, change).await?;
        tx.commit().await
    }

    /// What an account may ask; `default_plan` is that of accounts without one of their own.
    pub async fn allowance(&self, account: AccountId, default_plan: Option<&str>) -> Result<Allowance> {
        let client = self.0.db.client().await?;
        Ok(Allowance {
            plan: client.opt(OF_ACCOUNT, &[&account, &default_plan]).await?,
            allocations: client.all(ALLOCATIONS, &[&account]).await?,
        })
    }

    pub async fn list_allocations(&self, account: AccountId) -> Result<Vec<Allocation>> {
        self.0.db.client().await?.all(ALLOCATIONS, &[&account]).await
    }

    /// Shares an account's limits out anew: percentages from 1 to 100 that add up to no more than 100. Workspaces that are
    /// not named lose theirs. A workspace that is not the account's is [`Error::Conflict`].
    pub async fn allocate(&self, by: By, account: AccountId, parts: &[(WorkspaceId, i32)]) -> Result<Vec<Allocation>> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let named: Vec<WorkspaceId> = parts.iter().map(|(workspace, _)| *workspace).collect();
        tx.run(UNALLOCATE, &[&account, &named]).await?;
        for (workspace, percentage) in parts {
            if tx.run(ALLOCATE, &[workspace, &Uuid::now_v7(), &account, percentage]).await? == 0 {
                return Err(Error::Conflict("One of the workspaces is not in this account.".into()));
            }
        }
        let detail = json!({ "allocations": parts.iter().map(|(w, p)| json!([w, p])).collect::<Vec<_>>() });
        let change = Change {
            event: "prefect-cloud.account.rate-limits-allocated",
            account: Some(account),
            workspace: None,
            resource: account.0,
            detail: &detail,
        };
        audit::write(&tx, by, change).await?;
        let allocations = tx.all(ALLOCATIONS, &[&account]).await?;
        tx.commit().await?;
        Ok(allocations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<Plan>(READ);
        reads::<Allocation>(ALLOCATIONS);
    }
}
