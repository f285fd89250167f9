//! Shelves that are not to be used here, because Redis was not told of a write. After the longest life of a version nothing
//! from before the write can be on them any more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::key::Shelf;
use crate::config::CacheSettings;

#[derive(Default)]
pub struct Withheld(Mutex<HashMap<Shelf, Instant>>);

impl Withheld {
    pub fn put(&self, shelf: Shelf, now: Instant) {
        let mut shelves = self.lock();
        if shelves.len() >= 1024 {
            shelves.retain(|_, since| is_recent(*since, now));
        }
        shelves.insert(shelf, now);
    }

    pub fn remove(&self, shelf: Shelf) {
        self.lock().remove(&shelf);
    }

    pub fn contains(&self, shelf: Shelf, now: Instant) -> bool {
        self.lock().get(&shelf).is_some_and(|since| is_recent(*since, now))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Shelf, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_recent(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < CacheSettings::LONGEST_LIFE
}

#[cfg(test)]
mod tests {
    use domain::kinds::Kind;
    use tenant_store::commits::Space;

    use super::*;

    #[test]
    fn a_shelf_is_withheld_for_the_longest_life_or_until_it_is_told() {
        let (withheld, now) = (Withheld::default(), Instant::now());
        let shelf = Shelf { space: Space::Control, kind: Kind::Control };
        assert!(!withheld.contains(shelf, now));
        withheld.put(shelf, now);
        assert!(withheld.contains(shelf, now) && !withheld.contains(shelf, now + CacheSettings::LONGEST_LIFE));
        withheld.remove(shelf);
        assert!(!withheld.contains(shelf, now));
    }
}
