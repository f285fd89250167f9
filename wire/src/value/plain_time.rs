//! A time as pydantic reads a plain `datetime`: the reference has its own reader for most times ([`Time`]), and this one
//! where a route asks for no more than Python's type.

use serde_json::json;

use super::Time;
use crate::{Described, Errors, Input, Json, Schema, Schemas};

/// A time without an offset is UTC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlainTime(pub Time);

impl Input for PlainTime {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Str(text) = value else {
            errors.push("datetime_type", "Input should be a valid datetime", value);
            return None;
        };
        match read(text) {
            Ok(time) => Some(Self(time)),
            Err(why) => {
                let msg = format!("Input should be a valid datetime or date, {why}");
                errors.push_with("datetime_from_date_parsing", msg, value, Some(json!({ "error": why })));
                None
            }
        }
    }
}

/// A time, a date, or the number of a Unix time; what is neither is told of as a date.
fn read(text: &str) -> Result<Time, &'static str> {
    let micros = match speedate::DateTime::parse_str(text) {
        Ok(time) => time.timestamp_tz() * 1_000_000 + i64::from(time.time.microsecond),
        Err(_) => speedate::Date::parse_str(text).map_err(words)?.timestamp() * 1_000_000,
    };
    match (Time::MIN.micros()..=Time::MAX.micros()).contains(&micros) {
        true => Ok(Time::from_micros(micros)),
        false => Err("year is out of range"),
    }
}

/// The words of the errors a date can have.
fn words(error: speedate::ParseError) -> &'static str {
    use speedate::ParseError as E;
    match error {
        E::TooShort => "input is too short",
        E::ExtraCharacters => "unexpected extra characters at the end of the input",
        E::InvalidCharDateSep => "invalid date separator, expected `-`",
        E::InvalidCharYear => "invalid character in year",
        E::InvalidCharMonth => "invalid character in month",
        E::InvalidCharDay => "invalid character in day",
        E::OutOfRangeMonth => "month value is outside expected range of 1-12",
        E::OutOfRangeDay => "day value is outside expected range",
        E::DateTooSmall => "dates before 0000 are not supported as unix timestamps",
        E::DateTooLarge => "dates after 9999 are not supported as unix timestamps",
        E::DateNotExact => "Timestamp is not an exact date",
        _ => "input is no date",
    }
}

impl Described for PlainTime {
    fn schema(schemas: &mut Schemas) -> Schema {
        Time::schema(schemas)
    }
}

impl serde::Serialize for PlainTime {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_time_a_date_or_a_number() {
        for (text, seconds) in [
            ("2024-01-01T00:00:00Z", 1_704_067_200),
            ("2024-01-01T00:00:00+02:00", 1_704_060_000),
            ("2024-01-01T00:00:00", 1_704_067_200),
            ("2024-01-01", 1_704_067_200),
            ("1700000000", 1_700_000_000),
        ] {
            assert_eq!(read(text).map(|time| time.micros()), Ok(seconds * 1_000_000), "{text}");
        }
        for (text, why) in [
            ("", "input is too short"),
            ("yesterday", "input is too short"),
            ("2024-13-01T00:00:00Z", "month value is outside expected range of 1-12"),
            ("2024-01-01T25:00:00Z", "unexpected extra characters at the end of the input"),
        ] {
            assert_eq!(read(text), Err(why), "{text}");
        }
    }
}
