//! Formats of texts, those that the reference holds values to where a person fills in a form. A format nobody knows fits
//! everything. A `regex` is let pass: the dialect is the flow's own.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::Regex;
use uuid::Uuid;

/// Whether a text is what a format says.
pub(super) fn fits(format: &str, text: &str) -> bool {
    match format {
        "email" | "idn-email" => text.contains('@'),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "date" => is_date(text),
        "date-time" => is_date_time(text),
        "time" => is_date_time(&format!("1970-01-01T{text}")),
        "uuid" => is_uuid(text),
        _ => true,
    }
}

fn is_date(text: &str) -> bool {
    static DATE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("^([0-9]{4})-([0-9]{2})-([0-9]{2})$").expect("a pattern"));
    let Some(parts) = DATE.captures(text) else { return false };
    // Digits alone.
    let number = |at: usize| parts[at].parse::<u32>().unwrap_or_default();
    let (year, month, day) = (number(1), number(2), number(3));
    year > 0 && (1..=12).contains(&month) && (1..=days(year, month)).contains(&day)
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// RFC 3339, in any case.
fn is_date_time(text: &str) -> bool {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            "^(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$",
        )
        .expect("a pattern")
    });
    text.to_uppercase().split_once('T').is_some_and(|(date, time)| is_date(date) && TIME.is_match(time))
}

/// With its dashes.
fn is_uuid(text: &str) -> bool {
    let dashed = [8, 13, 18, 23].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
    dashed && Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_held_to_their_format() {
        for (format, good, bad) in [
            ("email", "a@b", "ab"),
            ("ipv4", "1.2.3.4", "1.2.3"),
            ("ipv6", "::1", "::g"),
            ("date", "2024-02-29", "2023-02-29"),
            ("date", "2000-02-29", "1900-02-29"),
            ("date-time", "2024-01-01t00:00:00z", "2024-01-01 00:00:00"),
            ("date-time", "2024-01-01T00:00:00.5+05:30", "2024-01-01T00:00:00"),
            ("time", "23:59:59Z", "24:00:00Z"),
            ("uuid", "00000000-0000-0000-0000-00000000000a", "0000000000000000000000000000000a"),
        ] {
            assert!(fits(format, good), "{format} {good}");
            assert!(!fits(format, bad), "{format} {bad}");
        }
        assert!(fits("anything", ""));
    }
}
