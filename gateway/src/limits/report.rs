//! What an account used in a window of time, for whoever tells it: by the minute, by who asked. Pure.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use domain::ActorId;
use wire::Time;

use super::usage::{Asker, Count, KEPT, Minutes};

/// Microseconds.
const MINUTE: i64 = 60_000_000;

pub struct Report {
    window: RangeInclusive<i64>,
    minutes: Minutes,
    /// A minute, of requests and of items; `None` is no limit.
    limits: [Option<u32>; 2],
    /// Whether it is of all replicas. Redis could not be asked, where it is not.
    pub complete: bool,
}

/// One number for each minute of the window.
#[derive(Default)]
pub struct Series {
    pub requested: Vec<u64>,
    pub granted: Vec<u64>,
}

/// The minutes since 1970 between two times that are kept at `now`; none if there are none.
pub fn window(now: Time, since: Option<Time>, until: Option<Time>) -> Option<RangeInclusive<i64>> {
    let minute = |time: Time| time.micros().div_euclid(MINUTE);
    let earliest = minute(now) - KEPT + 1;
    let first = since.map_or(earliest, minute).max(earliest);
    let last = until.map_or(minute(now), minute).min(minute(now));
    (first <= last).then_some(first..=last)
}

impl Report {
    pub fn new(window: RangeInclusive<i64>, minutes: Minutes, limits: [Option<u32>; 2], complete: bool) -> Self {
        Self { window, minutes, limits, complete }
    }

    pub fn since(&self) -> Time {
        Time::from_micros(self.window.start() * MINUTE)
    }

    /// The beginning of the last minute.
    pub fn until(&self) -> Time {
        Time::from_micros(self.window.end() * MINUTE)
    }

    pub fn times(&self) -> Vec<Time> {
        self.window.clone().map(|at| Time::from_micros(at * MINUTE)).collect()
    }

    /// What is allowed a minute in a bucket: 0 is requests, 1 is items.
    pub fn limit(&self, bucket: usize) -> Option<u32> {
        self.limits[bucket]
    }

    pub fn series(&self, bucket: usize, wanted: impl Fn(&Asker) -> bool) -> Series {
        let mut series = Series::default();
        for at in self.window.clone() {
            let mut sum = Count::default();
            let counts = self.minutes.get(&at).into_iter().flatten();
            counts.filter(|(asker, _)| wanted(asker)).for_each(|(_, count)| sum.add(*count));
            series.requested.push(sum.requested[bucket]);
            series.granted.push(sum.granted[bucket]);
        }
        series
    }

    /// Who asked something of a bucket, each once.
    pub fn askers(&self, bucket: usize) -> HashSet<&Asker> {
        let counts = self.minutes.range(self.window.clone()).flat_map(|(_, counts)| counts);
        counts.filter(|(_, count)| count.requested[bucket] > 0).map(|(asker, _)| asker.as_ref()).collect()
    }

    /// Whoever asked anything.
    pub fn actors(&self) -> Vec<ActorId> {
        let askers = self.askers(0).into_iter().chain(self.askers(1));
        let actors: HashSet<ActorId> = askers.filter_map(|asker| asker.actor).collect();
        actors.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::usage::Counts;
    use super::*;

    fn minutes(at: i64) -> Time {
        Time::from_micros(at * MINUTE + 1)
    }

    #[test]
    fn a_window_is_within_what_is_kept() {
        let now = minutes(1000);
        let within = |since: Option<i64>, until: Option<i64>| window(now, since.map(minutes), until.map(minutes));
        assert_eq!(within(None, None), Some(941..=1000));
        assert_eq!(within(Some(990), Some(995)), Some(990..=995));
        assert_eq!(within(Some(0), Some(2000)), Some(941..=1000));
        assert_eq!(within(Some(996), Some(995)), None);
        assert_eq!(within(Some(1001), None), None);
        assert_eq!(within(None, Some(940)), None);
    }

    #[test]
    fn a_series_has_a_number_for_every_minute() {
        let asker = |key: &str| Arc::new(Asker { workspace: None, actor: None, key: Some(key.to_owned()) });
        let count = |requested| Count { requested: [requested, 0], granted: [1, 0] };
        let counts = Counts::from_iter([(asker("a"), count(2)), (asker("b"), count(5))]);
        let outside = Counts::from_iter([(asker("c"), count(9))]);
        let report = Report::new(4..=6, Minutes::from([(5, counts), (7, outside)]), [None, None], true);
        let series = report.series(0, |_| true);
        assert_eq!((series.requested, series.granted), (vec![0, 7, 0], vec![0, 2, 0]));
        assert_eq!(report.series(0, |asker| asker.key.as_deref() == Some("b")).requested, [0, 5, 0]);
        assert_eq!((report.askers(0).len(), report.askers(1).len()), (2, 0));
    }
}
