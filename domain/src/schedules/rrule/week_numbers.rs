//! Which days of a year are in the weeks that `BYWEEKNO` names, and Easter.

use super::Rule;
use crate::schedules::calendar::{day_number, days_in_year, weekday};

/// For each day of the year, and the seven after it, whether its week is named (`dateutil`, `_iterinfo.rebuild`).
pub fn mask(rule: &Rule, year: i64) -> Vec<bool> {
    let (length, first) = (days_in_year(year), weekday(day_number(year, 1, 1)));
    let start = rule.week_start;
    let mut mask = vec![false; usize::try_from(length + 7).unwrap_or_default()];
    let mut mark = |from: i64, most: i64, stops_at_week: bool| {
        for at in from..from + most {
            if let Some(day) = usize::try_from(at).ok().and_then(|at| mask.get_mut(at)) {
                *day = true;
            }
            if stops_at_week && (first + at + 1).rem_euclid(7) == start {
                break;
            }
        }
    };
    // The first day of week 1, and how many days are in weeks of this year.
    let first_start = (7 - first + start).rem_euclid(7);
    let (week_one, in_weeks) = match first_start >= 4 {
        true => (0, length + (first - start).rem_euclid(7)),
        false => (first_start, length - first_start),
    };
    let weeks = in_weeks / 7 + in_weeks % 7 / 4;
    let begin = |number: i64| {
        let at = week_one + (number - 1) * 7;
        if number > 1 && week_one != first_start { at - (7 - first_start) } else { at }
    };
    for number in &rule.week_numbers {
        let number = if *number < 0 { number + weeks + 1 } else { *number };
        if (1..=weeks).contains(&number) {
            mark(begin(number), 7, true);
        }
    }
    if rule.week_numbers.contains(&1) {
        // Week 1 of the next year may begin in this one.
        let at = begin(weeks + 1);
        if at < length {
            mark(at, 7, true);
        }
    }
    if week_one > 0 {
        // The last week of the year before may end in this one.
        let last = match rule.week_numbers.contains(&-1) {
            true => -1,
            false => {
                let before = weekday(day_number(year - 1, 1, 1));
                match (7 - before + start).rem_euclid(7) >= 4 {
                    true => 52 + (days_in_year(year - 1) + (before - start).rem_euclid(7)) % 7 / 4,
                    false => 52 + (length - week_one) % 7 / 4,
                }
            }
        };
        if rule.week_numbers.contains(&last) {
            mark(0, week_one, false);
        }
    }
    mask
}

/// The day number of Easter Sunday in the Gregorian calendar (Meeus, Jones, Butcher).
pub fn easter(year: i64) -> i64 {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let of_march = h + l - 7 * m + 114;
    day_number(year, of_march / 31, of_march % 31 + 1)
}
