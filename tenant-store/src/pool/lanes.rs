//! Who may use how many connections at once.
//!
//! Each lane has a share of the pool, and within it each workspace has a smaller one, so that a tenant's heavy lists wait
//! for each other and nobody's state changes wait for them.

use std::collections::HashMap;
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

const LANES: usize = 4;

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
    size: usize,
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
            size,
        }
    }

    fn semaphores(share: impl Fn(Lane) -> usize) -> Shares {
        [Lane::Hot, Lane::Read, Lane::Heavy, Lane::Ingest].map(|lane| Arc::new(Semaphore::new(share(lane))))
    }

    /// Waits, first come first served, until the workspace, the lane and the pool have room.
    pub async fn turn(&self, workspace: WorkspaceId, lane: Lane) -> Turn {
        let shares = self.of_workspace(workspace);
        let own = acquire(&shares[lane as usize]).await;
        let of_lane = acquire(&self.lanes[lane as usize]).await;
        let of_whole = acquire(&self.whole).await;
        Turn { _permits: [own, of_lane, of_whole], _shares: shares }
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
