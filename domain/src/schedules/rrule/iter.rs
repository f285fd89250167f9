//! Counting one rule (`dateutil.rrule.rrule._iter`): period by period the days it may have, those that its parts admit,
//! and the times of each.

use std::collections::VecDeque;

use super::parse::gcd;
use super::skip::{Skipped, skipped};
use super::week_numbers::{easter, mask};
use super::{Frequency, Rule};
use crate::schedules::calendar::{LAST_YEAR, date, day_number, days_in_month, days_in_year, weekday};
use crate::schedules::steps::{Steps, TooManySteps};

/// What is the same for all days of a year, or of a month.
#[derive(Debug, Default)]
struct Masks {
    year: i64,
    weeks: Vec<bool>,
    /// Day numbers, sorted.
    nth: Vec<i64>,
}

#[derive(Debug)]
pub struct Walls<'r> {
    rule: &'r Rule,
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    weekday: i64,
    times: Vec<i64>,
    masks: Masks,
    ready: VecDeque<i64>,
    left: Option<i64>,
    /// Nothing after this wall is wanted.
    horizon: i64,
    steps: &'r Steps,
    over: bool,
}

impl<'r> Walls<'r> {
    /// Walls from about `from` on, until `horizon`. All in seconds.
    pub fn new(rule: &'r Rule, from: i64, horizon: i64, steps: &'r Steps) -> Result<Self, TooManySteps> {
        let Skipped { seconds, months, counted } = skipped(rule, from);
        let begin = rule.start + seconds;
        let (year, month, day) = date(begin.div_euclid(86_400));
        let (year, month) = (year + (month - 1 + months).div_euclid(12), (month - 1 + months).rem_euclid(12) + 1);
        let second = begin.rem_euclid(86_400);
        let mut walls = Self {
            rule,
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            weekday: weekday(begin.div_euclid(86_400)),
            times: Vec::new(),
            masks: Masks::default(),
            ready: VecDeque::new(),
            left: rule.count.map(|count| count.saturating_sub(counted)),
            horizon,
            steps,
            over: false,
        };
        walls.masks = walls.masks_now()?;
        let admitted = |values: &Option<Vec<i64>>, level: Frequency, now: i64| {
            rule.frequency < level || values.as_ref().is_none_or(|values| values.contains(&now))
        };
        if admitted(&rule.hours, Frequency::Hourly, walls.hour)
            && admitted(&rule.minutes, Frequency::Minutely, walls.minute)
            && admitted(&rule.seconds, Frequency::Secondly, walls.second)
        {
            walls.times = walls.times_now();
        }
        Ok(walls)
    }

    pub fn next(&mut self) -> Result<Option<i64>, TooManySteps> {
        loop {
            if let Some(wall) = self.ready.pop_front() {
                return Ok(Some(wall));
            }
            if self.over {
                return Ok(None);
            }
            self.period()?;
        }
    }

    /// One period of the rule's frequency.
    fn period(&mut self) -> Result<(), TooManySteps> {
        let (first, last) = self.days();
        if first * 86_400 > self.horizon {
            self.over = true;
            return Ok(());
        }
        self.steps.take(1 + usize::try_from(last - first).unwrap_or(0) / 4)?;
        let days: Vec<i64> = (first..last).filter(|day| self.admits(*day)).collect();
        let filtered = i64::try_from(days.len()) != Ok(last - first);
        match self.rule.set_positions.is_empty() || self.times.is_empty() {
            true => self.offer_all(&days)?,
            false => self.offer_positions(&days)?,
        }
        if !self.over {
            self.advance(filtered)?;
        }
        Ok(())
    }

    /// Day numbers of the period, the end not included.
    fn days(&self) -> (i64, i64) {
        match self.rule.frequency {
            Frequency::Yearly => (day_number(self.year, 1, 1), day_number(self.year + 1, 1, 1)),
            Frequency::Monthly => {
                let first = day_number(self.year, self.month, 1);
                (first, first + days_in_month(self.year, self.month))
            }
            Frequency::Weekly => {
                let first = day_number(self.year, self.month, self.day);
                let until_next = (self.rule.week_start - weekday(first)).rem_euclid(7);
                (first, first + if until_next == 0 { 7 } else { until_next })
            }
            _ => {
                let first = day_number(self.year, self.month, self.day);
                (first, first + 1)
            }
        }
    }

