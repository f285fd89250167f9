//! Who may use how many connections at once.
//!
//! Each lane has a share of the pool, and within it each workspace has a smaller one, so that a tenant's heavy lists wait
//! for each other and nobody's state changes wait for them. A workspace whose lists take long ([`LONG`]) has them one after
//! the other: several at once would take every core of the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use domain::WorkspaceId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What kind of work a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// State changes, creates, small writes: come first.
    Hot,
    /// Reads by key.
    Read,
    /// Lists, counts, histories.
    Heavy,
    /// Log lines and events.
    Ingest,
}

impl Lane {
    pub const ALL: [Lane; LANES] = [Lane::Hot, Lane::Read, Lane::Heavy, Lane::Ingest];

    pub fn name(self) -> &'static str {
        match self {
            Lane::Hot => "hot",
            Lane::Read => "read",
            Lane::Heavy => "heavy",
            Lane::Ingest => "ingest",
        }
    }
}

const LANES: usize = 4;

/// A lane at this moment.
#[derive(Debug, Clone, Copy)]
pub struct LaneStatus {
    pub lane: Lane,
    /// Turns taken.
    pub in_use: usize,
    /// Requests that wait for one.
    pub waiting: usize,
}

/// Connections a lane may use of a pool of `size`, and of those one workspace alone.
fn shares(lane: Lane, size: usize) -> (usize, usize) {
    let part = |numerator: usize, denominator: usize| (size * numerator / denominator).max(1);
    match lane {
        Lane::Hot => (size, part(3, 4)),
        Lane::Read => (part(3, 4), part(1, 2)),
        Lane::Heavy => (part(1, 2), part(1, 4)),
        Lane::Ingest => (part(1, 2), part(1, 4)),
    }
}

type Semaphores = [Arc<Semaphore>; LANES];

/// Lists that take longer than this on average are had one after the other.
const LONG: Duration = Duration::from_millis(50);

/// What a workspace may use.
struct Shares {
    lanes: Semaphores,
    lists: Pace,
    /// Of one, for lists that take long.
    alone: Arc<Semaphore>,
}

/// How long a workspace's latest lists took, in microseconds: each new one counts a quarter.
#[derive(Default)]
struct Pace(AtomicU64);

impl Pace {
    fn took(&self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        // That two meet here, and one is not counted, does not matter.
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before - before / 4 + time / 4, Ordering::Relaxed);
    }

    fn is_long(&self) -> bool {
        u128::from(self.0.load(Ordering::Relaxed)) > LONG.as_micros()
    }
}

pub(super) struct Lanes {
    whole: Arc<Semaphore>,
    lanes: Semaphores,
    /// Only of workspaces with work in flight; emptied as they come to rest.
    workspaces: Mutex<HashMap<WorkspaceId, Weak<Shares>>>,
    waiting: [AtomicUsize; LANES],
    size: usize,
}

/// Counted as waiting until dropped, also when the request is given up.
struct Waiting<'l>(&'l AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to use one connection; ends when dropped.
pub(super) struct Turn {
    _permits: [OwnedSemaphorePermit; 3],
    _alone: Option<OwnedSemaphorePermit>,
    shares: Arc<Shares>,
    lane: Lane,
    begun: Instant,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.lane == Lane::Heavy {
            self.shares.lists.took(self.begun.elapsed());
        }
    }
}

impl Lanes {
    pub fn new(size: usize) -> Self {
        Self {
            whole: Arc::new(Semaphore::new(size)),
            lanes: Self::semaphores(|lane| shares(lane, size).0),
            workspaces: Mutex::default(),
            waiting: Default::default(),
            size,
        }
    }

    fn semaphores(share: impl Fn(Lane) -> usize) -> Semaphores {
        Lane::ALL.map(|lane| Arc::new(Semaphore::new(share(lane))))
    }

