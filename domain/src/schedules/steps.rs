//! How far an answer about dates may count. Whoever writes a schedule decides how much there is to count, and it is counted
//! anew in every pass, so there is a bound: in steps, that the same schedule is always answered or never.

use std::cell::Cell;

/// Steps of one answer: rules of years, months and days need some thousands for a century, those of seconds one or two for
/// each date. It is a few milliseconds' work.
pub const MOST_STEPS: u64 = 50_000;
/// Steps of all schedules together that are sent at once.
const MOST_AT_ONCE: u64 = 5 * MOST_STEPS;

/// What is left of an answer's steps, for all that count for it.
#[derive(Debug)]
pub struct Steps(Cell<u64>);

impl Steps {
    pub fn of_an_answer() -> Self {
        Self(Cell::new(MOST_STEPS))
    }

    /// For schedules that are sent at once.
    pub(super) fn at_once() -> Self {
        Self(Cell::new(MOST_AT_ONCE))
    }

    /// As many of them as one answer may take.
    pub(super) fn one_of_many(&self) -> Self {
        Self(Cell::new(MOST_STEPS.min(self.0.get())))
    }

    pub fn take(&self, steps: usize) -> Result<(), TooManySteps> {
        let left = self.0.get().checked_sub(steps as u64);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(TooManySteps)
    }

    pub fn left(&self) -> u64 {
        self.0.get()
    }

    /// Those of an answer that were taken are gone here too.
    pub(super) fn settle(&self, answer: &Steps) {
        let taken = MOST_STEPS.min(self.0.get()) - answer.left();
        self.0.set(self.0.get() - taken);
    }
}

/// Dates that would be counted for too long.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "its dates take too many steps to count; give rules a later DTSTART, a smaller COUNT, fewer exclusions, or use fewer of them"
)]
pub struct TooManySteps;
