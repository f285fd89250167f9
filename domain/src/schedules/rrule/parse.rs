//! Reading rules (`dateutil.rrule.rrulestr`): lines of properties, each a name, parameters and a value.

use regex::Regex;
use std::sync::LazyLock;

use super::stamp::{self, Stamp};
use super::{DEFAULT_START, Frequency, NotRule, RRule, Rule};
use crate::schedules::calendar::{date, weekday};
use crate::schedules::zone::{self, SECOND};

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

static ZONES: LazyLock<Regex> = LazyLock::new(|| Regex::new("TZID=([^:]+):").expect("a constant"));

pub fn parse(text: &str) -> Result<RRule, NotRule> {
    // Everything but the names of zones is the same in upper case.
    let zones: Vec<String> = ZONES.captures_iter(text).map(|found| found[1].to_owned()).collect();
    let upper = text.to_uppercase();
    let lines: Vec<&str> = upper.split_whitespace().collect();
    let [first, rest @ ..] = lines.as_slice() else { return Err(NotRule::Empty) };
    if rest.is_empty() && (!upper.contains(':') || upper.starts_with("RRULE:")) {
        return Ok(RRule { rules: vec![rule(first, None)?], single: true, ..RRule::default() });
    }
    let properties = properties(&lines, &zones)?;
    let rules = |texts: &[&str]| texts.iter().map(|text| rule(text, properties.start)).collect::<Result<Vec<_>, _>>();
    let parsed = RRule {
        rules: rules(&properties.rules)?,
        dates: properties.dates.iter().map(|date| date.wall).collect(),
        except_rules: rules(&properties.except_rules)?,
        except_dates: properties.except_dates.iter().map(|date| date.wall).collect(),
        single: properties.rules.len() == 1
            && properties.dates.is_empty()
            && properties.except_rules.is_empty()
            && properties.except_dates.is_empty(),
    };
    match parsed.rules.is_empty()
        && parsed.dates.is_empty()
        && parsed.except_rules.is_empty()
        && parsed.except_dates.is_empty()
    {
        true => Err(NotRule::Unusable("there is no RRULE")),
        false => Ok(parsed),
    }
}

#[derive(Default)]
struct Properties<'t> {
    start: Option<Stamp>,
    rules: Vec<&'t str>,
    dates: Vec<Stamp>,
    except_rules: Vec<&'t str>,
    except_dates: Vec<Stamp>,
}

fn properties<'t>(lines: &[&'t str], zones: &[String]) -> Result<Properties<'t>, NotRule> {
    let mut found = Properties::default();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or(("RRULE", line));
        let mut parameters = name.split(';');
        let name = parameters.next().unwrap_or_default();
        let unsupported =
            |property, parameter: &str| NotRule::UnknownParameter { property, parameter: parameter.into() };
        match name {
            "RRULE" | "EXRULE" => {
                let (property, list) = match name {
                    "RRULE" => ("RRULE", &mut found.rules),
                    _ => ("EXRULE", &mut found.except_rules),
                };
                if let Some(parameter) = parameters.next() {
                    return Err(unsupported(property, parameter));
                }
                list.push(value);
            }
            "RDATE" => {
                if let Some(parameter) = parameters.find(|parameter| *parameter != "VALUE=DATE-TIME") {
                    return Err(unsupported("RDATE", parameter));
                }
                for text in value.split(',') {
                    found.dates.push(stamp::read(text).ok_or_else(|| NotRule::NoDate(text.into()))?);
                }
            }
            "EXDATE" => found.except_dates.extend(dates(value, parameters, zones)?),
            "DTSTART" => {
                let dates = dates(value, parameters, zones)?;
                let [one] = dates.as_slice() else { return Err(NotRule::TwoStarts(value.into())) };
                found.start = Some(*one);
            }
            other => return Err(NotRule::UnknownProperty(other.into())),
        }
    }
    Ok(found)
}

fn dates<'t>(value: &str, parameters: impl Iterator<Item = &'t str>, zones: &[String]) -> Result<Vec<Stamp>, NotRule> {
    let (mut zoned, mut typed) = (false, false);
    for parameter in parameters {
        if let Some(name) = parameter.strip_prefix("TZID=") {
            let known = zones.iter().find(|zone| zone.to_uppercase() == name);
            zoned |= known.is_some_and(|name| zone::is_known(name));
        } else if !matches!(parameter, "VALUE=DATE-TIME" | "VALUE=DATE") {
            return Err(NotRule::UnknownDateParameter(parameter.into()));
        } else if std::mem::replace(&mut typed, true) {
            return Err(NotRule::TwoValueParameters(parameter.into()));
        }
    }
    let mut dates = Vec::new();
    for text in value.split(',') {
        let mut date = stamp::read(text).ok_or_else(|| NotRule::NoDate(text.into()))?;
        if zoned && date.zoned {
            return Err(NotRule::TwoZones);
        }
        date.zoned |= zoned;
        dates.push(date);
    }
    Ok(dates)
}

