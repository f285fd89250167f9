//! Which version of each shelf counts, in this process: what Redis says where there are several replicas, for one.
//!
//! A version is made when a shelf is first read, lives as long as an entry may, and is never given again. Closing a shelf
//! ends its version and makes none for a while; opening it ends the while.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use foldhash::HashMap;

use super::key::Shelf;
use super::{CLOSED_FOR, Version};

#[derive(Default)]
pub struct Versions(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    shelves: HashMap<Shelf, (Option<Version>, Instant)>,
    last: u64,
    /// How many shelves there may be before those that ended are swept out.
    sweep_at: usize,
}

/// Shelves that are worth no sweep.
const FEW: usize = 1024;

impl Versions {
    /// The version that counts now; `None` while the shelf is closed.
    pub fn current(&self, shelf: Shelf, life: Duration, now: Instant) -> Option<Version> {
        let mut inner = self.lock();
        if let Some((version, until)) = inner.shelves.get(&shelf).filter(|(_, until)| *until > now) {
            debug_assert!(*until <= now + life.max(CLOSED_FOR));
            return *version;
        }
        inner.last += 1;
        let version = Version(inner.last);
        inner.put(shelf, Some(version), now + life, now);
        Some(version)
    }

    pub fn close(&self, shelf: Shelf, now: Instant) {
        self.lock().put(shelf, None, now + CLOSED_FOR, now);
    }

    pub fn open(&self, shelf: Shelf) {
        self.lock().shelves.remove(&shelf);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put(&mut self, shelf: Shelf, version: Option<Version>, until: Instant, now: Instant) {
        if self.shelves.len() >= self.sweep_at.max(FEW) {
            self.shelves.retain(|_, (_, until)| *until > now);
            self.sweep_at = 2 * self.shelves.len();
        }
        self.shelves.insert(shelf, (version, until));
    }
}

#[cfg(test)]
mod tests {
    use domain::kinds::Kind;
    use tenant_store::commits::Space;

    use super::*;

    const LIFE: Duration = Duration::from_secs(30);

    fn shelf(number: u128) -> Shelf {
        Shelf { space: Space::Workspace(domain::WorkspaceId(uuid::Uuid::from_u128(number))), kind: Kind::Flows }
    }

    #[test]
    fn a_version_counts_for_its_life_and_ends_with_a_write() {
        let (versions, now) = (Versions::default(), Instant::now());
        let first = versions.current(shelf(1), LIFE, now).unwrap();
        assert_eq!(versions.current(shelf(1), LIFE, now + LIFE - Duration::from_millis(1)), Some(first));
        let second = versions.current(shelf(1), LIFE, now + LIFE).unwrap();
        assert_ne!(first, second);

        versions.close(shelf(1), now);
        assert_eq!(versions.current(shelf(1), LIFE, now), None);
        assert!(versions.current(shelf(2), LIFE, now).is_some(), "another shelf stays open");
        versions.open(shelf(1));
        assert!(![first, second].contains(&versions.current(shelf(1), LIFE, now).unwrap()));
    }

    #[test]
    fn what_is_closed_and_forgotten_opens_by_itself() {
        let (versions, now) = (Versions::default(), Instant::now());
        versions.close(shelf(1), now);
        assert_eq!(versions.current(shelf(1), LIFE, now + CLOSED_FOR - Duration::from_millis(1)), None);
        assert!(versions.current(shelf(1), LIFE, now + CLOSED_FOR).is_some());
    }

    #[test]
    fn shelves_that_ended_are_swept_out() {
        let (versions, now) = (Versions::default(), Instant::now());
        for number in 0..10 * FEW as u128 {
            versions.current(shelf(number), LIFE, now + Duration::from_millis(number as u64 * 100));
        }
        assert!(versions.lock().shelves.len() <= 2 * FEW);
    }
}
