//! Recurrence rules of iCalendar (RFC 5545) as `dateutil` reads and counts them. Own code, because the crates of this
//! name follow the RFC where `dateutil` does not: rules without `DTSTART`, `COUNT` beside `UNTIL`, `BYEASTER`, `BYDAY=MO(+1)`,
//! hours counted on the clock and not in time that passes, clocks that skip an hour and show one that was.
//!
//! A rule is counted in walls. Its zone comes in last, and `DTSTART`, `UNTIL`, `RDATE` and `EXDATE` are walls of it whatever
//! zone they name (reference: `RRuleSchedule.to_rrule`).

mod clock;
mod error;
mod iter;
mod parse;
mod set;
mod skip;
mod stamp;
mod week_numbers;

use std::ops::ControlFlow;

use wire::Time;

use super::dates::{Demand, Found};
use super::runs::Horizon;
use super::steps::{Steps, TooManySteps};
use super::zone::{SECOND, Wall, Zone};
use clock::DateutilClock;
pub use error::NotRule;
use set::Merged;

/// Characters that a text may have: about one year of dates.
pub const LONGEST: usize = 6500;
/// Where rules without `DTSTART` begin: 2020-01-01T00:00:00.
pub const DEFAULT_START: Wall = 1_577_836_800 * SECOND;
/// Where everything that is numbered was counted, and where dates are those of any year.
const LATE: Time = Time::from_micros(4_102_444_800 * SECOND);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

/// One rule, with what `DTSTART` says filled in where its own parts do not. Monday is 0; walls are in seconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    frequency: Frequency,
    start: i64,
    interval: i64,
    count: Option<i64>,
    until: Option<i64>,
    week_start: i64,
    set_positions: Vec<i64>,
    months: Vec<i64>,
    /// From the month's beginning, and from its end.
    month_days: Vec<i64>,
    month_days_from_end: Vec<i64>,
    year_days: Vec<i64>,
    easters: Vec<i64>,
    week_numbers: Vec<i64>,
    weekdays: Vec<i64>,
    /// The nth of their name in a month or a year.
    nth_weekdays: Vec<(i64, i64)>,
    /// `None`: any.
    hours: Option<Vec<i64>>,
    minutes: Option<Vec<i64>>,
    seconds: Option<Vec<i64>>,
}

impl Rule {
    /// Whether it says no more than how often, so that every interval has one date, the first that of the start.
    fn has_a_date_each_time(&self) -> bool {
        let second = self.start.rem_euclid(86_400);
        let one = |values: &Option<Vec<i64>>, level: Frequency, of_start: i64| match values {
            Some(values) => self.frequency < level && *values == [of_start],
            None => true,
        };
        let lists = [
            &self.set_positions,
            &self.months,
            &self.month_days,
            &self.month_days_from_end,
            &self.year_days,
            &self.easters,
            &self.week_numbers,
            &self.weekdays,
        ];
        self.frequency >= Frequency::Daily
            && lists.into_iter().all(|list| list.is_empty())
            && self.nth_weekdays.is_empty()
            && one(&self.hours, Frequency::Hourly, second / 3600)
            && one(&self.minutes, Frequency::Minutely, second / 60 % 60)
            && one(&self.seconds, Frequency::Secondly, second % 60)
    }
}

/// What a text says: rules and dates, less rules and dates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RRule {
    rules: Vec<Rule>,
    dates: Vec<i64>,
    except_rules: Vec<Rule>,
    except_dates: Vec<i64>,
    /// Whether it is one rule and nothing else.
    single: bool,
}

impl RRule {
    /// Rules that have no `DTSTART` begin at [`DEFAULT_START`].
    pub fn parse(text: &str) -> Result<Self, NotRule> {
        match text.chars().count() {
            length if length > LONGEST => Err(NotRule::TooLong(length)),
            _ => parse::parse(text),
        }
    }

    /// Whether its dates can be told at any time: from its beginning, and from when all that is numbered was counted.
    pub(super) fn is_countable(&self, steps: &Steps) -> Result<(), TooManySteps> {
        let starts = self.rules.iter().map(|rule| rule.start).min();
        let start = Time::from_micros(starts.unwrap_or(DEFAULT_START / SECOND) * SECOND);
        for from in [start, LATE] {
            let answer = steps.one_of_many();
            let told = self.dates(&Zone::utc(), &Horizon::default().demand(from), &answer);
            steps.settle(&answer);
            told?;
        }
        Ok(())
    }

    /// The text with a `DTSTART`: as it is when it has one, else with [`DEFAULT_START`]. A rule of minutes or seconds
    /// begins shortly before `now`, at a moment that it would come to from there, so that nothing counts years of minutes
    /// (reference: `normalize_rrule_string`).
    pub fn anchored(text: &str, zone: &Zone, now: Time) -> String {
        if text.to_uppercase().contains("DTSTART") {
            return text.to_owned();
        }
        let Ok(parsed) = Self::parse(text) else { return text.to_owned() };
        let mut start = DEFAULT_START;
        if let (true, [rule]) = (parsed.single, parsed.rules.as_slice()) {
            let unit = match rule.frequency {
                Frequency::Secondly => SECOND,
                Frequency::Minutely => 60 * SECOND,
                _ => 0,
            };
            let passed = zone.wall(now) - start;
            if unit > 0 && rule.count.is_none() && passed > 0 {
                start += passed - passed.rem_euclid(unit.saturating_mul(rule.interval));
            }
        }
        format!("DTSTART:{}\n{text}", stamp::written(start))
    }

    /// `Err` when it takes too many steps to tell.
    pub fn dates(&self, zone: &Zone, demand: &Demand, steps: &Steps) -> Result<Vec<Time>, TooManySteps> {
        let mut found = Found::new(demand);
        let clock = DateutilClock::of(zone);
        let ((from, _), (_, until)) = (clock.walls_about(demand.from), clock.walls_about(demand.until));
        let mut walls = Merged::new(self, from.div_euclid(SECOND), until.div_euclid(SECOND) + 1, steps);
        while let Some(wall) = walls.next()? {
            let date = clock.instant(wall * SECOND);
            if date < demand.from {
                continue;
            }
            if date > demand.until || found.offer(date, zone.wall(date)) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(found.into_dates())
    }
}
