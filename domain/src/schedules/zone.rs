//! Time zones, and walls: what a clock in a zone shows, counted as if the zone were UTC.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use wire::Time;

/// Microseconds since 1970-01-01T00:00:00 of a clock.
pub type Wall = i64;

pub const SECOND: i64 = 1_000_000;
pub const DAY: i64 = 86_400 * SECOND;

/// Names of zones, sorted. Those of the data that is compiled in; nothing is read from the machine.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    names.sort();
    names
});

pub fn names() -> &'static [String] {
    &NAMES
}

/// Whether there is a zone of exactly that name.
pub fn is_known(name: &str) -> bool {
    NAMES.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
}

/// Which instant a wall means that a clock shows twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Repeated {
    First,
    Second,
}

#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

/// A change of a zone's offset, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    pub at: Time,
    pub before: i64,
    pub after: i64,
}

impl Zone {
    /// The zone of a name; none and empty are UTC. `None` for a name that is unknown.
    pub fn of(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("" | "UTC") => Some(Self(TimeZone::UTC)),
            Some(name) => TimeZone::get(name).ok().map(Self),
        }
    }

    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// What a clock shows at an instant.
    pub fn wall(&self, time: Time) -> Wall {
        time.micros() + self.offset(time)
    }

    /// Microseconds that clocks are ahead of UTC.
    pub fn offset(&self, time: Time) -> i64 {
        micros(self.0.to_offset(stamp(time)))
    }

    /// When a clock shows a wall. One that it skips is as much later as it skips.
    pub fn instant(&self, wall: Wall, repeated: Repeated) -> Time {
        let offset = match self.0.to_ambiguous_timestamp(civil(wall)).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } => before,
            AmbiguousOffset::Fold { before, after } => match repeated {
                Repeated::First => before,
                Repeated::Second => after,
            },
        };
        Time::from_micros(wall - micros(offset))
    }

    /// The last change of the clock before an instant.
    pub fn last_transition_before(&self, time: Time) -> Option<Transition> {
        self.0.preceding(stamp(time)).next().map(|found| self.transition(&found))
    }

    /// The first change of the clock after an instant.
    pub fn next_transition(&self, time: Time) -> Option<Transition> {
        self.0.following(stamp(time)).next().map(|found| self.transition(&found))
    }

    /// All changes until an instant with whether they begin summer time: what `dateutil` goes by.
    pub fn history(&self, until: Time) -> Vec<(Transition, bool)> {
        let all = self.0.following(Timestamp::MIN).map(|found| (self.transition(&found), found.dst().is_dst()));
        all.take_while(|(transition, _)| transition.at <= until).collect()
    }

    fn transition(&self, found: &jiff::tz::TimeZoneTransition<'_>) -> Transition {
        let at = Time::from_micros(found.timestamp().as_microsecond());
        let before = self.offset(Time::from_micros(at.micros() - 1));
        Transition { at, before, after: micros(found.offset()) }
    }
}

fn micros(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * SECOND
}

/// Instants of the protocol lie within jiff's, but for the offset of the first and the last day.
fn stamp(time: Time) -> Timestamp {
    Timestamp::from_microsecond(time.micros()).unwrap_or(if time.micros() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn civil(wall: Wall) -> DateTime {
    Offset::UTC.to_datetime(stamp(Time::from_micros(wall)))
}
