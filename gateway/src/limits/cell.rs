//! The buckets that are in use, each behind a lock that is held for some arithmetic and never across a wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use uuid::Uuid;

use super::meter::Kind;
use super::quota::{Bucket, Nanos, Quota, Standing};
use super::shared::Shared;

/// A bucket that nobody has used for so long is empty, and is forgotten.
const IDLE: Duration = Duration::from_secs(600);
/// Buckets kept at most.
const MOST: u64 = 200_000;

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    Account(Uuid),
    Workspace(Uuid),
    /// The workspaces of an account that have no part of their own, together.
    Rest(Uuid),
    Key(Uuid),
}

#[derive(Clone)]
pub struct Cells {
    cells: Cache<(Holder, Kind), Arc<Cell>>,
    shared: Option<Shared>,
    begun: Instant,
}

pub struct Cell {
    pub holder: Holder,
    pub kind: Kind,
    state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub bucket: Bucket,
    /// Somebody settles it.
    pub settling: bool,
    /// The last settlement failed: Redis is away.
    pub parted: bool,
}

impl Cells {
    pub fn new(shared: Option<Shared>) -> Self {
        let cells = Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build();
        Self { cells, shared, begun: Instant::now() }
    }

    pub fn get(&self, holder: Holder, kind: Kind) -> Arc<Cell> {
        self.cells.get_with((holder, kind), || Arc::new(Cell { holder, kind, state: Mutex::default() }))
    }

    /// Whether this replica is about to be counted by the others.
    pub fn are_new(&self) -> bool {
        self.shared.as_ref().is_some_and(Shared::is_new)
    }

    pub fn now(&self) -> Nanos {
        // 584 years.
        self.begun.elapsed().as_nanos() as Nanos
    }

    pub fn standing(&self, state: &State) -> Standing {
        match &self.shared {
            None => Standing::Alone,
            Some(shared) if state.parted || shared.is_away() => Standing::Apart { replicas: shared.replicas() },
            Some(shared) => Standing::Leased { replicas: shared.lessees() },
        }
    }

    /// Tells Redis, behind the request, what was taken of a bucket.
    pub fn settle(&self, cell: &Arc<Cell>, state: &mut State, quota: Quota) {
        let Some(shared) = &self.shared else { return };
        if state.settling || shared.is_away() {
            return;
        }
        state.settling = true;
        let (cells, shared, cell) = (self.clone(), shared.clone(), cell.clone());
        tokio::spawn(async move { cells.keep_settling(&shared, &cell, quota).await });
    }

    /// Asks Redis how full a bucket is, which other replicas may have filled.
    pub async fn look(&self, cell: &Arc<Cell>, quota: Quota) {
        let Some(shared) = &self.shared else { return };
        {
            let mut state = cell.lock();
            if state.settling || shared.is_away() {
                return;
            }
            state.settling = true;
        }
        self.keep_settling(shared, cell, quota).await;
    }

    async fn keep_settling(&self, shared: &Shared, cell: &Cell, quota: Quota) {
        loop {
            let (debt, floor) = {
                let state = cell.lock();
                (state.bucket.unsettled, state.bucket.settled_level(quota, self.now()))
            };
            let settled = shared.settle(cell, quota, debt, floor).await;
            let mut state = cell.lock();
            match settled {
                Ok(level) => {
                    state.parted = false;
                    state.bucket.settled(quota, debt, level, self.now());
                }
                Err(_) => {
                    state.parted = true;
                    state.bucket.parted();
                }
            }
            if state.bucket.unsettled == 0 {
                state.settling = false;
                return;
            }
        }
    }
}

impl Cell {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