/// The parts of a rule as they were written.
#[derive(Default)]
struct Parts {
    frequency: Option<Frequency>,
    interval: Option<i64>,
    count: Option<i64>,
    until: Option<Stamp>,
    week_start: i64,
    set_positions: Option<Vec<i64>>,
    months: Option<Vec<i64>>,
    month_days: Option<Vec<i64>>,
    year_days: Option<Vec<i64>>,
    easters: Option<Vec<i64>>,
    week_numbers: Option<Vec<i64>>,
    weekdays: Option<Vec<(i64, Option<i64>)>>,
    hours: Option<Vec<i64>>,
    minutes: Option<Vec<i64>>,
    seconds: Option<Vec<i64>>,
}

fn rule(line: &str, start: Option<Stamp>) -> Result<Rule, NotRule> {
    let mut value = line;
    if let Some((name, after)) = line.split_once(':') {
        if after.contains(':') {
            return Err(NotRule::TooManyParts);
        }
        if name != "RRULE" {
            return Err(NotRule::UnknownName);
        }
        value = after;
    }
    let mut parts = Parts::default();
    for pair in value.split(';') {
        let (name, value) = pair.split_once('=').ok_or(NotRule::TooFewParts)?;
        if value.contains('=') {
            return Err(NotRule::TooManyParts);
        }
        parts.take(name, value)?;
    }
    if let (Some(start), Some(until)) = (start, parts.until)
        && start.zoned != until.zoned
    {
        return Err(NotRule::UntilWithoutZone);
    }
    parts.rule(start.map_or(DEFAULT_START / SECOND, |start| start.wall))
}

impl Parts {
    fn take(&mut self, name: &str, value: &str) -> Result<(), NotRule> {
        let invalid = || NotRule::InvalidPart { name: name.into(), value: value.into() };
        let int = || value.parse::<i64>().map_err(|_| invalid());
        let ints =
            || value.split(',').map(str::parse).collect::<Result<Vec<i64>, _>>().map(Some).map_err(|_| invalid());
        match name {
            "FREQ" => self.frequency = Some(frequency(value).ok_or_else(invalid)?),
            "INTERVAL" => self.interval = Some(int()?),
            "COUNT" => self.count = Some(int()?),
            "UNTIL" => self.until = Some(stamp::read(value).ok_or_else(invalid)?),
            "WKST" => self.week_start = named(value).ok_or_else(invalid)?,
            "BYSETPOS" => self.set_positions = ints()?,
            "BYMONTH" => self.months = ints()?,
            "BYMONTHDAY" => self.month_days = ints()?,
            "BYYEARDAY" => self.year_days = ints()?,
            "BYEASTER" => self.easters = ints()?,
            "BYWEEKNO" => self.week_numbers = ints()?,
            "BYDAY" | "BYWEEKDAY" => {
                let days = value.split(',').map(day).collect::<Option<Vec<_>>>();
                self.weekdays = Some(days.ok_or_else(invalid)?);
            }
            "BYHOUR" => self.hours = ints()?,
            "BYMINUTE" => self.minutes = ints()?,
            "BYSECOND" => self.seconds = ints()?,
            _ => return Err(NotRule::UnknownPart(name.into())),
        }
        Ok(())
    }

