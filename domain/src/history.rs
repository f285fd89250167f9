//! How many runs were expected when, and what became of them: intervals of a time, and the states of the runs of each.

use serde::Serialize;
use wire::{Output, Time};

use crate::state::StateType;

/// Intervals that one history has at most.
const MOST_INTERVALS: i64 = 500;

/// The runs of one state that were expected in an interval.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct HistoryResponseState {
    pub state_type: StateType,
    pub state_name: String,
    pub count_runs: i64,
    /// Seconds, of all of them.
    pub sum_estimated_run_time: f64,
    /// Seconds that those which began late began late.
    pub sum_estimated_lateness: f64,
}

/// An interval and the states of the runs that were expected in it.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct HistoryResponse {
    pub interval_start: Time,
    pub interval_end: Time,
    pub states: Vec<HistoryResponseState>,
}

/// Intervals of one length from a start; the last may reach beyond the end that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Intervals {
    pub start: Time,
    /// Microseconds.
    pub length: i64,
    pub count: i64,
}

/// Why there can be no such intervals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum BadInterval {
    TooShort,
    TooLong,
}

impl BadInterval {
    pub fn detail(self) -> &'static str {
        match self {
            Self::TooShort => "History interval must not be less than 1 second.",
            Self::TooLong => "History interval must end before the year 10000.",
        }
    }
}

impl Intervals {
    /// Those that cover the time from `start` to `end`, none when it is empty.
    pub fn covering(start: Time, end: Time, seconds: f64) -> Result<Self, BadInterval> {
        // The fraction by itself, as Python's timedelta does.
        let fraction = if seconds.is_finite() { seconds.fract() } else { 0.0 };
        let micros = seconds.trunc() * 1e6 + (fraction * 1e6).round_ties_even();
        if micros < 1e6 {
            return Err(BadInterval::TooShort);
        }
        // Not a number, or beyond what the calendar holds. Every number below fits 64 bits.
        if !micros.is_finite() || micros > (Time::MAX.micros() - Time::MIN.micros()) as f64 {
            return Err(BadInterval::TooLong);
        }
        let length = micros as i64;
        let elapsed = (end.micros() - start.micros()).max(0);
        let count = (elapsed / length + i64::from(elapsed % length != 0)).min(MOST_INTERVALS);
        let intervals = Self { start, length, count };
        match start.micros().checked_add(length.saturating_mul(count)) {
            Some(end) if end <= Time::MAX.micros() => Ok(intervals),
            _ => Err(BadInterval::TooLong),
        }
    }

    /// Where the `nth` begins.
    pub fn begin(&self, nth: i64) -> Time {
        Time::from_micros(self.start.micros() + nth * self.length)
    }

    pub fn end(&self) -> Time {
        self.begin(self.count)
    }

    /// The history of these intervals, given each begin that has runs with one of its states.
    pub fn history(&self, states: impl IntoIterator<Item = (Time, HistoryResponseState)>) -> Vec<HistoryResponse> {
        let interval = |nth| HistoryResponse {
            interval_start: self.begin(nth),
            interval_end: self.begin(nth + 1),
            states: Vec::new(),
        };
        let mut history: Vec<HistoryResponse> = (0..self.count).map(interval).collect();
        for (begin, state) in states {
            let nth = usize::try_from((begin.micros() - self.start.micros()) / self.length);
            if let Some(interval) = nth.ok().and_then(|nth| history.get_mut(nth)) {
                interval.states.push(state);
            }
        }
        for interval in &mut history {
            interval
                .states
                .sort_by(|a, b| (a.state_type.as_str(), &a.state_name).cmp(&(b.state_type.as_str(), &b.state_name)));
        }
        history
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_last_interval_may_reach_beyond_the_end() {
        let count = |end, seconds| Intervals::covering(at(0), at(end), seconds).map(|i| (i.count, i.end()));
        assert_eq!(count(10, 5.0), Ok((2, at(10))));
        assert_eq!(count(11, 5.0), Ok((3, at(15))));
        assert_eq!(count(0, 5.0), Ok((0, at(0))));
        assert_eq!(count(-9, 5.0), Ok((0, at(0))));
        assert_eq!(count(10_000, 1.0), Ok((500, at(500))));
        assert_eq!(count(3, 1.5), Ok((2, at(3))));
        assert_eq!(Intervals::covering(at(0), at(1), 1.9999995).map(|i| i.length), Ok(1_999_999));
    }

    #[test]
    fn intervals_of_no_use_are_refused() {
        let bad = |seconds| Intervals::covering(at(0), at(10), seconds).err();
        for seconds in [0.0, -1.0, 0.999_999, f64::NEG_INFINITY] {
            assert_eq!(bad(seconds), Some(BadInterval::TooShort), "{seconds}");
        }
        for seconds in [f64::NAN, f64::INFINITY, 1e300, 3e11] {
            assert_eq!(bad(seconds), Some(BadInterval::TooLong), "{seconds}");
        }
        assert_eq!(Intervals::covering(Time::MIN, Time::MAX, 1.0).map(|i| i.count), Ok(500));
        assert_eq!(Intervals::covering(at(0), Time::MAX, 3e11).err(), Some(BadInterval::TooLong));
    }

    #[test]
    fn states_stand_in_their_interval_by_type_and_name() {
        let state = |state_type, name: &str| HistoryResponseState {
            state_type,
            state_name: name.into(),
            count_runs: 1,
            sum_estimated_run_time: 0.0,
            sum_estimated_lateness: 0.0,
        };
        let intervals = Intervals::covering(at(100), at(120), 10.0).expect("intervals");
        let history = intervals.history([
            (at(110), state(StateType::Scheduled, "Scheduled")),
            (at(110), state(StateType::Completed, "Completed")),
            (at(110), state(StateType::Completed, "Cached")),
        ]);
        let names: Vec<Vec<&str>> =
            history.iter().map(|i| i.states.iter().map(|s| s.state_name.as_str()).collect()).collect();
        assert_eq!(names, [vec![], vec!["Cached", "Completed", "Scheduled"]]);
        assert_eq!((history[1].interval_start, history[1].interval_end), (at(110), at(120)));
    }
}
