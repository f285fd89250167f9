//! A point in time, in microseconds: what Postgres stores, what the protocol shows, and no more.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z. Written as `2024-01-01T00:00:00Z`, with six digits of fraction when there is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Time {
    /// 0001-01-01T00:00:00Z, the earliest the reference's clients can express.
    pub const MIN: Time = Time(-62_135_596_800_000_000);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Time = Time(253_402_300_799_999_999);

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The instant `seconds` (may be negative or fractional) later, held within [`Time::MIN`] and [`Time::MAX`].
    pub fn plus_seconds(self, seconds: f64) -> Self {
        let micros = (seconds * 1e6).round().clamp(-9e18, 9e18) as i64;
        Self(self.0.saturating_add(micros).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Seconds from `earlier` to `self`, negative when `self` is the earlier one.
    pub fn seconds_since(self, earlier: Time) -> f64 {
        (self.0 - earlier.0) as f64 / 1e6
    }

    /// The point a text names: RFC 3339 and the wider forms of pydantic (`speedate`); a day means its midnight, and
    /// what names no zone is UTC.
    pub fn from_text(text: &str) -> Option<Self> {
        // More digits than microseconds are cut off: clients of other languages send nanoseconds.
        let config = speedate::DateTimeConfigBuilder::new()
            .time_config(
                speedate::TimeConfigBuilder::new()
                    .microseconds_precision_overflow_behavior(speedate::MicrosecondsPrecisionOverflowBehavior::Truncate)
                    .build(),
            )
            .build();
        let parsed = speedate::DateTime::parse_str_with_config(text, &config).ok().or_else(|| {
            let date = speedate::Date::parse_str_rfc3339(text).ok()?;
            speedate::DateTime::from_timestamp(date.timestamp(), 0).ok()
        })?;
        let micros = parsed.timestamp_tz() * 1_000_000 + i64::from(parsed.time.microsecond);
        (Self::MIN.0..=Self::MAX.0).contains(&micros).then_some(Self(micros))
    }

    /// Seconds since 1970, or milliseconds when the number is beyond what seconds can mean (pydantic's watershed).
    pub fn from_unix(number: f64) -> Option<Self> {
        const WATERSHED: f64 = 2e10;
        let seconds = if number.abs() > WATERSHED { number / 1e3 } else { number };
        let micros = (seconds * 1e6).round();
        (micros >= Self::MIN.0 as f64 && micros <= Self::MAX.0 as f64).then_some(Self(micros as i64))
    }

    /// The machine's clock. Decisions use the database's clock instead (`Tx::now`).
    pub fn of_machine() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(since.map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, d: Duration) -> Time {
        Time(self.0.saturating_add(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)).min(Self::MAX.0))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, d: Duration) -> Time {
        Time(self.0.saturating_sub(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)).max(Self::MIN.0))
    }
}

/// Year, month, day of a day number since 1970-01-01 (proleptic Gregorian; Howard Hinnant, "chrono-compatible low-level
/// date algorithms", `civil_from_days`).
fn civil(day: i64) -> (i64, u32, u32) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let m = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    (yoe + era * 400 + i64::from(m <= 2), m, d)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(MICROS_PER_DAY));
        let of_day = self.0.rem_euclid(MICROS_PER_DAY);
        let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}")?;
        if fraction != 0 {
            write!(f, ".{fraction:06}")?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Reads what [`Serialize`] writes and any other RFC 3339 time: for JSON that this program stored. Requests go through `Input`.
impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let parsed = speedate::DateTime::parse_bytes_rfc3339(text.as_bytes()).map_err(serde::de::Error::custom)?;
        Ok(Self(parsed.timestamp_tz() * 1_000_000 + i64::from(parsed.time.microsecond)))
    }
}

#[cfg(feature = "sql")]
mod sql {
    use super::Time;
    use bytes::BytesMut;
    use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
    use std::error::Error;

    /// Microseconds from 1970 to 2000, where Postgres begins to count.
    const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

    impl ToSql for Time {
        fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
            (self.micros() - POSTGRES_EPOCH).to_sql(ty, out)
        }
        accepts!(TIMESTAMPTZ);
        to_sql_checked!();
    }

    impl<'a> FromSql<'a> for Time {
        fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
            Ok(Time(i64::from_sql(ty, raw)?.saturating_add(POSTGRES_EPOCH)))
        }
        accepts!(TIMESTAMPTZ);
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn writes_what_the_protocol_shows() {
        assert_eq!(Time::from_micros(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Time::from_micros(1_709_164_800_000_001).to_string(), "2024-02-29T00:00:00.000001Z");
        assert_eq!(Time::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Time::MIN.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Time::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn reads_what_was_stored() {
        let read = |text: &str| serde_json::from_str::<Time>(text).ok().map(Time::micros);
        assert_eq!(read(r#""1970-01-01T00:00:00Z""#), Some(0));
        assert_eq!(read(r#""1969-12-31T23:59:59.999999Z""#), Some(-1));
        assert_eq!(read(r#""1970-01-01T02:00:00.5+02:00""#), Some(500_000));
        assert_eq!(read(r#""0001-01-01T00:00:00Z""#), Some(Time::MIN.micros()));
        assert_eq!(read(r#""9999-12-31T23:59:59.999999Z""#), Some(Time::MAX.micros()));
        assert_eq!(read(r#""yesterday""#), None);
    }

    #[test]
    fn arithmetic_stays_in_range() {
        assert_eq!(Time::MAX.plus_seconds(1e300), Time::MAX);
        assert_eq!(Time::MIN.plus_seconds(-1.0), Time::MIN);
        assert_eq!(Time::from_micros(0).plus_seconds(1.5).micros(), 1_500_000);
    }
}
