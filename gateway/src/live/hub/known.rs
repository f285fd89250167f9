//! What was told a moment ago, so that it is not told again when it is read.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// Longer than any look back.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// Ids that are known at most.
const KNOWN: usize = 100_000;

#[derive(Default)]
pub struct Known {
    ids: HashSet<Uuid>,
    since: VecDeque<(Instant, Uuid)>,
}

impl Known {
    /// Whether it is new; it is known from now on.
    pub fn learn(&mut self, id: Uuid, now: Instant) -> bool {
        while let Some((since, old)) = self.since.front().copied() {
            if self.since.len() < KNOWN && now.duration_since(since) < KNOWN_FOR {
                break;
            }
            self.ids.remove(&old);
            self.since.pop_front();
        }
        let new = self.ids.insert(id);
        if new {
            self.since.push_back((now, id));
        }
        new
    }

    pub fn has(&self, id: Uuid) -> bool {
        self.ids.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_new_once_and_again_after_a_while() {
        let (mut known, now) = (Known::default(), Instant::now());
        let id = Uuid::from_u128;
        assert!(known.learn(id(1), now) && !known.learn(id(1), now) && known.has(id(1)));
        let later = now + KNOWN_FOR;
        assert!(known.learn(id(2), later) && !known.has(id(1)) && known.learn(id(1), later));
    }

    #[test]
    fn there_is_a_bound() {
        let (mut known, now) = (Known::default(), Instant::now());
        (0..KNOWN as u128 + 10).for_each(|n| assert!(known.learn(Uuid::from_u128(n), now)));
        assert_eq!((known.ids.len(), known.since.len()), (KNOWN, KNOWN));
        assert!(!known.has(Uuid::from_u128(9)) && known.has(Uuid::from_u128(10)));
    }
}
