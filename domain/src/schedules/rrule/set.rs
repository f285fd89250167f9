//! Rules and dates together, less what is excepted (`dateutil.rrule.rruleset`).

use super::RRule;
use super::iter::Walls;
use crate::schedules::steps::{Steps, TooManySteps};

/// Several sorted sources as one, each value once.
#[derive(Debug)]
struct Sources<'r> {
    steps: &'r Steps,
    rules: Vec<(Walls<'r>, Option<i64>)>,
    dates: std::vec::IntoIter<i64>,
    date: Option<i64>,
}

impl<'r> Sources<'r> {
    fn new(
        rules: &'r [super::Rule],
        dates: &[i64],
        (from, horizon): (i64, i64),
        steps: &'r Steps,
    ) -> Result<Self, TooManySteps> {
        steps.take(dates.len() + rules.len())?;
        let mut sorted = dates.to_vec();
        sorted.sort_unstable();
        let mut dates = sorted.into_iter();
        let date = dates.next();
        let mut begun = Vec::new();
        for rule in rules {
            let mut walls = Walls::new(rule, from, horizon, steps)?;
            let first = walls.next()?;
            begun.push((walls, first));
        }
        Ok(Self { steps, rules: begun, dates, date })
    }

    fn first(&self) -> Option<i64> {
        self.rules.iter().filter_map(|(_, first)| *first).chain(self.date).min()
    }

    /// Takes the first value out of every source that has it.
    fn pop(&mut self) -> Result<Option<i64>, TooManySteps> {
        // Every source is looked at.
        self.steps.take(self.rules.len() / 8)?;
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
    span: (i64, i64),
    steps: &'r Steps,
    /// Begun with the first question, which may fail.
    sources: Option<(Sources<'r>, Sources<'r>)>,
}

impl<'r> Merged<'r> {
    /// Walls from about `from` on, in seconds, until `horizon`.
    pub fn new(rule: &'r RRule, from: i64, horizon: i64, steps: &'r Steps) -> Self {
        Self { rule, span: (from, horizon), steps, sources: None }
    }

    pub fn next(&mut self) -> Result<Option<i64>, TooManySteps> {
        let (span, steps) = (self.span, self.steps);
        let (wanted, excepted) = match &mut self.sources {
            Some(sources) => sources,
            none => {
                let RRule { rules, dates, except_rules, except_dates, .. } = self.rule;
                none.insert((
                    Sources::new(rules, dates, span, steps)?,
                    Sources::new(except_rules, except_dates, span, steps)?,
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
