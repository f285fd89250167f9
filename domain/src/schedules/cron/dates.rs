//! Dates of an expression in a zone (reference: `CronSchedule`).
//!
//! An expression is met by what a clock shows. Of a wall that a clock shows twice the first instant counts; one that it
//! skips is due as much later as it skips.

use std::ops::ControlFlow;

use wire::Time;

use super::Cron;
use crate::schedules::dates::{Demand, Found};
use crate::schedules::steps::{Steps, TooManySteps};
use crate::schedules::zone::{Repeated, SECOND, Wall, Zone};

pub fn dates(
    cron: &Cron,
    zone: &Zone,
    day_or: bool,
    demand: &Demand,
    steps: &Steps,
) -> Result<Vec<Time>, TooManySteps> {
    let mut found = Found::new(demand);
    let from = zone.wall(demand.from);
    // Whoever begins at a full second begins with that second.
    let mut after = if from.rem_euclid(SECOND) > 0 { from } else { from - SECOND };
    let change = zone.last_transition_before(Time::from_micros(demand.from.micros() + SECOND));
    let passed = change.map(|change| demand.from.micros() - change.at.micros()).filter(|passed| *passed >= 0);
    let mut skipped = None;
    if let (Some(change), Some(passed)) = (change, passed) {
        let gap = change.after - change.before;
        if passed < -gap {
            // All of what the clock shows for the second time is over: it was due the first time.
            after = change.at.micros() + change.before - SECOND;
        } else if passed < gap {
            skipped = Some((after - gap, change.at.micros() + change.after));
        }
    }
    let due = |wall: Result<Wall, TooManySteps>| wall.map(|wall| zone.instant(wall, Repeated::First));
    let mut later = cron.walls(after, day_or, steps).map(due).peekable();
    let (lookback, gap_end) = skipped.unwrap_or((after, Wall::MIN));
    let is_skipped = |wall: &Result<Wall, _>| wall.map_or(true, |wall| wall < gap_end);
    let mut shifted = cron.walls(lookback, day_or, steps).take_while(is_skipped).map(due).peekable();
    loop {
        let next = match (shifted.peek(), later.peek()) {
            (Some(Ok(one)), Some(Ok(other))) if one <= other => shifted.next(),
            (Some(_), None) => shifted.next(),
            _ => later.next(),
        };
        let Some(date) = next.transpose()?.filter(|date| *date <= demand.until) else { break };
        let enough = if date >= demand.from { found.offer(date, date.micros()) } else { found.skip() };
        if enough == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(found.into_dates())
}
