//! Limits: how much an account, a workspace and a key may ask of the service, how often an address may guess keys, how much
//! of a workspace may be in work at once.
//!
//! Promises:
//! * Two buckets, requests and items (log lines and events, each counted, by web socket too). What a plan allows an account
//!   is shared out to its workspaces by allocation; a key may have a limit of its own.
//! * Across replicas never more than the limit and the burst, and no request waits for Redis: see [`quota::Standing`]. One
//!   batch of items that is larger than the burst passes whole and is paid for afterwards.
//! * Without a plan there is no limit. A change of plan or allocation counts within [`plans::FRESH`] on every replica.
//!
//! `quota`, `fields` and `items` are pure; `plans` remembers what accounts may; `shared` settles with Redis; `meter` puts
//! them together; `usage` counts by the minute, and `tally` adds up what all replicas counted,
//! of which `report` tells; `guesses` and `crowd` stand by themselves.

mod cell;
mod crowd;
mod fields;
mod guesses;
mod items;
mod meter;
mod plans;
mod quota;
mod report;
mod shared;
mod tally;
mod usage;

use std::sync::Arc;

use domain::{AccountId, WorkspaceId};
use tenant_store::Error as StoreError;
use tenant_store::control::{Control, Principal};
use tokio::sync::Semaphore;
use wire::Time;

use crate::config::{LimitSettings, PollSettings};
use crate::metrics::Metrics;
use crate::redis::Redis;

pub use crowd::{Crowd, Place};
pub use fields::retry_after;
pub use guesses::Guesses;
pub use items::count as count_items;
pub use meter::{Kind, Meter, Over};
pub use quota::Rank;
pub use report::Report;

/// All limits of the program.
pub struct Limits {
    plans: plans::Plans,
    cells: cell::Cells,
    tally: Option<tally::Tally>,
    metrics: Arc<Metrics>,
    /// Of failed attempts to get in, by address.
    pub guesses: Guesses,
    /// Requests in work, by workspace.
    pub requests: Crowd<WorkspaceId>,
    /// Requests in hand, of all workspaces.
    pub in_hand: Arc<Semaphore>,
    /// Requests that wait for a place among those of their workspace: of all workspaces as many as may be in hand.
    pub waiting: Crowd<()>,
    /// The same of one workspace, no more than half of them: its line is not in the way of another's.
    pub waiting_of_one: Crowd<WorkspaceId>,
    /// Open sockets, by workspace.
    pub sockets: Crowd<WorkspaceId>,
    /// Polls that wait for a run, by workspace.
    pub polls: Crowd<WorkspaceId>,
}

impl Limits {
    pub fn new(
        settings: &LimitSettings,
        most_in_hand: usize,
        polls: &PollSettings,
        control: Control,
        redis: Option<Redis>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let plans = plans::Plans::new(control, settings.default_plan.clone());
        Self {
            tally: redis.clone().map(|redis| tally::Tally::start(redis, plans.clone())),
            plans,
            cells: cell::Cells::new(redis.map(shared::Shared::start)),
            metrics,
            guesses: Guesses::new(settings.guesses_per_minute),
            requests: Crowd::new(settings.workspace_requests),
            in_hand: Arc::new(Semaphore::new(most_in_hand)),
            waiting: Crowd::new(most_in_hand),
            waiting_of_one: Crowd::new(most_in_hand.div_ceil(2)),
            sockets: Crowd::new(settings.workspace_sockets),
            polls: Crowd::new(polls.polls_held),
        }
    }

    /// What measures a caller's requests in an account, and in a workspace of it.
    pub async fn meter(
        &self,
        account: AccountId,
        workspace: Option<WorkspaceId>,
        principal: &Principal,
    ) -> Result<Arc<Meter>, StoreError> {
        let known = self.plans.of(account).await?;
        let make = || Meter::new(&known, &self.cells, self.metrics.clone(), account, workspace, principal);
        Ok(known.meters.get(workspace, principal.key, make))
    }

    /// Whether this replica has just begun and can grant next to nothing, until the others have counted it: with Redis, two
    /// seconds.
    pub fn are_new(&self) -> bool {
        self.cells.are_new()
    }

    /// The plan or the allocations of an account were changed here.
    pub fn forget(&self, account: AccountId) {
        self.plans.forget(account);
    }

    /// What the account used between two times of the latest hour; `None` if no minute is between them. Others' figures are
    /// about a second old.
    pub async fn used(
        &self,
        account: AccountId,
        since: Option<Time>,
        until: Option<Time>,
    ) -> Result<Option<Report>, StoreError> {
        let Some(window) = report::window(Time::of_machine(), since, until) else { return Ok(None) };
        let known = self.plans.of(account).await?;
        let limits = [known.requests, known.items].map(|quota| quota.map(|quota| quota.per_minute));
        let mut minutes = known.usage.minutes();
        let complete = match &self.tally {
            None => true,
            Some(tally) => tally.add_others(&mut minutes, account, known.usage.teller, window.clone()).await.is_ok(),
        };
        Ok(Some(Report::new(window, minutes, limits, complete)))
    }
}
