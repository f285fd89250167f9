//! Which runs a schedule makes ahead (reference: `services/scheduler.py`, `models/deployments.py`).

use wire::Time;

use super::zone::SECOND;
use super::{Demand, NoDates, Schedule};
use crate::{DeploymentId, ScheduleId};

/// Seconds between two looks at a schedule at least (reference: `scheduler.loop_seconds`).
pub const LOOP_SECONDS: f64 = 60.0;

/// How far ahead runs are made. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Horizon {
    /// Runs of a schedule at most,
    pub max_runs: i64,
    /// and at least, as far as they go.
    pub min_runs: i64,
    /// No run is later than this,
    pub max_scheduled_time: f64,
    /// and runs are made at least for so long.
    pub min_scheduled_time: f64,
}

impl Default for Horizon {
    fn default() -> Self {
        Self { max_runs: 100, min_runs: 3, max_scheduled_time: 100.0 * 86_400.0, min_scheduled_time: 3_600.0 }
    }
}

impl Horizon {
    /// What a schedule is asked for at a time.
    pub fn demand(&self, from: Time) -> Demand {
        self.between(from, from.plus_seconds(self.max_scheduled_time))
    }

    /// The same, up to a given end.
    pub fn between(&self, from: Time, until: Time) -> Demand {
        let number = |runs: i64| usize::try_from(runs).unwrap_or(0);
        Demand {
            from,
            until,
            most: number(self.max_runs),
            least: number(self.min_runs),
            reach: from.plus_seconds(self.min_scheduled_time),
        }
    }

    /// The dates of a schedule from `now` on, and when to look again: when fewer than the minimum are left, or they do not
    /// reach far enough any more, but not sooner than the reference does.
    pub fn plan(&self, schedule: &Schedule, now: Time) -> Result<(Vec<Time>, Time), NoDates> {
        let mut dates = schedule.dates(&self.demand(now))?;
        dates.sort_unstable();
        let next = self.next_pass(&dates, now);
        Ok((dates, next))
    }

    fn next_pass(&self, dates: &[Time], now: Time) -> Time {
        let soon = now.plus_seconds(LOOP_SECONDS);
        let Some(last) = dates.last() else {
            // Nothing in sight: what comes into sight is seen long before it is due.
            return soon.max(now.plus_seconds(self.max_scheduled_time / 4.0));
        };
        let least = usize::try_from(self.min_runs).unwrap_or(0);
        // One of them is past a second after its time.
        let too_few =
            dates.len().checked_sub(least).and_then(|spare| dates.get(spare)).map(|date| date.plus_seconds(1.0));
        let too_short = last.plus_seconds(1.0 - self.min_scheduled_time);
        match too_few {
            Some(too_few) => too_few.min(too_short).max(soon),
            // The horizon ends before there are enough.
            None => soon.max(too_short.min(now.plus_seconds(self.max_scheduled_time / 4.0))),
        }
    }
}

/// What keeps a date from having two runs (reference: `_generate_scheduled_flow_runs`). The date is written as Python
/// writes one of the schedule's zone.
pub fn idempotency_key(deployment: DeploymentId, schedule: ScheduleId, date: &str) -> String {
    format!("scheduled {deployment} {schedule} {date}")
}

impl Schedule {
    /// A date as Python writes it in the schedule's zone: `2026-03-29 03:30:00+02:00`.
    pub fn written(&self, date: Time) -> String {
        let offset = self.zone().map_or(0, |zone| zone.offset(date)) / SECOND;
        let shown = Time::from_micros(date.micros() + offset * SECOND).to_string().replace('T', " ");
        let (sign, ahead) = (if offset < 0 { '-' } else { '+' }, offset.abs());
        let mut text = format!("{}{sign}{:02}:{:02}", shown.trim_end_matches('Z'), ahead / 3600, ahead / 60 % 60);
        if ahead % 60 != 0 {
            text += &format!(":{:02}", ahead % 60);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::CronSchedule;
    use super::*;

    fn time(text: &str) -> Time {
        Time::from_text(text).unwrap()
    }

    fn cron(cron: &str, zone: &str) -> Schedule {
        Schedule::Cron(CronSchedule { cron: cron.into(), timezone: Some(zone.into()), day_or: true })
    }

    #[test]
    fn a_date_is_written_with_the_offset_it_has() {
        let schedule = cron("30 2 * * *", "Europe/Berlin");
        assert_eq!(schedule.written(time("2026-03-29T01:30:00Z")), "2026-03-29 03:30:00+02:00");
        assert_eq!(schedule.written(time("2026-01-01T00:00:00.5Z")), "2026-01-01 01:00:00.500000+01:00");
        assert_eq!(
            cron("* * * * *", "America/St_Johns").written(time("2026-01-01T00:00:00Z")),
            "2025-12-31 20:30:00-03:30"
        );
    }

    #[test]
    fn runs_are_made_for_an_hour_and_three_at_least() {
        let (horizon, now) = (Horizon::default(), time("2026-01-01T00:00:00Z"));
        let planned = |text: &str| horizon.plan(&cron(text, "UTC"), now).unwrap();
        let (dates, next) = planned("0 12 * * *");
        assert_eq!(dates.len(), 3);
        assert_eq!(next, time("2026-01-01T12:00:01Z"));
        let (dates, next) = planned("*/5 * * * *");
        assert_eq!((dates.len(), next), (13, now.plus_seconds(LOOP_SECONDS)));
        let (dates, next) = planned("0 0 1 1 *");
        assert_eq!((dates.len(), next), (1, time("2026-01-01T00:01:00Z")));
        let (dates, next) = planned("0 0 1 12 *");
        assert!(dates.is_empty() && next > now.plus_seconds(86_400.0));
    }
}
