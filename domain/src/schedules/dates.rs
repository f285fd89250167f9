//! Which dates of a schedule are asked for, and the collection of them.

use std::collections::HashSet;
use std::ops::ControlFlow;

use wire::Time;

/// Dates that are looked at for one answer (reference: `MAX_ITERATIONS`).
pub(super) const MOST_CANDIDATES: usize = 1002;

/// What is wanted of a schedule: dates from `from` to `until`, both included, no more than `most`, and no more than it
/// takes to have `least` of them and to reach `reach`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    pub from: Time,
    pub until: Time,
    pub most: usize,
    pub least: usize,
    pub reach: Time,
}

impl Demand {
    /// All dates of a span, as far as one answer goes.
    pub fn all(from: Time, until: Time) -> Self {
        Self { from, until, most: usize::MAX, least: usize::MAX, reach: Time::MAX }
    }
}

/// The dates found so far.
#[derive(Debug)]
pub(super) struct Found<'d> {
    demand: &'d Demand,
    dates: Vec<Time>,
    seen: HashSet<i64>,
    looked: usize,
}

impl<'d> Found<'d> {
    pub fn new(demand: &'d Demand) -> Self {
        Self { demand, dates: Vec::new(), seen: HashSet::new(), looked: 0 }
    }

    /// Takes a candidate, unless one that is the same (`key`) was there; tells when it is enough.
    pub fn offer(&mut self, date: Time, key: i64) -> ControlFlow<()> {
        self.looked += 1;
        if self.seen.insert(key) {
            self.dates.push(date);
            if self.dates.len() >= self.demand.least && date >= self.demand.reach {
                return ControlFlow::Break(());
            }
        }
        self.go_on()
    }

    /// A candidate that is no date of the demand.
    pub fn skip(&mut self) -> ControlFlow<()> {
        self.looked += 1;
        self.go_on()
    }

    fn go_on(&self) -> ControlFlow<()> {
        match self.dates.len() >= self.demand.most.max(1) || self.looked >= MOST_CANDIDATES {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    pub fn into_dates(self) -> Vec<Time> {
        self.dates
    }
}
