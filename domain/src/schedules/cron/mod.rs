//! Cron expressions in the dialect of croniter 6, which the reference brings along. Own code, because no crate speaks it:
//! seconds and years are a sixth and a seventh column *behind* the five, ranges run backwards over the end (`fri-mon`,
//! `apr-jan/3`), `5-5` is a whole cycle, `10/5` begins at ten, `l` counts in days of the month, `2#3` and `l5` in days of
//! the week, and day of month and day of week are joined by or, unless asked otherwise.

mod dates;
mod next;
mod parse;

use std::collections::BTreeMap;

pub(super) use dates::dates;
pub use next::Walls;
pub use parse::NotCron;

/// Bytes that a text may have: several times what all columns take with every value written out.
pub const LONGEST: usize = 6500;

/// One column: which values it admits.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Field {
    any: bool,
    /// Sorted.
    numbers: Vec<i64>,
    /// The last day of the month.
    last: bool,
}

/// Which of the days of a name in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Nth {
    Number(usize),
    Last,
}

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
    /// Absent with five columns: at second 0.
    second: Option<Field>,
    year: Option<Field>,
    /// Sunday is 0. Not empty: days of the week go by this and not by `weekday`.
    nth: BTreeMap<i64, Vec<Nth>>,
}

impl Cron {
    pub fn parse(text: &str) -> Result<Self, NotCron> {
        match text.len() {
            length if length > LONGEST => Err(NotCron::TooLong(length)),
            _ => parse::parse(text),
        }
    }

    /// What clocks show when it is due, from the first second after `after` on.
    pub fn walls<'c>(&'c self, after: super::zone::Wall, day_or: bool, steps: &'c super::steps::Steps) -> Walls<'c> {
        Walls::new(self, after, day_or, steps)
    }
}
