//! Rules and dates together, less what is excepted (`dateutil.rrule.rruleset`).

use super::iter::Walls;
use super::{RRule, TooManySteps};

/// Several sorted sources as one, each value once.
#[derive(Debug)]
struct Sources<'r> {
    rules: Vec<(Walls<'r>, Option<i64>)>,
    dates: std::vec::IntoIter<i64>,
    date: Option<i64>,
}

impl<'r> Sources<'r> {
    fn new(rules: &'r [super::Rule], dates: &[i64], from: i64, horizon: i64, steps: u64) -> Result<Self, TooManySteps> {
        let mut sorted = dates.to_vec();
        sorted.sort_unstable();
        let mut dates = sorted.into_iter();
        let date = dates.next();
        let mut begun = Vec::new();
        for rule in rules {
            let mut walls = Walls::new(rule, from, horizon, steps);
            let first = walls.next()?;
            begun.push((walls, first));
        }
        Ok(Self { rules: begun, dates, date })
    }

    fn first(&self) -> Option<i64> {
        self.rules.iter().filter_map(|(_, first)| *first).chain(self.date).min()
    }

    /// Takes the first value out of every source that has it.
    fn pop(&mut self) -> Result<Option<i64>, TooManySteps> {
        let Some(first) = self.first() else { return Ok(None) };
        for (walls, head) in &mut self.rules {
            while *head == Some(first) {
                *head = walls.next()?;
            }
        }
        while self.date == Some(first) {
            self.date = self.dates.next();
        }
        Ok(Some(first))
    }
}

#[derive(Debug)]
pub struct Merged<'r> {
    rule: &'r RRule,
    span: (i64, i64, u64),
    /// Begun with the first question, which may fail.
    sources: Option<(Sources<'r>, Sources<'r>)>,
}

impl<'r> Merged<'r> {
    /// Walls from about `from` on, in seconds; each rule may take so many steps.
    pub fn new(rule: &'r RRule, from: i64, horizon: i64, steps: u64) -> Self {
        Self { rule, span: (from, horizon, steps), sources: None }
    }

    pub fn next(&mut self) -> Result<Option<i64>, TooManySteps> {
        let (from, horizon, steps) = self.span;
        let (wanted, excepted) = match &mut self.sources {
            Some(sources) => sources,
            none => {
                let RRule { rules, dates, except_rules, except_dates, .. } = self.rule;
                none.insert((
                    Sources::new(rules, dates, from, horizon, steps)?,
                    Sources::new(except_rules, except_dates, from, horizon, steps)?,
                ))
            }
        };
        while let Some(wall) = wanted.pop()? {
            while excepted.first().is_some_and(|first| first < wall) {
                excepted.pop()?;
            }
            if excepted.first() != Some(wall) {
                return Ok(Some(wall));
            }
        }
        Ok(None)
    }
}