    fn admits(&self, number: i64) -> bool {
        let rule = self.rule;
        let has = |values: &[i64], value: i64| values.binary_search(&value).is_ok();
        let fits = |values: &[i64], value: i64| values.is_empty() || has(values, value);
        let (year, month, day) = date(number);
        let by_month_day = || {
            let none = rule.month_days.is_empty() && rule.month_days_from_end.is_empty();
            none || has(&rule.month_days, day) || has(&rule.month_days_from_end, day - days_in_month(year, month) - 1)
        };
        let by_year_day = || {
            let of_year = number - day_number(year, 1, 1) + 1;
            fits(&rule.year_days, of_year) || has(&rule.year_days, of_year - days_in_year(year) - 1)
        };
        // A week that goes over into the next year is judged by the year it began in.
        let by_week = || {
            let at = usize::try_from(number - day_number(self.masks.year, 1, 1)).ok();
            rule.week_numbers.is_empty() || at.and_then(|at| self.masks.weeks.get(at)) == Some(&true)
        };
        let by_easter = || rule.easters.is_empty() || has(&rule.easters, number - easter(self.masks.year));
        fits(&rule.months, month)
            && by_week()
            && fits(&rule.weekdays, weekday(number))
            && (rule.nth_weekdays.is_empty() || has(&self.masks.nth, number))
            && by_easter()
            && by_month_day()
            && by_year_day()
    }

