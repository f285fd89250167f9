//! Measures one caller: which buckets what they ask is taken from, all of them or none.

use std::sync::{Arc, PoisonError, RwLock};

use domain::{AccountId, KeyId, WorkspaceId};
use foldhash::HashMap;
use http::{HeaderMap, HeaderValue};
use tenant_store::control::Principal;

use super::cell::{self, Cell, Cells, Holder};
use super::fields::{self, State};
use super::plans::Known;
use super::quota::{Nanos, Quota, Rank};
use super::usage::{Asker, Usage};
use crate::metrics::Metrics;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Requests,
    /// Log lines and events.
    Items,
}

/// Refused: which limit, and when there will be room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    pub limit: &'static str,
    pub wait: Nanos,
}

/// A caller's buckets.
pub struct Meter {
    requests: Vec<Limit>,
    items: Vec<Limit>,
    /// What its answers say of the limits, by kind; `None` without any.
    policies: [Option<HeaderValue>; 2],
    cells: Cells,
    usage: Arc<Usage>,
    asker: Arc<Asker>,
    metrics: Arc<Metrics>,
}

/// The callers of an account as they were made of what it may: they live as long as that counts.
#[derive(Default)]
pub struct Meters(RwLock<HashMap<Caller, Arc<Meter>>>);

/// A key, and the workspace that it was used in.
type Caller = (Option<WorkspaceId>, KeyId);

/// Callers of an account that are remembered at most; beyond, all are forgotten.
const MOST: usize = 10_000;

struct Limit {
    name: &'static str,
    quota: Quota,
    cell: Arc<Cell>,
}

impl Kind {
    fn names(self) -> [&'static str; 3] {
        match self {
            Kind::Requests => ["requests", "requests-of-workspace", "requests-of-key"],
            Kind::Items => ["logs-and-events", "logs-and-events-of-workspace", "logs-and-events-of-key"],
        }
    }
}

impl Meters {
    pub(super) fn get(&self, workspace: Option<WorkspaceId>, key: KeyId, make: impl FnOnce() -> Meter) -> Arc<Meter> {
        let caller = (workspace, key);
        if let Some(meter) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&caller) {
            return meter.clone();
        }
        let mut meters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if meters.len() >= MOST {
            meters.clear();
        }
        meters.entry(caller).or_insert_with(|| Arc::new(make())).clone()
    }
}

impl Meter {
    pub(super) fn new(
        known: &Known,
        cells: &Cells,
        metrics: Arc<Metrics>,
        account: AccountId,
        workspace: Option<WorkspaceId>,
        principal: &Principal,
    ) -> Self {
        let limits = |kind: Kind, quota: Option<Quota>, of_key: Option<Quota>| {
            let [of_account, of_workspace, of_a_key] = kind.names();
            let limit = |name, quota, holder| Limit { name, quota, cell: cells.get(holder, kind) };
            // The order in which they are locked, everywhere: account, part, key.
            let mut limits = Vec::new();
            if let Some(quota) = quota {
                limits.push(limit(of_account, quota, Holder::Account(account.0)));
                match workspace.and_then(|workspace| Some((workspace, known.parts.get(&workspace)?))) {
                    Some((id, part)) => limits.push(limit(of_workspace, quota.part(*part), Holder::Workspace(id.0))),
                    None if known.parts.is_empty() => {}
                    None => limits.push(limit(of_workspace, quota.part(known.rest()), Holder::Rest(account.0))),
                }
            }
            limits.extend(of_key.map(|quota| limit(of_a_key, quota, Holder::Key(principal.key.0))));
            limits
        };
        let requests = limits(Kind::Requests, known.requests, known.requests_of_a_key);
        let items = limits(Kind::Items, known.items, None);
        let policy = |limits: &[Limit]| fields::policy(limits.iter().map(|limit| (limit.name, limit.quota)));
        Self {
            policies: [policy(&requests), policy(&items)],
            requests,
            items,
            cells: cells.clone(),
            usage: known.usage.clone(),
            asker: Arc::new(Asker::of(principal, workspace)),
            metrics,
        }
    }

