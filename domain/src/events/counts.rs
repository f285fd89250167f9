//! Counting events in stretches of time (reference: `server/events/counting.py`).
//!
//! Time is divided from a Monday on, so that a bucket does not depend on when it is asked for.

use serde::Serialize;
use wire::{Input, Output, Time};

/// 2024-04-01, a Monday.
const PIVOT: i64 = 1_711_929_600_000_000;
const SECOND: i64 = 1_000_000;
const MOST_BUCKETS: i64 = 1000;
/// A bucket is no longer than a thousand years.
const LONGEST: i64 = 365_000 * 86_400 * SECOND;

/// A unit of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Input)]
pub enum TimeUnit {
    #[input(rename = "week")]
    Week,
    #[default]
    #[input(rename = "day")]
    Day,
    #[input(rename = "hour")]
    Hour,
    #[input(rename = "minute")]
    Minute,
    #[input(rename = "second")]
    Second,
}

impl TimeUnit {
    const fn micros(self) -> i64 {
        SECOND
            * match self {
                TimeUnit::Week => 7 * 86_400,
                TimeUnit::Day => 86_400,
                TimeUnit::Hour => 3600,
                TimeUnit::Minute => 60,
                TimeUnit::Second => 1,
            }
    }

    /// The last moment of the unit that a time is in. Weeks end on Sundays, as the pivot is a Monday.
    fn end(self, time: Time) -> Time {
        let into = (time.micros() - PIVOT).rem_euclid(self.micros());
        Time::from_micros(time.micros() - into + self.micros() - 1)
    }
}

/// How many events there are of something.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct EventCount {
    /// The value to use for filtering
    pub value: String,
    /// The value to display for this count
    pub label: String,
    /// The count of matching events
    pub count: i64,
    /// The start time of this group of events
    pub start_time: Time,
    /// The end time of this group of events
    pub end_time: Time,
}

/// Stretches of equal length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buckets {
    micros: i64,
    unit: TimeUnit,
    first: i64,
    end: Time,
}

impl Buckets {
    /// Buckets of `interval` units that hold everything from `since` to `until`; why there are none, otherwise.
    pub fn new(unit: TimeUnit, interval: f64, since: Time, until: Time, now: Time) -> Result<Self, String> {
        // An interval is 0.01 at least and finite, so this is more than nothing; what is too long is as good as for ever.
        let micros = ((unit.micros() as f64 * interval).round() as i64).clamp(1, LONGEST);
        let span = until.micros().saturating_sub(since.micros());
        let count = span.div_euclid(micros) + i64::from(span.rem_euclid(micros) > 0);
        if count > MOST_BUCKETS {
            return Err(format!(
                "The given interval would create {count} buckets, which is too many. Please increase the interval or \
                 reduce the time range to produce {MOST_BUCKETS} buckets or fewer."
            ));
        }
        let end = if until > now { unit.end(now) } else { until };
        Ok(Self { micros, unit, first: (since.micros() - PIVOT).div_euclid(micros), end })
    }

    pub const fn pivot(&self) -> Time {
        Time::from_micros(PIVOT)
    }

    /// The length of one.
    pub const fn micros(&self) -> i64 {
        self.micros
    }

    pub const fn unit(&self) -> TimeUnit {
        self.unit
    }

    /// All of them, with what was counted: by number from the pivot on.
    pub fn filled(&self, counted: &[(i64, i64)]) -> Vec<EventCount> {
        let begin = |nth: i64| PIVOT.saturating_add(nth.saturating_mul(self.micros));
        let mut counts = Vec::new();
        while begin(self.first + counts.len() as i64) < self.end.micros() {
            let nth = self.first + counts.len() as i64;
            let start = Time::from_micros(begin(nth)).max(Time::MIN);
            counts.push(EventCount {
                value: counts.len().to_string(),
                label: offset_form(start),
                count: counted.iter().find(|(bucket, _)| *bucket == nth).map_or(0, |(_, count)| *count),
                start_time: start,
                end_time: Time::from_micros(begin(nth + 1) - 1),
            });
        }
        counts
    }
}

/// As Python writes it: `2024-04-01T00:00:00+00:00`.
fn offset_form(time: Time) -> String {
    let text = time.to_string();
    format!("{}+00:00", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400 * SECOND;

    fn at(days: f64) -> Time {
        Time::from_micros(PIVOT + (days * DAY as f64) as i64)
    }

    #[test]
    fn days_hold_what_is_between() {
        let buckets = Buckets::new(TimeUnit::Day, 1.0, at(1.5), at(3.5), at(100.0)).unwrap();
        let counts = buckets.filled(&[(2, 7), (9, 1)]);
        assert_eq!(counts.iter().map(|count| count.count).collect::<Vec<_>>(), [0, 7, 0]);
        assert_eq!(counts[0].label, "2024-04-02T00:00:00+00:00");
        assert_eq!(counts[0].end_time.to_string(), "2024-04-02T23:59:59.999999Z");
        assert_eq!(counts[2].value, "2");
    }

    #[test]
    fn the_future_ends_with_the_unit_of_now() {
        let buckets = |unit| Buckets::new(unit, 1.0, at(0.0), at(20.0), at(8.5)).unwrap().filled(&[]).len();
        assert_eq!((buckets(TimeUnit::Day), buckets(TimeUnit::Week), buckets(TimeUnit::Hour)), (9, 2, 205));
    }

    #[test]
    fn too_many_buckets_are_refused() {
        let refused = Buckets::new(TimeUnit::Second, 1.0, at(0.0), at(1.0), at(2.0)).unwrap_err();
        assert!(refused.starts_with("The given interval would create 86400 buckets, which is too many."), "{refused}");
        assert!(Buckets::new(TimeUnit::Second, 86.4, at(0.0), at(1.0), at(2.0)).is_ok());
        assert!(Buckets::new(TimeUnit::Week, 1e300, at(0.0), at(1.0), at(2.0)).is_ok());
        assert_eq!(Buckets::new(TimeUnit::Day, 1.0, at(2.0), at(1.0), at(5.0)).unwrap().filled(&[]), []);
    }
}