    /// Waits, first come first served, until the workspace, the lane and the pool have room.
    pub async fn turn(&self, workspace: WorkspaceId, lane: Lane) -> Turn {
        let waiting = &self.waiting[lane as usize];
        waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(waiting);
        let shares = self.of_workspace(workspace);
        let own = acquire(&shares.lanes[lane as usize]).await;
        // Only here is it known how long the lists before this one took.
        let alone = match lane == Lane::Heavy && shares.lists.is_long() {
            true => Some(acquire(&shares.alone).await),
            false => None,
        };
        let of_lane = acquire(&self.lanes[lane as usize]).await;
        let of_whole = acquire(&self.whole).await;
        Turn { _permits: [own, of_lane, of_whole], _alone: alone, shares, lane, begun: Instant::now() }
    }

    /// Whether nobody has a turn, or nobody but one.
    pub fn is_quiet(&self) -> bool {
        self.whole.available_permits() + 1 >= self.size
    }

    pub fn status(&self) -> [LaneStatus; LANES] {
        Lane::ALL.map(|lane| {
            let free = self.lanes[lane as usize].available_permits();
            let in_use = shares(lane, self.size).0.saturating_sub(free);
            LaneStatus { lane, in_use, waiting: self.waiting[lane as usize].load(Ordering::Relaxed) }
        })
    }

    fn of_workspace(&self, workspace: WorkspaceId) -> Arc<Shares> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = workspaces.get(&workspace).and_then(Weak::upgrade) {
            return found;
        }
        // A thousand is the most workspaces a database should hold: past that, those at rest are swept out.
        if workspaces.len() >= 1000 {
            workspaces.retain(|_, weak| weak.strong_count() > 0);
        }
        let lanes = Self::semaphores(|lane| shares(lane, self.size).1);
        let made = Arc::new(Shares { lanes, lists: Pace::default(), alone: Arc::new(Semaphore::new(1)) });
        workspaces.insert(workspace, Arc::downgrade(&made));
        made
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    // These semaphores are never closed.
    semaphore.clone().acquire_owned().await.expect("an open semaphore")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn lists_are_long_when_the_latest_of_them_were() {
        let pace = Pace::default();
        pace.took(LONG * 2);
        assert!(!pace.is_long(), "one says little");
        (0..8).for_each(|_| pace.took(LONG * 2));
        assert!(pace.is_long());
        (0..8).for_each(|_| pace.took(LONG / 10));
        assert!(!pace.is_long());
    }

    #[tokio::test]
    async fn it_is_quiet_with_one_turn_taken() {
        let lanes = Lanes::new(4);
        let turn = async |n, lane| lanes.turn(WorkspaceId(uuid::Uuid::from_u128(n)), lane).await;
        let first = turn(1, Lane::Heavy).await;
        assert!(lanes.is_quiet());
        let second = turn(2, Lane::Hot).await;
        assert!(!lanes.is_quiet());
        drop(first);
        assert!(lanes.is_quiet());
        drop(second);
    }

    #[tokio::test]
    async fn long_lists_of_a_workspace_come_one_after_the_other_and_nobody_elses_wait_for_them() {
        let lanes = Lanes::new(16);
        let (long, other) = (WorkspaceId(uuid::Uuid::from_u128(1)), WorkspaceId(uuid::Uuid::from_u128(2)));
        let first = lanes.turn(long, Lane::Heavy).await;
        (0..9).for_each(|_| first.shares.lists.took(LONG * 2));
        let second = lanes.turn(long, Lane::Heavy).await;
        assert!(lanes.turn(long, Lane::Heavy).now_or_never().is_none(), "the second is one that has to be alone");
        assert!(lanes.turn(long, Lane::Read).now_or_never().is_some());
        assert!(lanes.turn(other, Lane::Heavy).now_or_never().is_some());
        drop(second);
        assert!(lanes.turn(long, Lane::Heavy).now_or_never().is_some());
    }
}