    /// Takes `cost` of every bucket, or of none.
    pub fn take(&self, kind: Kind, rank: Rank, cost: u64) -> Result<(), Over> {
        let taken = match self.of(kind) {
            [] => Ok(()),
            limits => self.take_at(limits, rank, cost, self.cells.now()),
        };
        self.usage.count(&self.asker, kind, cost, taken.is_ok());
        if let Err(over) = &taken {
            self.metrics.limits.refused(over.limit);
        }
        taken
    }

    /// Takes what is done already, also if there is no room for it: the next will wait.
    pub fn charge(&self, kind: Kind, cost: u64) {
        if cost == 0 {
            return;
        }
        self.usage.count(&self.asker, kind, cost, true);
        let now = self.cells.now();
        for limit in self.of(kind) {
            self.take_of(limit, &mut limit.cell.lock(), cost, now);
        }
    }

    /// What the last rank could take at once now; `None` without a limit.
    pub fn room(&self, kind: Kind) -> Option<u64> {
        let now = self.cells.now();
        let room = |limit: &Limit| {
            let state = limit.cell.lock();
            state.bucket.room(limit.quota, self.cells.standing(&state), now)
        };
        self.of(kind).iter().map(room).min()
    }

    /// Whether one could be taken; takes nothing.
    pub fn check(&self, kind: Kind, rank: Rank) -> Result<(), Over> {
        let now = self.cells.now();
        self.of(kind).iter().try_for_each(|limit| {
            let state = limit.cell.lock();
            limit.check(&self.cells, &state, rank, 1, now)
        })
    }

    fn take_at(&self, limits: &[Limit], rank: Rank, cost: u64, now: Nanos) -> Result<(), Over> {
        let mut states: Vec<_> = limits.iter().map(|limit| limit.cell.lock()).collect();
        for (limit, state) in limits.iter().zip(&states) {
            limit.check(&self.cells, state, rank, cost, now)?;
        }
        for (limit, state) in limits.iter().zip(&mut states) {
            self.take_of(limit, state, cost, now);
        }
        Ok(())
    }

    fn take_of(&self, limit: &Limit, state: &mut cell::State, cost: u64, now: Nanos) {
        let standing = self.cells.standing(state);
        state.bucket.take(limit.quota, standing, cost, now);
        self.cells.settle(&limit.cell, state, limit.quota);
    }

    /// Says in an answer's fields what the limits are and what is left.
    pub fn announce(&self, kind: Kind, headers: &mut HeaderMap) {
        let Some(policy) = &self.policies[kind as usize] else { return };
        headers.insert(fields::POLICY, policy.clone());
        headers.extend(fields::limit(self.states(kind)).map(|value| (fields::LIMIT, value)));
    }

    /// The kinds of which nothing is left, over all replicas while Redis answers.
    pub async fn exceeded(&self) -> Vec<Kind> {
        for limit in self.requests.iter().chain(&self.items) {
            self.cells.look(&limit.cell, limit.quota).await;
        }
        let used_up = |kind: &Kind| self.states(*kind).any(|state| state.remaining == 0);
        [Kind::Requests, Kind::Items].into_iter().filter(used_up).collect()
    }

    fn states(&self, kind: Kind) -> impl Iterator<Item = State> {
        let now = self.cells.now();
        self.of(kind).iter().map(move |limit: &Limit| {
            let state = limit.cell.lock();
            let standing = self.cells.standing(&state);
            State {
                name: limit.name,
                quota: limit.quota,
                remaining: state.bucket.remaining(limit.quota, standing, now),
                reset: state.bucket.level(now),
            }
        })
    }

    fn of(&self, kind: Kind) -> &[Limit] {
        match kind {
            Kind::Requests => &self.requests,
            Kind::Items => &self.items,
        }
    }
}

impl Limit {
    fn check(&self, cells: &Cells, state: &cell::State, rank: Rank, cost: u64, now: Nanos) -> Result<(), Over> {
        let checked = state.bucket.check(self.quota, cells.standing(state), rank, cost, now);
        checked.map_err(|wait| Over { limit: self.name, wait })
    }
}
