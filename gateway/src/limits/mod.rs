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
//! them together; `usage` counts by the minute; `guesses` and `crowd` stand by themselves.

mod cell;
mod crowd;
mod fields;
mod guesses;
mod items;
mod meter;
mod plans;
mod quota;
mod shared;
mod usage;

use std::sync::Arc;

use domain::{AccountId, KeyId, WorkspaceId};
use tenant_store::Error as StoreError;
use tenant_store::control::Control;

use crate::config::LimitSettings;
use crate::metrics::Metrics;
use crate::redis::Redis;

pub use crowd::{Crowd, Place};
pub use fields::retry_after;
pub use guesses::Guesses;
pub use items::count as count_items;
pub use meter::{Kind, Meter, Over};
pub use quota::Rank;
use usage::Minute;

/// What an account used, of requests and of items.
pub struct Used {
    /// Those in which something was asked, the oldest first.
    pub minutes: Vec<Minute>,
    /// A minute; `None` is no limit.
    pub limits: [Option<u32>; 2],
}

/// All limits of the program.
pub struct Limits {
    plans: plans::Plans,
    cells: cell::Cells,
    metrics: Arc<Metrics>,
    /// Of failed attempts to get in, by address.
    pub guesses: Guesses,
    /// Requests in work, by workspace.
    pub requests: Crowd<WorkspaceId>,
    /// Open sockets, by workspace.
    pub sockets: Crowd<WorkspaceId>,
}

impl Limits {
    pub fn new(settings: &LimitSettings, control: Control, redis: Option<Redis>, metrics: Arc<Metrics>) -> Self {
        Self {
            plans: plans::Plans::new(control, settings.default_plan.clone()),
            cells: cell::Cells::new(redis.map(shared::Shared::start)),
            metrics,
            guesses: Guesses::new(settings.guesses_per_minute),
            requests: Crowd::new(settings.workspace_requests),
            sockets: Crowd::new(settings.workspace_sockets),
        }
    }

    /// What measures a caller's requests in an account, and in a workspace of it.
    pub async fn meter(
        &self,
        account: AccountId,
        workspace: Option<WorkspaceId>,
        key: KeyId,
    ) -> Result<Meter, StoreError> {
        let known = self.plans.of(account).await?;
        Ok(Meter::new(&known, &self.cells, self.metrics.clone(), account, workspace, key))
    }

    /// The plan or the allocations of an account were changed here.
    pub fn forget(&self, account: AccountId) {
        self.plans.forget(account);
    }

    /// What the account used in the latest minutes, as this replica saw it.
    pub async fn used(&self, account: AccountId) -> Result<Used, StoreError> {
        let known = self.plans.of(account).await?;
        let limits = [known.requests, known.items].map(|quota| quota.map(|quota| quota.per_minute));
        Ok(Used { minutes: known.usage.minutes(), limits })
    }
}
