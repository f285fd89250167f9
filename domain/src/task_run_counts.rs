//! How many task runs there are, as the web UI shows it.

use serde::Serialize;
use wire::{Output, Time};

use crate::state::StateType;

/// Columns of the dashboard's chart.
const BUCKETS: usize = 20;
const MINUTE: i64 = 60_000_000;

/// How many runs are in a state of each type.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Output)]
#[serde(rename_all = "UPPERCASE")]
pub struct CountByState {
    #[input(rename = "COMPLETED")]
    pub completed: i64,
    #[input(rename = "PENDING")]
    pub pending: i64,
    #[input(rename = "RUNNING")]
    pub running: i64,
    #[input(rename = "FAILED")]
    pub failed: i64,
    #[input(rename = "CANCELLED")]
    pub cancelled: i64,
    #[input(rename = "CRASHED")]
    pub crashed: i64,
    #[input(rename = "PAUSED")]
    pub paused: i64,
    #[input(rename = "CANCELLING")]
    pub cancelling: i64,
    #[input(rename = "SCHEDULED")]
    pub scheduled: i64,
}

impl CountByState {
    pub fn of(counts: impl IntoIterator<Item = (StateType, i64)>) -> Self {
        let mut all = Self::default();
        for (type_, count) in counts {
            *match type_ {
                StateType::Completed => &mut all.completed,
                StateType::Pending => &mut all.pending,
                StateType::Running => &mut all.running,
                StateType::Failed => &mut all.failed,
                StateType::Cancelled => &mut all.cancelled,
                StateType::Crashed => &mut all.crashed,
                StateType::Paused => &mut all.paused,
                StateType::Cancelling => &mut all.cancelling,
                StateType::Scheduled => &mut all.scheduled,
            } = count;
        }
        all
    }
}

/// Runs that ended well, and those that did not, in one column of the dashboard's chart.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Output)]
pub struct TaskRunCount {
    pub completed: i64,
    pub failed: i64,
}

/// A time of whole minutes, cut into the columns of the dashboard's chart (reference: `server/api/ui/task_runs.py`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chart {
    pub start: Time,
    /// Of a column, in microseconds.
    pub length: i64,
}

impl Chart {
    /// From the beginning of the first minute to the end of the last; `None` where that is no time.
    pub fn between(after: Time, before: Time) -> Option<Self> {
        let start = after.micros().div_euclid(MINUTE) * MINUTE;
        let end = before.micros().div_euclid(MINUTE) * MINUTE + MINUTE - 1;
        // Python rounds a length of time to whole microseconds.
        let length = ((end - start) as f64 / BUCKETS as f64).round_ties_even() as i64;
        (length > 0).then_some(Self { start: Time::from_micros(start), length })
    }

    /// All columns, given those that have runs: number, failed runs, runs in all.
    pub fn columns(counts: impl IntoIterator<Item = (i64, i64, i64)>) -> Vec<TaskRunCount> {
        let mut columns = vec![TaskRunCount::default(); BUCKETS];
        for (column, failed, all) in counts {
            // A run of the last microsecond is one of the last column.
            let column = usize::try_from(column).ok().map(|column| if column == BUCKETS { column - 1 } else { column });
            if let Some(count) = column.and_then(|column| columns.get_mut(column)) {
                count.failed += failed;
                count.completed += all - failed;
            }
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_chart_is_of_whole_minutes() {
        // 1:00 to 20:59.999999, a twentieth of which is a minute.
        assert_eq!(Chart::between(at(61), at(20 * 60 + 5)), Some(Chart { start: at(60), length: 60_000_000 }));
        assert_eq!(Chart::between(at(60), at(60)), Some(Chart { start: at(60), length: 3_000_000 }));
        assert_eq!(Chart::between(at(120), at(60)), None);
        assert_eq!(Chart::between(at(600), at(60)), None);
    }

    #[test]
    fn every_column_is_there() {
        let columns = Chart::columns([(0, 1, 3), (20, 0, 1), (19, 2, 2), (21, 5, 5), (-1, 5, 5)]);
        assert_eq!(columns.len(), 20);
        assert_eq!(columns[0], TaskRunCount { completed: 2, failed: 1 });
        assert_eq!(columns[19], TaskRunCount { completed: 1, failed: 2 });
        assert_eq!(columns.iter().map(|count| count.completed + count.failed).sum::<i64>(), 6);
    }

    #[test]
    fn counts_are_named_as_the_types_of_states() {
        let counts = CountByState::of(StateType::ALL.map(|type_| (type_, i64::from(type_.number()) + 1)));
        let written = serde_json::to_value(counts).unwrap();
        for type_ in StateType::ALL {
            assert_eq!(written[type_.as_str()], i64::from(type_.number()) + 1);
        }
    }
}
