//! A length of time as pydantic reads a `timedelta`: seconds, `HH:MM:SS` with or without days, ISO 8601.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use crate::{Described, Errors, Input, Json, Schema, Schemas};

const MICROS_PER_DAY: i64 = 86_400_000_000;
const MOST_DAYS: i64 = 999_999_999;
const TOO_LONG: &str = "durations may not exceed 999,999,999 days";

/// Days and microseconds: calendars tell a day from 24 hours. Written as seconds, `3600.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan {
    pub days: i64,
    /// Of the last day, 0 to 86,399,999,999; negative spans have negative days.
    pub micros: i64,
}

impl TimeSpan {
    pub const fn of_seconds(seconds: i64) -> Self {
        Self { days: seconds.div_euclid(86_400), micros: seconds.rem_euclid(86_400) * 1_000_000 }
    }

    fn of_micros(micros: i128) -> Option<Self> {
        let days = i64::try_from(micros.div_euclid(i128::from(MICROS_PER_DAY))).ok()?;
        // The remainder of a day fits.
        let micros = micros.rem_euclid(i128::from(MICROS_PER_DAY)) as i64;
        (days.abs() <= MOST_DAYS).then_some(Self { days, micros })
    }

    pub fn seconds(self) -> f64 {
        self.total_micros() as f64 / 1e6
    }

    /// Up to 8.64e19: more than 64 bits hold.
    pub fn total_micros(self) -> i128 {
        i128::from(self.days) * i128::from(MICROS_PER_DAY) + i128::from(self.micros)
    }

    pub fn is_positive(self) -> bool {
        self.total_micros() > 0
    }

    fn of_number(seconds: f64) -> Option<Self> {
        // Beyond this the span is too long anyway. Whole seconds apart: of many of them a float has no room for micros.
        let micros = || seconds.trunc() as i128 * 1_000_000 + (seconds.fract() * 1e6).round() as i128;
        (seconds.abs() < 1e15).then(|| Self::of_micros(micros())).flatten()
    }

    fn of_text(text: &str) -> Result<Self, &'static str> {
        let config = speedate::TimeConfigBuilder::new()
            .microseconds_precision_overflow_behavior(speedate::MicrosecondsPrecisionOverflowBehavior::Truncate)
            .build();
        let read = speedate::Duration::parse_bytes_with_config(text.as_bytes(), &config).map_err(words)?;
        let seconds = i128::from(read.day) * 86_400 + i128::from(read.second);
        let micros = seconds * 1_000_000 + i128::from(read.microsecond);
        Self::of_micros(if read.positive { micros } else { -micros }).ok_or(TOO_LONG)
    }
}

impl Input for TimeSpan {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let read = match value {
            Json::Str(text) => Self::of_text(text),
            Json::Int(seconds) => Self::of_micros(i128::from(*seconds) * 1_000_000).ok_or(TOO_LONG),
            Json::BigInt(_) => Err(TOO_LONG),
            Json::Float(seconds) => Self::of_number(*seconds).ok_or(TOO_LONG),
            Json::Bool(one) => Ok(Self::of_seconds(i64::from(*one))),
            _ => {
                errors.push("time_delta_type", "Input should be a valid timedelta", value);
                return None;
            }
        };
        read.map_err(|why| {
            let msg = format!("Input should be a valid timedelta, {why}");
            errors.push_with("time_delta_parsing", msg, value, Some(json!({ "error": why })));
        })
        .ok()
    }
}

/// The words of the errors a duration can have.
fn words(error: speedate::ParseError) -> &'static str {
    use speedate::ParseError as E;
    match error {
        E::TooShort => "input is too short",
        E::ExtraCharacters => "unexpected extra characters at the end of the input",
        E::InvalidCharHour => "invalid character in hour",
        E::InvalidCharMinute => "invalid character in minute",
        E::InvalidCharSecond => "invalid character in second",
        E::InvalidCharTimeSep => "invalid time separator, expected `:`",
        E::OutOfRangeHour => "hour value is outside expected range of 0-23",
        E::OutOfRangeMinute => "minute value is outside expected range of 0-59",
        E::OutOfRangeSecond => "second value is outside expected range of 0-59",
        E::InvalidCharSecondFraction => "invalid character in second fraction",
        E::SecondFractionMissing => "second fraction digits missing after `.`",
        E::DurationInvalidNumber => "invalid digit in duration",
        E::DurationTRepeated => "`t` character repeated in duration",
        E::DurationInvalidFraction => "quantity fraction invalid in duration",
        E::DurationInvalidTimeUnit => "quantity invalid in time part of duration",
        E::DurationInvalidDateUnit => "quantity invalid in date part of duration",
        E::DurationInvalidDays => "\"day\" identifier in duration not correctly formatted",
        E::DurationValueTooLarge => "a numeric value in the duration is too large",
        E::DurationHourValueTooLarge => "durations may not exceed 999,999,999 hours",
        E::DurationDaysTooLarge => TOO_LONG,
        _ => "input is no duration",
    }
}

impl Described for TimeSpan {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "anyOf": [{ "type": "number", "exclusiveMinimum": 0 }, { "type": "string" }] })
    }
}

impl Serialize for TimeSpan {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.seconds())
    }
}

/// Reads what [`Serialize`] writes: for JSON that this program stored.
impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(d)?;
        Self::of_number(seconds).ok_or_else(|| serde::de::Error::custom(TOO_LONG))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_iso_or_a_clock() {
        for (text, seconds) in [
            ("P1D", 86_400.0),
            ("1 day", 86_400.0),
            ("1 days 02:03:04", 93_784.0),
            ("01:02", 3_720.0),
            ("25:00:00", 90_000.0),
            ("-PT1H", -3_600.0),
            ("PT1.5S", 1.5),
            ("1:00:00.123456789", 3_600.123_456),
            ("P1M", 2_592_000.0),
        ] {
            assert_eq!(TimeSpan::of_text(text).map(TimeSpan::seconds), Ok(seconds), "{text}");
        }
        for (text, why) in [
            ("", "input is too short"),
            ("abc", "invalid digit in duration"),
            ("30", "\"day\" identifier in duration not correctly formatted"),
            ("12:60:00", "minute value is outside expected range of 0-59"),
            ("PT1X", "quantity invalid in time part of duration"),
            ("P9999999999D", "a numeric value in the duration is too large"),
        ] {
            assert_eq!(TimeSpan::of_text(text), Err(why), "{text}");
        }
    }

    #[test]
    fn numbers_are_seconds_up_to_a_bound() {
        assert_eq!(TimeSpan::of_number(1.5e-6), Some(TimeSpan { days: 0, micros: 2 }));
        assert_eq!(TimeSpan::of_number(-0.5), Some(TimeSpan { days: -1, micros: MICROS_PER_DAY - 500_000 }));
        assert_eq!(TimeSpan::of_number(1e300), None);
        assert_eq!(TimeSpan::of_number(86_399_999_913_600.0).map(|span| span.days), Some(MOST_DAYS));
        assert_eq!(serde_json::to_string(&TimeSpan::of_seconds(3600)).unwrap(), "3600.0");
    }
}
