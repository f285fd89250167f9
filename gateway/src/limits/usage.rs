//! What an account asked for and was given, by the minute and by who asked, for the latest hour. In process, and exact
//! there; `tally` brings what other replicas saw.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::{ActorId, WorkspaceId};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use tenant_store::control::Principal;
use uuid::Uuid;

use super::meter::Kind;

/// Minutes kept.
pub const KEPT: i64 = 60;
/// Askers told apart in a minute; what further ones ask is counted as nobody's in particular.
const MOST_ASKERS: usize = 200;

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asker {
    /// `None` above the workspaces.
    pub workspace: Option<WorkspaceId>,
    /// `None` where there were too many to tell apart.
    pub actor: Option<ActorId>,
    /// The name of their key.
    pub key: Option<String>,
}

/// Of requests, and of log lines and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub requested: [u64; 2],
    pub granted: [u64; 2],
}

/// What was asked in one minute, by who asked.
pub type Counts = HashMap<Arc<Asker>, Count>;

/// Minutes since 1970, and what was asked in each; only those in which something was.
pub type Minutes = BTreeMap<i64, Counts>;

/// An account's use as this replica saw it.
pub struct Usage {
    /// Whose figures these are among all that are told of the account.
    pub teller: Uuid,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    minutes: Minutes,
    /// The earliest minute that changed since it was told to others.
    untold: Option<i64>,
}

impl Default for Usage {
    fn default() -> Self {
        Self { teller: Uuid::new_v4(), state: Mutex::default() }
    }
}

impl Asker {
    pub fn of(principal: &Principal, workspace: Option<WorkspaceId>) -> Self {
        Self { workspace, actor: Some(principal.actor), key: Some(principal.key_name.clone()) }
    }

    /// As much of it as a member of the account may know: its own key, and workspaces that are open to it.
    pub fn seen_by(&self, member: ActorId, open: &[WorkspaceId]) -> Self {
        let Self { workspace, actor, key } = self.clone();
        let own = actor == Some(member);
        Self { workspace: workspace.filter(|id| open.contains(id)), actor, key: key.filter(|_| own) }
    }

    const fn one_of_many() -> Self {
        Self { workspace: None, actor: None, key: None }
    }
}

impl Count {
    fn took(&mut self, kind: Kind, requested: u64, granted: u64) {
        self.requested[kind as usize] += requested;
        self.granted[kind as usize] += granted;
    }

    pub fn add(&mut self, other: Count) {
        for kind in [Kind::Requests as usize, Kind::Items as usize] {
            self.requested[kind] += other.requested[kind];
            self.granted[kind] += other.granted[kind];
        }
    }
}

impl Usage {
    pub fn count(&self, asker: &Arc<Asker>, kind: Kind, cost: u64, granted: bool) {
        self.count_at(this_minute(), asker, kind, cost, granted);
    }

    fn count_at(&self, now: i64, asker: &Arc<Asker>, kind: Kind, cost: u64, granted: bool) {
        let mut state = self.lock();
        // A clock that is set back counts in the latest minute.
        let at = state.minutes.last_key_value().map_or(now, |(latest, _)| now.max(*latest));
        state.untold = Some(state.untold.map_or(at, |untold| untold.min(at)));
        let counts = state.minutes.entry(at).or_default();
        let granted = if granted { cost } else { 0 };
        match counts.get_mut(asker) {
            Some(count) => count.took(kind, cost, granted),
            None => {
                let apart = counts.len() < MOST_ASKERS;
                let asker = if apart { asker.clone() } else { Arc::new(Asker::one_of_many()) };
                counts.entry(asker).or_default().took(kind, cost, granted);
            }
        }
        if state.minutes.first_key_value().is_some_and(|(first, _)| *first <= at - KEPT) {
            state.minutes = state.minutes.split_off(&(at - KEPT + 1));
        }
    }

    pub fn minutes(&self) -> Minutes {
        self.lock().minutes.clone()
    }

    /// What changed since this was asked before, or since [`Usage::tell_again`].
    pub fn untold(&self) -> Minutes {
        let mut state = self.lock();
        match state.untold.take() {
            Some(first) => state.minutes.range(first..).map(|(at, counts)| (*at, counts.clone())).collect(),
            None => Minutes::new(),
        }
    }

    /// Who was told has not heard it, or has forgotten.
    pub fn tell_again(&self) {
        let mut state = self.lock();
        state.untold = state.minutes.first_key_value().map(|(first, _)| *first);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what others saw. Pure.
pub fn add(minutes: &mut Minutes, at: i64, others: impl IntoIterator<Item = (Asker, Count)>) {
    let counts = minutes.entry(at).or_default();
    for (asker, count) in others {
        counts.entry(Arc::new(asker)).or_default().add(count);
    }
}

fn this_minute() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| (since.as_secs() / 60) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(key: &str) -> Arc<Asker> {
        Arc::new(Asker { workspace: None, actor: None, key: Some(key.to_owned()) })
    }

    #[test]
    fn minutes_are_counted_by_who_asked_and_the_oldest_forgotten() {
        let (usage, a, b) = (Usage::default(), asker("a"), asker("b"));
        usage.count_at(5, &a, Kind::Requests, 1, true);
        usage.count_at(5, &a, Kind::Requests, 1, false);
        usage.count_at(5, &b, Kind::Items, 40, true);
        usage.count_at(4, &b, Kind::Items, 2, true);
        let minutes = usage.minutes();
        assert_eq!(minutes.len(), 1, "a clock that was set back");
        assert_eq!(minutes[&5][&a], Count { requested: [2, 0], granted: [1, 0] });
        assert_eq!(minutes[&5][&b], Count { requested: [0, 42], granted: [0, 42] });
        (100..200).for_each(|at| usage.count_at(at, &a, Kind::Requests, 1, true));
        let minutes = usage.minutes();
        assert_eq!((minutes.len() as i64, minutes.first_key_value().map(|(at, _)| *at)), (KEPT, Some(140)));
    }

    #[test]
    fn of_too_many_askers_the_sum_is_right() {
        let usage = Usage::default();
        (0..1000).for_each(|n| usage.count_at(1, &asker(&n.to_string()), Kind::Requests, 1, true));
        let counts = &usage.minutes()[&1];
        assert_eq!(counts.len(), MOST_ASKERS + 1);
        assert_eq!(counts.values().map(|count| count.granted[0]).sum::<u64>(), 1000);
    }

    #[test]
    fn what_changed_is_told_once_and_all_of_it_to_who_forgot() {
        let (usage, a) = (Usage::default(), asker("a"));
        usage.count_at(1, &a, Kind::Requests, 1, true);
        usage.count_at(2, &a, Kind::Requests, 1, true);
        assert_eq!(usage.untold().len(), 2);
        assert_eq!(usage.untold().len(), 0);
        usage.count_at(2, &a, Kind::Requests, 1, true);
        assert_eq!(usage.untold()[&2][&a].granted[0], 2, "the whole minute");
        usage.tell_again();
        assert_eq!(usage.untold().len(), 2);
    }

    #[test]
    fn what_others_saw_is_added() {
        let (usage, a) = (Usage::default(), asker("a"));
        usage.count_at(1, &a, Kind::Requests, 3, true);
        let mut minutes = usage.minutes();
        add(&mut minutes, 1, [((*a).clone(), Count { requested: [5, 1], granted: [4, 1] })]);
        assert_eq!(minutes[&1][&a], Count { requested: [8, 1], granted: [7, 1] });
    }
}
