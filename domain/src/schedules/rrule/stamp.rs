//! Dates inside rules. `dateutil` reads nearly anything as a date; here it is the two forms of ISO 8601 that iCalendar and
//! people write.

use crate::schedules::calendar::{date, day_number, days_in_month};
use crate::schedules::zone::{SECOND, Wall};

/// A date in a rule: seconds of the wall it shows, and whether it names a zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stamp {
    pub wall: i64,
    pub zoned: bool,
}

/// `20200131`, `20200131T0930`, `20200131T093000Z`, `2020-01-31`, `2020-01-31T09:30:00+01:00`.
pub fn read(text: &str) -> Option<Stamp> {
    let text = text.trim();
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let day = match day.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] => day.replace('-', ""),
        _ => day.to_owned(),
    };
    let digits = numbers(&day, &[4, 2, 2])?;
    let (year, month, of_month) = (digits[0], digits[1], digits[2]);
    if year < 1 || !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&of_month) {
        return None;
    }
    let (second, zoned) = time.map_or(Some((0, false)), time_of_day)?;
    Some(Stamp { wall: day_number(year, month, of_month) * 86_400 + second, zoned })
}

fn time_of_day(text: &str) -> Option<(i64, bool)> {
    let zone = text.find(['Z', '+', '-']);
    let (time, zone) = text.split_at(zone.unwrap_or(text.len()));
    let offset = zone.trim_start_matches(['+', '-']).replace(':', "");
    let named = match zone.chars().next() {
        None => true,
        Some('Z') => zone == "Z",
        Some(_) => matches!(offset.len(), 2 | 4) && offset.bytes().all(|b| b.is_ascii_digit()),
    };
    let time = match time.as_bytes() {
        [_, _, b':', _, _] | [_, _, b':', _, _, b':', _, _] => time.replace(':', ""),
        _ => time.to_owned(),
    };
    let digits = numbers(&time, &[2, 2, 2]).or_else(|| numbers(&time, &[2, 2]))?;
    let (hour, minute, second) = (digits[0], digits[1], digits.get(2).copied().unwrap_or(0));
    let fits = named && hour < 24 && minute < 60 && second < 60;
    fits.then_some((hour * 3600 + minute * 60 + second, !zone.is_empty()))
}

/// Numbers of fixed lengths, one behind the other.
fn numbers(text: &str, lengths: &[usize]) -> Option<Vec<i64>> {
    if text.len() != lengths.iter().sum::<usize>() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut rest = text;
    let mut found = Vec::new();
    for length in lengths {
        let (number, later) = rest.split_at(*length);
        found.push(number.parse().ok()?);
        rest = later;
    }
    Some(found)
}

/// `20200131T093000`.
pub fn written(wall: Wall) -> String {
    let seconds = wall.div_euclid(SECOND);
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60)
}
