//! Dates at a distance from each other, counted from an anchor (reference: `IntervalSchedule`, with `pendulum`).
//!
//! Days are days of the calendar, what is less is time that passes: a schedule of a day stays at its hour when clocks
//! change, one of an hour does not. Dates are compared by what the clock shows, as the reference compares them: of an
//! hour that a clock shows twice only the first has a date.

use std::ops::ControlFlow;

use wire::{Time, TimeSpan};

use super::calendar;
use super::dates::{Demand, Found};
use super::steps::{Steps, TooManySteps};
use super::zone::{DAY, Repeated, Wall, Zone};

/// A date with what the clock shows then.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    wall: Wall,
    time: Time,
}

struct Stepper<'z> {
    zone: &'z Zone,
    steps: &'z Steps,
    anchor: Moment,
    span: TimeSpan,
    /// Microseconds.
    total: i128,
    /// Dates before the anchor go back to it in whole steps, and on from there.
    offset: i128,
    before_anchor: bool,
}

pub fn dates(
    zone: &Zone,
    anchor: Time,
    span: TimeSpan,
    demand: &Demand,
    steps: &Steps,
) -> Result<Vec<Time>, TooManySteps> {
    let mut found = Found::new(demand);
    if !span.is_positive() {
        return Ok(found.into_dates());
    }
    let at = |time: Time| Moment { wall: zone.wall(time), time };
    let (anchor, from, until) = (at(anchor), at(demand.from), at(demand.until));
    let calendar_days = span.days != 0 && span.micros == 0;
    let mut stepper = Stepper {
        zone,
        steps,
        anchor,
        span,
        total: span.total_micros(),
        offset: 0,
        before_anchor: from.wall < anchor.wall && calendar_days,
    };
    let Some(mut next) = stepper.first(from, calendar_days)? else { return Ok(found.into_dates()) };
    while next.wall < from.wall {
        // Of an hour that a clock shows twice there may be very many.
        steps.take(1)?;
        let Some(later) = stepper.next(next) else { return Ok(found.into_dates()) };
        next = later;
    }
    while next.wall <= until.wall {
        if found.offer(next.time, next.wall) == ControlFlow::Break(()) {
            break;
        }
        let Some(later) = stepper.next(next) else { break };
        next = later;
    }
    Ok(found.into_dates())
}

impl Stepper<'_> {
    /// A date at or before the first that is wanted, or a little after.
    fn first(&mut self, from: Moment, calendar_days: bool) -> Result<Option<Moment>, TooManySteps> {
        if from.wall >= self.anchor.wall && calendar_days {
            return self.seek(from);
        }
        let passed = i128::from(from.time.micros()) - i128::from(self.anchor.time.micros());
        self.offset = passed / self.total;
        let mut next = self.jump(self.offset);
        while next.is_some_and(|next| next.wall > from.wall) {
            self.steps.take(1)?;
            self.offset -= 1;
            next = self.jump(self.offset);
        }
        Ok(next)
    }

    /// Days from the anchor to just before the date that is wanted, at once between one change of the clock and the next:
    /// an hour that a clock skips moves all dates after it.
    fn seek(&self, from: Moment) -> Result<Option<Moment>, TooManySteps> {
        let mut current = self.anchor;
        while current.time < from.time {
            self.steps.take(4)?;
            let change = self.zone.next_transition(current.time).map(|transition| transition.at);
            let boundary = change.filter(|at| *at < from.time).unwrap_or(from.time);
            let days = self.zone.wall(boundary).div_euclid(DAY) - current.wall.div_euclid(DAY);
            let days = self.span.days.checked_mul((days / self.span.days - 1).max(1));
            let Some(later) = days.and_then(|days| self.add_days(current.wall, days, 0)) else { return Ok(None) };
            current = later;
        }
        Ok(Some(current))
    }

    fn next(&mut self, date: Moment) -> Option<Moment> {
        if self.before_anchor && self.offset < 0 {
            self.offset += 1;
            return self.jump(self.offset);
        }
        self.advance(date)
    }

    fn advance(&self, date: Moment) -> Option<Moment> {
        match self.span.days {
            0 => self.add_time(date.time, i128::from(self.span.micros)),
            days => self.add_days(date.wall, days, self.span.micros),
        }
    }

    /// So many steps from the anchor, at once.
    fn jump(&self, steps: i128) -> Option<Moment> {
        let days = i64::try_from(i128::from(self.span.days).checked_mul(steps)?).ok()?;
        match self.span.micros {
            0 if days != 0 => self.add_days(self.anchor.wall, days, 0),
            _ => self.add_time(self.anchor.time, self.total.checked_mul(steps)?),
        }
    }

    fn add_days(&self, wall: Wall, days: i64, micros: i64) -> Option<Moment> {
        let wall = days.checked_mul(DAY)?.checked_add(micros)?.checked_add(wall).filter(|wall| is_in_range(*wall))?;
        let time = self.zone.instant(wall, Repeated::Second);
        Some(Moment { wall: self.zone.wall(time), time })
    }

    fn add_time(&self, time: Time, micros: i128) -> Option<Moment> {
        let later = i64::try_from(i128::from(time.micros()) + micros).ok().filter(|micros| is_in_range(*micros))?;
        let time = Time::from_micros(later);
        Some(Moment { wall: self.zone.wall(time), time })
    }
}

/// Whether a date can be shown, with a day to spare on both sides.
fn is_in_range(micros: i64) -> bool {
    let (first, last) = (calendar::day_number(1, 1, 2), calendar::day_number(calendar::LAST_YEAR, 12, 30));
    (first * DAY..last * DAY).contains(&micros)
}
