//! What an account asked for and was given, by the minute, for the latest hour. In process: each replica knows its own.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::meter::Kind;

/// Minutes kept.
const KEPT: usize = 60;

/// Of requests, and of log lines and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Minutes since 1970.
    pub at: i64,
    pub requested: [u64; 2],
    pub granted: [u64; 2],
}

#[derive(Default)]
pub struct Usage(Mutex<VecDeque<Minute>>);

impl Usage {
    pub fn count(&self, kind: Kind, cost: u64, granted: bool) {
        self.count_at(this_minute(), kind, cost, granted);
    }

    fn count_at(&self, at: i64, kind: Kind, cost: u64, granted: bool) {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minutes.back().is_none_or(|minute| minute.at < at) {
            minutes.push_back(Minute { at, ..Minute::default() });
            while minutes.len() > KEPT {
                minutes.pop_front();
            }
        }
        // Pushed above if there was none; a clock that is set back counts in the latest.
        if let Some(minute) = minutes.back_mut() {
            minute.requested[kind as usize] += cost;
            minute.granted[kind as usize] += if granted { cost } else { 0 };
        }
    }

    /// The minutes in which something was asked, the oldest first.
    pub fn minutes(&self) -> Vec<Minute> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

fn this_minute() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| (since.as_secs() / 60) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_counted_and_the_oldest_forgotten() {
        let usage = Usage::default();
        usage.count_at(5, Kind::Requests, 1, true);
        usage.count_at(5, Kind::Requests, 1, false);
        usage.count_at(6, Kind::Items, 40, true);
        assert_eq!(
            usage.minutes(),
            [
                Minute { at: 5, requested: [2, 0], granted: [1, 0] },
                Minute { at: 6, requested: [0, 40], granted: [0, 40] }
            ]
        );
        (100..200).for_each(|at| usage.count_at(at, Kind::Requests, 1, true));
        assert_eq!((usage.minutes().len(), usage.minutes()[0].at), (KEPT, 140));
    }
}
