//! Who may use how many connections at once.
//!
//! Each lane has a share of the pool, and within it each workspace has a smaller one, so that a tenant's heavy lists wait
//! for each other and nobody's state changes wait for them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

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

type Shares = [Arc<Semaphore>; LANES];

pub(super) struct Lanes {
    whole: Arc<Semaphore>,
    lanes: Shares,
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
    _shares: Arc<Shares>,
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

    fn semaphores(share: impl Fn(Lane) -> usize) -> Shares {
        Lane::ALL.map(|lane| Arc::new(Semaphore::new(share(lane))))
    }

    /// Waits, first come first served, until the workspace, the lane and the pool have room.
    pub async fn turn(&self, workspace: WorkspaceId, lane: Lane) -> Turn {
        let waiting = &self.waiting[lane as usize];
        waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(waiting);
        let shares = self.of_workspace(workspace);
        let own = acquire(&shares[lane as usize]).await;
        let of_lane = acquire(&self.lanes[lane as usize]).await;
        let of_whole = acquire(&self.whole).await;
        Turn { _permits: [own, of_lane, of_whole], _shares: shares }
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
        let made = Arc::new(Self::semaphores(|lane| shares(lane, self.size).1));
        workspaces.insert(workspace, Arc::downgrade(&made));
        made
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    // These semaphores are never closed.
    semaphore.clone().acquire_owned().await.expect("an open semaphore")
}