    /// Fills in what follows from the start (`dateutil.rrule.rrule.__init__`).
    fn rule(self, start: i64) -> Result<Rule, NotRule> {
        let frequency = self.frequency.ok_or(NotRule::Unusable("there is no FREQ"))?;
        let interval = self.interval.unwrap_or(1);
        if interval < 1 {
            return Err(NotRule::Unusable("INTERVAL must be 1 or more"));
        }
        if self.set_positions.iter().flatten().any(|at| *at == 0 || !(-366..=366).contains(at)) {
            return Err(NotRule::SetPosition);
        }
        let days_are_named = self.week_numbers.is_some()
            || self.year_days.is_some()
            || self.month_days.is_some()
            || self.weekdays.is_some()
            || self.easters.is_some();
        let (_, month, day) = date(start.div_euclid(86_400));
        let (mut months, mut month_days, mut weekdays) = (self.months, self.month_days, self.weekdays);
        match frequency {
            _ if days_are_named => {}
            Frequency::Yearly => {
                months.get_or_insert_with(|| vec![month]);
                month_days = Some(vec![day]);
            }
            Frequency::Monthly => month_days = Some(vec![day]),
            Frequency::Weekly => weekdays = Some(vec![(weekday(start.div_euclid(86_400)), None)]),
            _ => {}
        }
        let month_days = sorted(month_days.unwrap_or_default());
        let weekdays = weekdays.unwrap_or_default();
        // The nth of its name is a thing of months and years.
        let is_nth = |n: Option<i64>| n.is_some() && frequency <= Frequency::Monthly;
        let (nth, plain): (Vec<_>, Vec<_>) = weekdays.into_iter().partition(|(_, n)| is_nth(*n));
        let second_of_day = start.rem_euclid(86_400);
        let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        let times = |given: Option<Vec<i64>>, of_start: i64, level: Frequency, base: i64| match given {
            None => Ok((frequency < level).then(|| vec![of_start])),
            Some(given) if frequency == level => reachable(given, of_start, interval, base).map(Some),
            Some(given) => Ok(Some(sorted(given))),
        };
        let rule = Rule {
            frequency,
            start,
            interval,
            count: self.count,
            until: self.until.map(|until| until.wall),
            week_start: self.week_start,
            set_positions: sorted(self.set_positions.unwrap_or_default()),
            months: sorted(months.unwrap_or_default()),
            month_days: month_days.iter().copied().filter(|day| *day > 0).collect(),
            month_days_from_end: month_days.into_iter().filter(|day| *day < 0).collect(),
            year_days: sorted(self.year_days.unwrap_or_default()),
            easters: sorted(self.easters.unwrap_or_default()),
            week_numbers: sorted(self.week_numbers.unwrap_or_default()),
            weekdays: sorted(plain.into_iter().map(|(day, _)| day).collect()),
            // Later ones there are in no year.
            nth_weekdays: sorted(nth.into_iter().filter_map(|(day, n)| Some((day, n?.clamp(-60, 60)))).collect()),
            hours: times(self.hours, hour, Frequency::Hourly, 24)?,
            minutes: times(self.minutes, minute, Frequency::Minutely, 60)?,
            seconds: times(self.seconds, second, Frequency::Secondly, 60)?,
        };
        let out = |values: &Option<Vec<i64>>, most: i64| values.iter().flatten().any(|n| !(0..=most).contains(n));
        match () {
            () if out(&rule.hours, 23) => Err(NotRule::OutOfRange("hour must be in 0..23")),
            () if out(&rule.minutes, 59) => Err(NotRule::OutOfRange("minute must be in 0..59")),
            () if out(&rule.seconds, 59) => Err(NotRule::OutOfRange("second must be in 0..59")),
            () if rule.months.iter().any(|n| !(1..=12).contains(n)) => {
                Err(NotRule::Unusable("BYMONTH must be in 1..12"))
            }
            () if rule.easters.iter().any(|n| n.abs() > 366) => Err(NotRule::Unusable("BYEASTER must be in -366..366")),
            () => Ok(rule),
        }
    }
}

fn sorted<T: Ord>(mut numbers: Vec<T>) -> Vec<T> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Of the values of a rule's own unit, those that its interval ever comes to.
fn reachable(given: Vec<i64>, start: i64, interval: i64, base: i64) -> Result<Vec<i64>, NotRule> {
    let step = gcd(interval, base);
    let reached = sorted(given.into_iter().filter(|n| (n - start).rem_euclid(step) == 0).collect());
    if reached.is_empty() { Err(NotRule::EmptySet) } else { Ok(reached) }
}

pub fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn frequency(name: &str) -> Option<Frequency> {
    Some(match name {
        "YEARLY" => Frequency::Yearly,
        "MONTHLY" => Frequency::Monthly,
        "WEEKLY" => Frequency::Weekly,
        "DAILY" => Frequency::Daily,
        "HOURLY" => Frequency::Hourly,
        "MINUTELY" => Frequency::Minutely,
        "SECONDLY" => Frequency::Secondly,
        _ => return None,
    })
}

fn named(name: &str) -> Option<i64> {
    WEEKDAYS.iter().position(|day| *day == name).and_then(|at| i64::try_from(at).ok())
}

/// `MO`, `+1MO`, `-2FR`, `MO(+1)`.
fn day(text: &str) -> Option<(i64, Option<i64>)> {
    let (name, nth) = match text.split_once('(') {
        Some((name, nth)) => (name, Some(nth.strip_suffix(')')?.parse().ok()?)),
        None => {
            let at = text.find(|c: char| !matches!(c, '+' | '-' | '0'..='9'))?;
            let (nth, name) = text.split_at(at);
            (name, if nth.is_empty() { None } else { Some(nth.parse().ok()?) })
        }
    };
    (nth != Some(0)).then_some((named(name)?, nth))
}
