//! Reading an expression, column by column, each a list of values, ranges and steps. Digits are those of ASCII; Python knows
//! more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::{Cron, Field, Nth};

/// Why a text is no expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NotCron {
    Invalid,
    TooLong(usize),
    /// An expression of a moment of its own choosing (`h`, `r`).
    Random,
}

#[derive(Clone, Copy, PartialEq)]
enum Column {
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
    Second,
    Year,
}

const COLUMNS: [Column; 7] =
    [Column::Minute, Column::Hour, Column::Day, Column::Month, Column::Weekday, Column::Second, Column::Year];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// `2#3`, `fri#1`, and `l5`.
static SPECIAL_WEEKDAY: LazyLock<Regex> = LazyLock::new(|| {
    let (days, months) = (WEEKDAYS.join("|"), MONTHS.join("|"));
    let days_or_months = format!(r"(?:{days})(?:-(?:{days}))?|(?:{months})(?:-(?:{months}))?");
    Regex::new(&format!(r"^(?:(?P<which>{days_or_months}|\w+)#|l)(?P<number>[0-9]+)$")).expect("a constant")
});
static CHOSEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(h|r)(\([0-9]+-[0-9]+\))?(/[0-9]+)?$").expect("a constant"));

/// A value of a column while it is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Any,
    Number(i64),
    Last,
}

struct Range {
    low: i64,
    high: i64,
    step: i64,
}

pub fn parse(text: &str) -> Result<Cron, NotCron> {
    let lower = text.to_lowercase();
    let columns: Vec<&str> = alias(&lower).split_whitespace().collect();
    if !(5..=7).contains(&columns.len()) {
        return Err(NotCron::Invalid);
    }
    let mut nth = BTreeMap::new();
    let mut fields = Vec::new();
    for (column, text) in COLUMNS.into_iter().zip(&columns) {
        let values = Reader { column, columns: &columns, nth: &mut nth }.read(text)?;
        fields.push(field(column, &columns, &values));
    }
    let mut fields = fields.into_iter();
    let mut next = || fields.next();
    let missing = || NotCron::Invalid;
    let cron = Cron {
        minute: next().ok_or_else(missing)?,
        hour: next().ok_or_else(missing)?,
        day: next().ok_or_else(missing)?,
        month: next().ok_or_else(missing)?,
        weekday: next().ok_or_else(missing)?,
        second: next(),
        year: next(),
        nth: nth.into_iter().map(|(day, which)| (day, which.into_iter().collect())).collect(),
    };
    // Days by name and days by name and number do not mix, but for the whole week.
    let plain = cron.weekday.numbers.iter().any(|day| !cron.nth.contains_key(day));
    let values = cron.weekday.numbers.len() + usize::from(cron.weekday.any);
    if !cron.nth.is_empty() && plain && values != 7 {
        return Err(NotCron::Invalid);
    }
    Ok(cron)
}

fn alias(text: &str) -> &str {
    match text {
        "@midnight" | "@daily" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        other => other,
    }
}

/// A column that admits all is as good as `*`, but for days where the other kind of days is restricted: then it matters
/// that it was written out.
fn field(column: Column, columns: &[&str], values: &BTreeSet<Value>) -> Field {
    let all = match column {
        Column::Minute | Column::Second => 60,
        Column::Hour => 24,
        Column::Day => 31,
        Column::Month => 12,
        Column::Weekday => 7,
        Column::Year => 130,
    };
    let written_out = match column {
        Column::Day => !columns[4].contains('*'),
        Column::Weekday => !columns[2].contains('*'),
        _ => false,
    };
    if values.len() == all && !written_out {
        return Field { any: true, ..Field::default() };
    }
    let numbers = values.iter().filter_map(|value| match value {
        Value::Number(number) => Some(*number),
        _ => None,
    });
    Field { any: values.contains(&Value::Any), last: values.contains(&Value::Last), numbers: numbers.collect() }
}

struct Reader<'a> {
    column: Column,
    columns: &'a [&'a str],
    nth: &'a mut BTreeMap<i64, BTreeSet<Nth>>,
}

