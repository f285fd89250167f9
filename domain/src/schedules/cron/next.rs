//! From one moment to the next: each column in turn moves the clock on to a value that it admits, and the larger ones
//! begin anew whenever one moved.

use super::{Cron, Field, Nth};
use crate::schedules::calendar::{LAST_YEAR, date, day_number, days_in_month, weekday};
use crate::schedules::steps::{Steps, TooManySteps};
use crate::schedules::zone::{SECOND, Wall};

/// An expression that is not met for so many years is never met.
const MOST_YEARS: i64 = 50;

/// The walls of an expression, one after the other.
#[derive(Debug)]
pub struct Walls<'c> {
    cron: &'c Cron,
    /// Seconds.
    current: i64,
    day_or: bool,
    steps: &'c Steps,
}

impl<'c> Walls<'c> {
    pub fn new(cron: &'c Cron, after: Wall, day_or: bool, steps: &'c Steps) -> Self {
        Self { cron, current: after.div_euclid(SECOND), day_or, steps }
    }
}

impl Iterator for Walls<'_> {
    type Item = Result<Wall, TooManySteps>;

    fn next(&mut self) -> Option<Self::Item> {
        self.found().transpose()
    }
}

impl Walls<'_> {
    fn found(&mut self) -> Result<Option<Wall>, TooManySteps> {
        let (cron, steps) = (self.cron, self.steps);
        let either = self.day_or && !cron.day.any && !cron.weekday.any;
        let found = match either {
            false => search(cron, self.current, &cron.day, &cron.weekday, steps)?,
            true => {
                let any = Field { any: true, ..Field::default() };
                let by_day = search(cron, self.current, &cron.day, &any, steps)?;
                let by_weekday = search(cron, self.current, &any, &cron.weekday, steps)?;
                // Where one of the two is never met, the reference finds no date at all.
                by_day.zip(by_weekday).map(|(one, other)| one.min(other))
            }
        };
        let Some(found) = found else { return Ok(None) };
        self.current = found;
        Ok(Some(found * SECOND))
    }
}

/// A clock.
#[derive(Clone, Copy)]
struct At {
    /// Day number.
    day: i64,
    /// Seconds of the day.
    second: i64,
}

impl At {
    fn of(seconds: i64) -> Self {
        Self { day: seconds.div_euclid(86_400), second: seconds.rem_euclid(86_400) }
    }

    fn seconds(self) -> i64 {
        self.day * 86_400 + self.second
    }

    fn midnight(day: i64) -> Self {
        Self { day, second: 0 }
    }

    fn plus(self, seconds: i64) -> Self {
        Self::of(self.seconds() + seconds)
    }
}

fn search(cron: &Cron, after: i64, day: &Field, weekday: &Field, steps: &Steps) -> Result<Option<i64>, TooManySteps> {
    let first = if cron.second.is_some() { 1 } else { 60 };
    let mut at = At::of(after + first);
    let (begun, _, _) = date(at.day);
    loop {
        // Days of a name are named for each month anew.
        steps.take(1 + cron.nth.len())?;
        let (year, month, _) = date(at.day);
        if year - begun > MOST_YEARS || year >= LAST_YEAR {
            return Ok(None);
        }
        at = match step(cron, at, (year, month), day, weekday) {
            Step::Moved(to) => to,
            Step::Never => return Ok(None),
            Step::Stays => break,
        };
    }
    // Five columns are due at the full minute.
    let seconds = at.seconds();
    Ok(Some(if cron.second.is_some() { seconds } else { seconds - seconds.rem_euclid(60) }))
}

enum Step {
    Moved(At),
    Stays,
    Never,
}

/// The first column that does not admit the moment moves it.
fn step(cron: &Cron, at: At, (year, month): (i64, i64), day: &Field, weekdays: &Field) -> Step {
    if let Some(years) = cron.year.as_ref().filter(|field| !field.any) {
        match years.numbers.iter().find(|&&other| other >= year) {
            None => return Step::Never,
            Some(&other) if other != year => return Step::Moved(At::midnight(day_number(other, 1, 1))),
            Some(_) => {}
        }
    }
    if let Some(months) = distance(month, &cron.month, 12) {
        let ahead = year * 12 + month - 1 + months;
        return Step::Moved(At::midnight(day_number(ahead.div_euclid(12), ahead.rem_euclid(12) + 1, 1)));
    }
    let (_, _, of_month) = date(at.day);
    let days = days_in_month(year, month);
    if !(day.last && of_month == days)
        && let Some(ahead) = distance(of_month, day, days)
    {
        return Step::Moved(At::midnight(at.day + ahead));
    }
    if !cron.nth.is_empty() {
        let next = of_nth(cron, year, month).into_iter().filter(|nth| *nth >= of_month).min();
        match next.unwrap_or(days + 1) - of_month {
            0 => {}
            ahead => return Step::Moved(At::midnight(at.day + ahead)),
        }
    } else if let Some(ahead) = distance((weekday(at.day) + 1) % 7, weekdays, 7) {
        return Step::Moved(At::midnight(at.day + ahead));
    }
    let (hour, minute, second) = (at.second / 3600, at.second / 60 % 60, at.second % 60);
    if let Some(ahead) = distance(hour, &cron.hour, 24) {
        return Step::Moved(At { day: at.day, second: hour * 3600 }.plus(ahead * 3600));
    }
    if let Some(ahead) = distance(minute, &cron.minute, 60) {
        return Step::Moved(At { day: at.day, second: at.second - second }.plus(ahead * 60));
    }
    match cron.second.as_ref().and_then(|field| distance(second, field, 60)) {
        Some(ahead) => Step::Moved(at.plus(ahead)),
        None => Step::Stays,
    }
}

/// How far it is to the next value that a column admits, of which there are `cycle` in a round; `None` if it is there.
fn distance(now: i64, field: &Field, cycle: i64) -> Option<i64> {
    if field.any {
        return None;
    }
    let later = field.numbers.iter().find(|&&number| number >= now).copied();
    let next = later.or(field.last.then_some(cycle).filter(|last| *last >= now));
    let ahead = match next {
        Some(number) => number - now,
        None => field.numbers.first().copied().unwrap_or(cycle) - now + cycle,
    };
    (ahead != 0).then_some(ahead)
}

/// Days of a month that are the nth of their name.
fn of_nth(cron: &Cron, year: i64, month: i64) -> Vec<i64> {
    let mut found = Vec::new();
    let (first, days) = (weekday(day_number(year, month, 1)), days_in_month(year, month));
    for (sunday_first, which) in &cron.nth {
        let named = (sunday_first + 6) % 7;
        let of_name: Vec<i64> = ((named - first).rem_euclid(7) + 1..=days).step_by(7).collect();
        found.extend(which.iter().filter_map(|nth| match nth {
            Nth::Number(nth) => of_name.get(nth - 1).copied(),
            Nth::Last => of_name.last().copied(),
        }));
    }
    found
}
