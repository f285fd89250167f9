//! How far ahead runs are made for schedules.

use std::time::Duration;

use clap::Args;
use domain::schedules::Horizon;

use super::{WrongSetting, duration};

/// More runs of one schedule would be more rows than anybody looks at.
const MOST_RUNS: i64 = 10_000;
const FARTHEST: Duration = Duration::from_secs(3_650 * 86_400);

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Schedules")]
pub struct ScheduleSettings {
    /// Runs made ahead for a schedule at most.
    #[arg(long, env = "PREFECTURE_SCHEDULE_MAX_RUNS", default_value_t = 100, value_name = "COUNT")]
    pub schedule_max_runs: i64,

    /// Runs made ahead for a schedule at least, as far as they lie within the longest time ahead.
    #[arg(long, env = "PREFECTURE_SCHEDULE_MIN_RUNS", default_value_t = 3, value_name = "COUNT")]
    pub schedule_min_runs: i64,

    /// Longest time ahead for which runs are made.
    #[arg(long, env = "PREFECTURE_SCHEDULE_MAX_TIME", default_value = "100d", value_parser = duration, value_name = "DURATION")]
    pub schedule_max_time: Duration,

    /// Time ahead for which runs are made in any case, as far as the most of them reach.
    #[arg(long, env = "PREFECTURE_SCHEDULE_MIN_TIME", default_value = "1h", value_parser = duration, value_name = "DURATION")]
    pub schedule_min_time: Duration,
}

impl ScheduleSettings {
    pub fn horizon(&self) -> Horizon {
        Horizon {
            max_runs: self.schedule_max_runs,
            min_runs: self.schedule_min_runs,
            max_scheduled_time: self.schedule_max_time.as_secs_f64(),
            min_scheduled_time: self.schedule_min_time.as_secs_f64(),
        }
    }

    pub fn validate(&self) -> Result<(), WrongSetting> {
        if !(1..=MOST_RUNS).contains(&self.schedule_max_runs) {
            return Err(WrongSetting::new(
                "--schedule-max-runs (PREFECTURE_SCHEDULE_MAX_RUNS)",
                format!("must be between 1 and {MOST_RUNS}"),
                "100",
            ));
        }
        if !(1..=self.schedule_max_runs).contains(&self.schedule_min_runs) {
            return Err(WrongSetting::new(
                "--schedule-min-runs (PREFECTURE_SCHEDULE_MIN_RUNS)",
                "must be at least 1 and at most --schedule-max-runs",
                "3",
            ));
        }
        if self.schedule_max_time > FARTHEST {
            return Err(WrongSetting::new(
                "--schedule-max-time (PREFECTURE_SCHEDULE_MAX_TIME)",
                "must be at most 3650d",
                "100d",
            ));
        }
        if self.schedule_min_time > self.schedule_max_time {
            return Err(WrongSetting::new(
                "--schedule-min-time (PREFECTURE_SCHEDULE_MIN_TIME)",
                "must be at most --schedule-max-time",
                "1h",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        schedules: ScheduleSettings,
    }

    fn wrong(arguments: &[&str]) -> Option<&'static str> {
        let line = Line::try_parse_from(["prefecture"].iter().chain(arguments)).expect("known flags");
        line.schedules.validate().err().map(|wrong| wrong.setting)
    }

    #[test]
    fn defaults_are_the_schedulers() {
        assert_eq!(wrong(&[]), None);
        assert_eq!(Line::parse_from(["prefecture"]).schedules.horizon(), Horizon::default());
    }

    #[test]
    fn what_would_make_no_runs_or_without_end_is_refused() {
        assert_eq!(wrong(&["--schedule-max-runs", "1", "--schedule-min-runs", "1", "--schedule-max-time", "1h"]), None);
        for (flag, value) in [
            ("--schedule-max-runs", "0"),
            ("--schedule-max-runs", "10001"),
            ("--schedule-min-runs", "0"),
            ("--schedule-min-runs", "101"),
            ("--schedule-max-time", "3651d"),
            ("--schedule-min-time", "101d"),
        ] {
            assert!(wrong(&[flag, value]).is_some_and(|setting| setting.starts_with(flag)), "{flag} {value}");
        }
    }
}