impl Reader<'_> {
    fn read(&mut self, text: &str) -> Result<BTreeSet<Value>, NotCron> {
        if let Some(chosen) = CHOSEN.captures(text) {
            return Err(if &chosen[1] == "r" { NotCron::Random } else { NotCron::Invalid });
        }
        let text = match text {
            "?" if matches!(self.column, Column::Day | Column::Weekday) => "*",
            text if text.contains('?') => return Err(NotCron::Invalid),
            text => text,
        };
        let mut values = BTreeSet::new();
        for part in text.split(',') {
            self.part(part, &mut values)?;
        }
        Ok(values)
    }

    fn part(&mut self, part: &str, values: &mut BTreeSet<Value>) -> Result<(), NotCron> {
        let (text, nth) = match SPECIAL_WEEKDAY.captures(part) {
            Some(special) if self.column == Column::Weekday => {
                let number: usize = special["number"].parse().map_err(|_| NotCron::Invalid)?;
                match special.name("which") {
                    Some(which) if (1..=5).contains(&number) => (which.as_str().to_owned(), Some(Nth::Number(number))),
                    Some(_) => return Err(NotCron::Invalid),
                    None => (special["number"].to_owned(), Some(Nth::Last)),
                }
            }
            _ => (part.to_owned(), None),
        };
        let Some(range) = self.range(&text)? else {
            values.insert(self.value(&text, nth)?);
            return Ok(());
        };
        for number in self.numbers(&range)? {
            // A range may begin below the column's values: month 0.
            values.insert(self.value(&number.to_string(), nth)?);
        }
        Ok(())
    }

    /// `*/5` is the column's range, `10/5` begins at ten.
    fn range(&self, text: &str) -> Result<Option<Range>, NotCron> {
        let (min, max) = self.bounds();
        let whole = text.strip_prefix("*/").filter(|step| !step.is_empty()).map(|step| format!("{min}-{max}/{step}"));
        let begun = || {
            let (low, step) = text.rsplit_once('/').filter(|(low, step)| !low.is_empty() && !step.is_empty())?;
            Some(format!("{low}-{max}/{step}"))
        };
        let written = whole.as_deref().unwrap_or(text);
        let Some((low, high, step)) =
            split(written).map(owned).or_else(|| begun().as_deref().and_then(split).map(owned))
        else {
            return Ok(None);
        };
        let high = if self.column == Column::Day && high == "l" { "31".to_owned() } else { high };
        let (low, high) = (self.alias(self.number(&low)?), self.alias(self.number(&high)?));
        let step = step.map_or(1, |step| step.parse().unwrap_or(i64::MAX));
        match low.max(high) > max || step == 0 {
            true => Err(NotCron::Invalid),
            false => Ok(Some(Range { low, high, step })),
        }
    }

    fn numbers(&self, range: &Range) -> Result<Vec<i64>, NotCron> {
        let (min, max) = self.bounds();
        let Range { low, high, step } = *range;
        let stepped = |from: i64, to: i64| (from..=to).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        if low == high {
            return Ok(stepped(min, max).collect());
        }
        if low < high {
            return Ok(stepped(low, high).collect());
        }
        // Over the end: the steps go on from the beginning.
        let mut numbers: Vec<i64> = stepped(low, max).collect();
        let left = max - numbers.last().copied().unwrap_or(max);
        // One more than the step asks for, as the reference counts.
        let skip = if step > left + 1 { step - left } else { 0 };
        numbers.extend(stepped(min.saturating_add(skip), high));
        Ok(numbers)
    }

    fn value(&mut self, text: &str, nth: Option<Nth>) -> Result<Value, NotCron> {
        if text == "*" {
            return Ok(Value::Any);
        }
        if text == "l" && self.column == Column::Day {
            return Ok(Value::Last);
        }
        let (min, max) = self.bounds();
        let number = self.alias(self.number(text)?);
        if !(min..=max).contains(&number) {
            return Err(NotCron::Invalid);
        }
        if let (Column::Weekday, Some(nth)) = (self.column, nth) {
            self.nth.entry(number).or_default().insert(nth);
        }
        Ok(Value::Number(number))
    }

    fn bounds(&self) -> (i64, i64) {
        match self.column {
            Column::Minute | Column::Second => (0, 59),
            Column::Hour => (0, 23),
            Column::Day => (1, 31),
            Column::Month => (1, 12),
            Column::Weekday => (0, 6),
            Column::Year => (1970, 2099),
        }
    }

    fn number(&self, text: &str) -> Result<i64, NotCron> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map_err(|_| NotCron::Invalid);
        }
        let named = |names: &[&str], first: i64| {
            let at = names.iter().position(|name| *name == text)?;
            Some(first + i64::try_from(at).ok()?)
        };
        let number = match self.column {
            Column::Month => named(&MONTHS, 1),
            Column::Weekday => named(&WEEKDAYS, 0),
            _ => None,
        };
        number.ok_or(NotCron::Invalid)
    }

    /// Sunday may be 7 where there are five columns, and the first day 0 where there are six.
    fn alias(&self, number: i64) -> i64 {
        match (self.column, number, self.columns.len()) {
            (Column::Weekday, 7, 5) => 0,
            (Column::Day, 0, 6) => 1,
            _ => number,
        }
    }
}

/// `low-high` and `low-high/step`.
fn split(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (low, rest) = text.split_once('-')?;
    let (high, step) = match rest.split_once('/') {
        Some((high, step)) => (high, Some(step)),
        None => (rest, None),
    };
    let digits = |step: &str| !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit());
    let fits = !low.is_empty() && !high.is_empty() && !rest.contains('-') && step.is_none_or(digits);
    fits.then_some((low, high, step))
}

fn owned((low, high, step): (&str, &str, Option<&str>)) -> (String, String, Option<String>) {
    (low.to_owned(), high.to_owned(), step.map(str::to_owned))
}
