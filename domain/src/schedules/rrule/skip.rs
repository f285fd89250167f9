//! Where counting of a rule may begin, so that nothing counts from a start of years ago.

use super::{Frequency, Rule};
use crate::schedules::calendar::date;

/// What lies between the start of a rule and where counting may begin as well.
#[derive(Default)]
pub struct Skipped {
    pub seconds: i64,
    pub months: i64,
    /// Dates in it, of a rule whose dates are numbered.
    pub counted: i64,
}

/// A whole number of intervals, some before `from`. Where dates are numbered only if each interval has one.
pub fn skipped(rule: &Rule, from: i64) -> Skipped {
    let every = rule.has_a_date_each_time();
    if rule.count.is_some() && !every {
        return Skipped::default();
    }
    let (unit, around) = match rule.frequency {
        Frequency::Yearly | Frequency::Monthly => {
            return Skipped { months: months_skipped(rule, from), ..Skipped::default() };
        }
        // Positions in a week, and its first days, need the whole of it.
        Frequency::Weekly => (7 * 86_400, 2 * 7 * 86_400),
        Frequency::Daily => (86_400, 86_400),
        Frequency::Hourly => (3600, 3600),
        Frequency::Minutely => (60, 60),
        Frequency::Secondly => (1, 1),
    };
    let Some(period) = rule.interval.checked_mul(unit) else { return Skipped::default() };
    let passed = (from - rule.start).saturating_sub(period.saturating_add(around)).max(0);
    let intervals = passed / period;
    Skipped { seconds: intervals * period, counted: intervals, months: 0 }
}

fn months_skipped(rule: &Rule, from: i64) -> i64 {
    let months = |wall: i64| {
        let (year, month, _) = date(wall.div_euclid(86_400));
        year * 12 + month - 1
    };
    let unit = if rule.frequency == Frequency::Yearly { 12 } else { 1 };
    let Some(period) = rule.interval.checked_mul(unit) else { return 0 };
    let passed = (months(from) - months(rule.start)).saturating_sub(period.saturating_add(12)).max(0);
    passed - passed.rem_euclid(period)
}
