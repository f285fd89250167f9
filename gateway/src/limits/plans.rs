//! What each account may, as remembered: read once when an account is first seen, and again behind a request when it has
//! become old. So a request waits for the answer only when nobody has asked anything for a while, and none while the control
//! database is away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::{AccountId, WorkspaceId};
use foldhash::HashMap;
use tenant_store::Result;
use tenant_store::control::{Allowance, Control};

use super::meter::Meters;
use super::quota::Quota;
use super::usage::Usage;

/// How long an answer counts.
pub const FRESH: Duration = Duration::from_secs(2);
/// When an answer is so old that the next request waits for a new one: the account was quiet, and a first burst would go by
/// a plan of long ago.
const STALE: Duration = Duration::from_secs(6);
/// Accounts remembered at most; beyond, all are forgotten.
const MOST: usize = 50_000;

/// What an account may.
pub struct Known {
    pub requests: Option<Quota>,
    pub items: Option<Quota>,
    pub requests_of_a_key: Option<Quota>,
    /// In percent of the account's.
    pub parts: HashMap<WorkspaceId, u32>,
    pub usage: Arc<Usage>,
    pub meters: Meters,
    read: Instant,
    asking: AtomicBool,
}

#[derive(Clone)]
pub struct Plans(Arc<Inner>);

struct Inner {
    control: Control,
    default_plan: Option<String>,
    accounts: RwLock<HashMap<AccountId, Entry>>,
}

/// An account as it is remembered.
#[derive(Default)]
struct Entry {
    known: Option<Arc<Known>>,
    usage: Arc<Usage>,
}

impl Plans {
    pub fn new(control: Control, default_plan: Option<String>) -> Self {
        Self(Arc::new(Inner { control, default_plan, accounts: RwLock::default() }))
    }

    pub async fn of(&self, account: AccountId) -> Result<Arc<Known>> {
        let Some(known) = self.0.get(account) else { return self.0.ask(account).await };
        let age = known.read.elapsed();
        if age > STALE {
            // Where the control database is away, which is logged there, the last one stands.
            return Ok(self.0.ask(account).await.unwrap_or(known));
        }
        if age > FRESH && !known.asking.swap(true, Ordering::Relaxed) {
            let (inner, known) = (self.0.clone(), known.clone());
            tokio::spawn(async move {
                if let Err(error) = inner.ask(account).await {
                    tracing::warn!(%account, %error, "the plan of an account could not be read; the last one stands");
                    known.asking.store(false, Ordering::Relaxed);
                }
            });
        }
        Ok(known)
    }

    /// What each account used that asked something here.
    pub fn usages(&self) -> Vec<(AccountId, Arc<Usage>)> {
        let accounts = self.0.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().map(|(account, entry)| (*account, entry.usage.clone())).collect()
    }

    /// The next request asks, and waits for the answer.
    pub fn forget(&self, account: AccountId) {
        let mut accounts = self.0.accounts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = accounts.get_mut(&account) {
            entry.known = None;
        }
    }
}

impl Inner {
    fn get(&self, account: AccountId) -> Option<Arc<Known>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(&account)?.known.clone()
    }

    async fn ask(&self, account: AccountId) -> Result<Arc<Known>> {
        // Boxed: it is seldom, and every request passes here.
        let allowance = Box::pin(self.control.allowance(account, self.default_plan.as_deref())).await?;
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MOST {
            accounts.clear();
        }
        let entry = accounts.entry(account).or_default();
        let known = Arc::new(Known::of(allowance, entry.usage.clone()));
        entry.known = Some(known.clone());
        Ok(known)
    }
}

impl Known {
    fn of(allowance: Allowance, usage: Arc<Usage>) -> Self {
        let Allowance { plan, allocations } = allowance;
        let burst = plan.as_ref().map_or(1, |plan| plan.burst_seconds);
        let quota = |per_minute: Option<i32>| per_minute.and_then(|per_minute| quota(per_minute, burst));
        let part = |percentage: i32| u32::try_from(percentage).unwrap_or(0);
        Self {
            requests: quota(plan.as_ref().and_then(|plan| plan.requests)),
            items: quota(plan.as_ref().and_then(|plan| plan.items)),
            requests_of_a_key: quota(plan.as_ref().and_then(|plan| plan.requests_of_a_key)),
            parts: allocations.iter().map(|given| (given.workspace, part(given.percentage))).collect(),
            usage,
            meters: Meters::default(),
            read: Instant::now(),
            asking: AtomicBool::new(false),
        }
    }

    /// What is left for the workspaces without a part of their own, in percent; at least 1.
    pub fn rest(&self) -> u32 {
        100_u32.saturating_sub(self.parts.values().sum()).max(1)
    }
}

/// Pure: a limit a minute, of which some seconds' worth may come at once.
fn quota(per_minute: i32, burst_seconds: i32) -> Option<Quota> {
    let per_minute = u32::try_from(per_minute).ok().filter(|limit| *limit > 0)?;
    let burst = u64::from(per_minute) * u64::from(burst_seconds.clamp(1, 60).unsigned_abs()) / 60;
    Some(Quota { per_minute, burst: (burst as u32).max(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_some_seconds_worth() {
        assert_eq!(quota(625, 10), Some(Quota { per_minute: 625, burst: 104 }));
        assert_eq!(quota(3, 10), Some(Quota { per_minute: 3, burst: 1 }));
        assert_eq!(quota(0, 10), None);
    }
}
