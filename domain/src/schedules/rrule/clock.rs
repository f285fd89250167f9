//! When a clock shows a wall, as `dateutil` thinks (`tz.tzfile`). It reads the history of a zone up to 2037 and knows
//! no changes after that; and an hour that a clock skips is to it one of the time before, so 02:30 of such a night is
//! 01:30 of the same, where other libraries say 03:30.

use wire::Time;

use crate::schedules::calendar::day_number;
use crate::schedules::zone::{DAY, Wall, Zone};

#[derive(Debug)]
struct Change {
    /// From this wall on, by `dateutil`'s reckoning.
    wall: Wall,
    offset: i64,
    summer: bool,
}

#[derive(Debug)]
pub struct DateutilClock {
    changes: Vec<Change>,
    /// Before the first change, and after the last.
    first: i64,
    standard: i64,
}

impl DateutilClock {
    pub fn of(zone: &Zone) -> Self {
        let history = zone.history(Time::from_micros(day_number(2038, 1, 1) * DAY));
        let mut changes: Vec<Change> = Vec::with_capacity(history.len());
        let (mut last_summer, mut last_offset, mut last_summer_offset, mut last_base) = (None::<bool>, 0, 0, None);
        for (transition, summer) in &history {
            let offset = transition.after;
            let mut summer_offset = 0;
            if let (Some(was_summer), true) = (last_summer, *summer) {
                if !was_summer {
                    summer_offset = offset - last_offset;
                }
                if summer_offset == 0 {
                    summer_offset = last_summer_offset;
                }
                last_summer_offset = summer_offset;
            }
            let base = offset - summer_offset;
            let adjustment = match last_base {
                Some(last) if last != base && last_summer != Some(*summer) => last,
                _ => base,
            };
            (last_summer, last_offset, last_base) = (Some(*summer), offset, Some(base));
            changes.push(Change { wall: transition.at.micros() + adjustment, offset, summer: *summer });
        }
        let standard = changes.iter().rev().find(|change| !change.summer).or(changes.last());
        let fixed = zone.offset(Time::from_micros(0));
        let standard = standard.map_or(fixed, |change| change.offset);
        let first = history.first().map_or(fixed, |(transition, _)| transition.before);
        Self { changes, first, standard }
    }

    /// Of a wall that a clock shows twice, the first instant.
    pub fn instant(&self, wall: Wall) -> Time {
        let after = self.changes.partition_point(|change| change.wall <= wall);
        let Some(at) = after.checked_sub(1) else { return Time::from_micros(wall - self.first) };
        let (now, before) = (self.offset(Some(at)), self.offset(at.checked_sub(1)));
        let shown_twice = at > 0 && wall < self.changes[at].wall + before - now;
        Time::from_micros(wall - if shown_twice { before } else { now })
    }

    /// The first wall and the last that may be shown at an instant.
    pub fn walls_about(&self, time: Time) -> (Wall, Wall) {
        let micros = time.micros();
        let at = |wall: Wall| self.changes.partition_point(|change| change.wall <= wall);
        // No offset is a day or more, but for a few old ones of a little more.
        let (first, last) = (at(micros - 2 * DAY).saturating_sub(2), at(micros + 2 * DAY));
        let offsets = (first..=last).map(|at| self.offset(at.checked_sub(1)));
        let (mut least, mut most) = (self.offset(first.checked_sub(1)), self.offset(first.checked_sub(1)));
        for offset in offsets {
            (least, most) = (least.min(offset), most.max(offset));
        }
        (micros + least, micros + most)
    }

    fn offset(&self, at: Option<usize>) -> i64 {
        match at {
            None => self.first,
            Some(at) if at + 1 >= self.changes.len() => self.standard,
            Some(at) => self.changes[at].offset,
        }
    }
}