    fn offer_all(&mut self, days: &[i64]) -> Result<(), TooManySteps> {
        for day in days {
            for at in 0..self.times.len() {
                self.steps.take(1)?;
                self.offer(day * 86_400 + self.times[at]);
                if self.over {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn offer_positions(&mut self, days: &[i64]) -> Result<(), TooManySteps> {
        self.steps.take(self.rule.set_positions.len() / 8)?;
        let length = i64::try_from(self.times.len()).unwrap_or(i64::MAX);
        let mut chosen = Vec::new();
        for position in &self.rule.set_positions {
            let position = if *position < 0 { *position } else { position - 1 };
            let (day, time) = (position.div_euclid(length), position.rem_euclid(length));
            // Negative positions count from the end.
            let day = if day < 0 { i64::try_from(days.len()).unwrap_or(0) + day } else { day };
            let day = usize::try_from(day).ok().and_then(|day| days.get(day));
            let time = usize::try_from(time).ok().and_then(|time| self.times.get(time));
            if let (Some(day), Some(time)) = (day, time) {
                chosen.push(day * 86_400 + time);
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        for wall in chosen {
            self.offer(wall);
            if self.over {
                break;
            }
        }
        Ok(())
    }

    fn offer(&mut self, wall: i64) {
        if self.rule.until.is_some_and(|until| wall > until) || wall > self.horizon {
            self.over = true;
        } else if wall >= self.rule.start {
            match &mut self.left {
                Some(left) if *left < 1 => {
                    self.over = true;
                    return;
                }
                Some(left) => *left -= 1,
                None => {}
            }
            self.ready.push_back(wall);
        }
    }

    /// To the next period. `filtered`: a day had none, so units of less than a day may go on to the next day.
    fn advance(&mut self, filtered: bool) -> Result<(), TooManySteps> {
        let interval = self.rule.interval;
        match self.rule.frequency {
            Frequency::Yearly => self.year = self.year.saturating_add(interval),
            Frequency::Monthly => {
                let months = (self.year * 12 + self.month - 1).saturating_add(interval);
                (self.year, self.month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
            }
            Frequency::Weekly => {
                let since = (self.weekday - self.rule.week_start).rem_euclid(7);
                self.weekday = self.rule.week_start;
                self.later(interval.saturating_mul(7) - since);
            }
            Frequency::Daily => self.later(interval),
            Frequency::Hourly => self.hours_on(filtered),
            Frequency::Minutely => self.minutes_on(filtered)?,
            Frequency::Secondly => self.seconds_on(filtered)?,
        }
        if self.year > LAST_YEAR {
            self.over = true;
            return Ok(());
        }
        if self.rule.frequency <= Frequency::Monthly || self.year != self.masks.year {
            self.masks = self.masks_now()?;
        }
        if self.rule.frequency >= Frequency::Hourly || self.times.is_empty() {
            self.times = self.times_now();
        }
        Ok(())
    }

    fn hours_on(&mut self, filtered: bool) {
        let interval = self.rule.interval;
        if filtered {
            self.hour += (23 - self.hour) / interval * interval;
        }
        let hours = self.rule.hours.as_deref();
        let (days, hour) = next_of(self.hour, interval, 24, hours);
        self.hour = hour;
        self.later(days);
    }

    fn minutes_on(&mut self, filtered: bool) -> Result<(), TooManySteps> {
        let interval = self.rule.interval;
        if filtered {
            self.minute += (1439 - (self.hour * 60 + self.minute)) / interval * interval;
        }
        for _ in 0..1440 / gcd(interval, 1440) {
            if !fits(&self.rule.hours, self.hour) {
                self.minute += (59 - self.minute).max(0) / interval * interval;
            }
            let (hours, minute) = next_of(self.minute, interval, 60, self.rule.minutes.as_deref());
            self.minute = minute;
            let hour = self.hour + hours;
            self.hour = hour.rem_euclid(24);
            self.later(hour.div_euclid(24));
            if self.over || fits(&self.rule.hours, self.hour) {
                return Ok(());
            }
            self.steps.take(1)?;
        }
        // The interval never comes to one of the hours.
        self.over = true;
        Ok(())
    }

    fn seconds_on(&mut self, filtered: bool) -> Result<(), TooManySteps> {
        let rule = self.rule;
        let interval = rule.interval;
        if filtered {
            let of_day = self.hour * 3600 + self.minute * 60 + self.second;
            self.second += (86_399 - of_day) / interval * interval;
        }
        for _ in 0..86_400 / gcd(interval, 86_400) {
            // What is left of an hour or a minute that is not admitted is passed over.
            let left = match (fits(&rule.hours, self.hour), fits(&rule.minutes, self.minute)) {
                (false, _) => 3599 - (self.minute * 60 + self.second),
                (true, false) => 59 - self.second,
                (true, true) => 0,
            };
            self.second += left.max(0) / interval * interval;
            let (minutes, second) = next_of(self.second, interval, 60, rule.seconds.as_deref());
            self.second = second;
            let minute = self.minute + minutes;
            self.minute = minute.rem_euclid(60);
            let hour = self.hour + minute.div_euclid(60);
            self.hour = hour.rem_euclid(24);
            self.later(hour.div_euclid(24));
            if self.over || fits(&rule.hours, self.hour) && fits(&rule.minutes, self.minute) {
                return Ok(());
            }
            self.steps.take(1)?;
        }
        self.over = true;
        Ok(())
    }

    fn later(&mut self, days: i64) {
        let number = day_number(self.year, self.month, self.day).saturating_add(days);
        if number >= day_number(LAST_YEAR + 1, 1, 1) || number > self.horizon.div_euclid(86_400) {
            self.over = true;
            return;
        }
        (self.year, self.month, self.day) = date(number);
    }

    fn masks_now(&self) -> Result<Masks, TooManySteps> {
        let rule = self.rule;
        let weeks = if rule.week_numbers.is_empty() { Vec::new() } else { mask(rule, self.year) };
        let month = |month: i64| {
            let first = day_number(self.year, month, 1);
            (first, first + days_in_month(self.year, month))
        };
        let ranges = match rule.frequency {
            _ if rule.nth_weekdays.is_empty() => Vec::new(),
            Frequency::Yearly if rule.months.is_empty() => {
                vec![(day_number(self.year, 1, 1), day_number(self.year + 1, 1, 1))]
            }
            Frequency::Yearly => rule.months.iter().map(|number| month(*number)).collect(),
            Frequency::Monthly => vec![month(self.month)],
            _ => Vec::new(),
        };
        self.steps.take((rule.week_numbers.len() + ranges.len() * rule.nth_weekdays.len()) / 8)?;
        let mut nth = Vec::new();
        for (first, end) in ranges {
            for (day, n) in &rule.nth_weekdays {
                let found = match *n < 0 {
                    true => {
                        let from = end - 1 + (n + 1) * 7;
                        from - (weekday(from) - day).rem_euclid(7)
                    }
                    false => {
                        let from = first + (n - 1) * 7;
                        from + (day - weekday(from)).rem_euclid(7)
                    }
                };
                if (first..end).contains(&found) {
                    nth.push(found);
                }
            }
        }
        nth.sort_unstable();
        Ok(Masks { year: self.year, weeks, nth })
    }

    /// Seconds of the day, sorted.
    fn times_now(&self) -> Vec<i64> {
        let rule = self.rule;
        let of = |level: Frequency, values: &Option<Vec<i64>>, now: i64| match values {
            Some(values) if rule.frequency < level => values.clone(),
            _ => vec![now],
        };
        let hours = of(Frequency::Hourly, &rule.hours, self.hour);
        let minutes = of(Frequency::Minutely, &rule.minutes, self.minute);
        let seconds = of(Frequency::Secondly, &rule.seconds, self.second);
        let mut times = Vec::with_capacity(hours.len() * minutes.len() * seconds.len());
        for hour in &hours {
            for minute in &minutes {
                times.extend(seconds.iter().map(|second| hour * 3600 + minute * 60 + second));
            }
        }
        times.sort_unstable();
        times
    }
}

/// The next value of a unit, and how many of the next larger unit went by. Some value is reached: `parse::reachable`.
fn next_of(now: i64, interval: i64, base: i64, values: Option<&[i64]>) -> (i64, i64) {
    let mut value = now;
    let mut carried = 0;
    for _ in 0..base {
        let sum = value.saturating_add(interval);
        carried += sum.div_euclid(base);
        value = sum.rem_euclid(base);
        if values.is_none_or(|values| values.contains(&value)) {
            break;
        }
    }
    (carried, value)
}

fn fits(values: &Option<Vec<i64>>, now: i64) -> bool {
    values.as_ref().is_none_or(|values| values.binary_search(&now).is_ok())
}
