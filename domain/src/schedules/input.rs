//! Reading a schedule: an interval, a cron expression or a recurrence rule, told apart by which of them fits (reference:
//! the union `SCHEDULE_TYPES` of `server/schemas/schedules.py`). Where none fits, each says why.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use wire::{Described, Errors, Fields, Input, Json, Schema, Schemas, Time, TimeSpan};

use super::{Cron, CronSchedule, NewSchedule, NotCron, NotRule, RRule, RRuleSchedule, cron, rrule, zone};
use crate::policies::refuse;

/// Where an interval begins: an instant, answered with the offset that it was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    pub time: Time,
    /// Seconds ahead of UTC.
    pub offset: i32,
}

impl Anchor {
    pub fn utc(time: Time) -> Self {
        Self { time, offset: 0 }
    }

    fn of_text(text: &str, time: Time) -> Self {
        Self { time, offset: offset_of(text).unwrap_or(0) }
    }
}

/// Seconds of the offset at the end of a time's text.
fn offset_of(text: &str) -> Option<i32> {
    let at = text.rfind(['+', '-']).filter(|at| *at > 10)?;
    let digits = text[at + 1..].replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2)?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().unwrap_or(0) * 60;
    Some(if text[at..].starts_with('-') { -seconds } else { seconds })
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.offset == 0 {
            return self.time.fmt(f);
        }
        let shown = Time::from_micros(self.time.micros() + i64::from(self.offset) * 1_000_000).to_string();
        let (sign, minutes) = (if self.offset < 0 { '-' } else { '+' }, self.offset.abs() / 60);
        write!(f, "{}{sign}{:02}:{:02}", shown.trim_end_matches('Z'), minutes / 60, minutes % 60)
    }
}

impl Serialize for Anchor {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Reads what [`Serialize`] writes.
impl<'de> Deserialize<'de> for Anchor {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let time = Time::from_text(&text).ok_or_else(|| serde::de::Error::custom("no time"))?;
        Ok(Self::of_text(&text, time))
    }
}

impl Described for Anchor {
    fn schema(schemas: &mut Schemas) -> Schema {
        Time::schema(schemas)
    }
}

impl Input for Anchor {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let time = Time::parse(value, errors)?;
        Some(match value {
            Json::Str(text) => Self::of_text(text, time),
            _ => Self::utc(time),
        })
    }
}

type Reader = fn(&Json<'_>, &mut Errors) -> Option<NewSchedule>;

/// The members of the union, by the names the reference's complaints give them.
const MEMBERS: [(&str, Reader); 3] = [
    ("function-after[validate_timezone(), IntervalSchedule]", interval),
    ("function-after[validate_timezone(), CronSchedule]", expression),
    ("RRuleSchedule", recurrence),
];

impl Input for NewSchedule {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        if let Some(read) = MEMBERS.iter().find_map(|(_, read)| read(value, &mut Errors::default())) {
            return Some(read);
        }
        for (name, read) in MEMBERS {
            errors.at(name, |e| read(value, e));
        }
        None
    }
}

impl Described for NewSchedule {
    fn schema(schemas: &mut Schemas) -> Schema {
        let (span, anchor) = (TimeSpan::schema(schemas), Anchor::schema(schemas));
        let zone = |default: Option<&str>| {
            let mut zone = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
            if let Some(default) = default {
                zone["default"] = json!(default);
            }
            zone
        };
        let mut of = |name: &'static str, must: &str, fields: Schema| {
            schemas.named(name, |_| {
                json!({ "type": "object", "title": name, "properties": fields, "required": [must], "additionalProperties": false })
            })
        };
        let day_or = json!({ "type": "boolean", "default": true });
        json!({ "anyOf": [
            of("NewIntervalSchedule", "interval", json!({ "interval": span, "anchor_date": anchor, "timezone": zone(None) })),
            of("NewCronSchedule", "cron", json!({ "cron": { "type": "string" }, "timezone": zone(None), "day_or": day_or })),
            of("NewRRuleSchedule", "rrule", json!({ "rrule": { "type": "string" }, "timezone": zone(Some("UTC")) })),
        ] })
    }
}

fn interval(value: &Json<'_>, errors: &mut Errors) -> Option<NewSchedule> {
    let fields = Fields::of(value, errors)?;
    let interval = fields.take("interval", errors, None, |value, e| {
        let span = TimeSpan::parse(value, e)?;
        span.is_positive().then_some(span).or_else(|| {
            refuse(value, "interval must be positive", e);
            None
        })
    });
    let anchor_date = fields.take("anchor_date", errors, Some(|| None), |value, e| Anchor::parse(value, e).map(Some));
    let timezone = fields.take("timezone", errors, None, Option::<String>::parse);
    let clean = fields.forbid_extra(&["interval", "anchor_date", "timezone"], errors);
    let (interval, anchor_date, timezone) = (interval?, anchor_date?, timezone?);
    clean?;
    known(timezone.as_deref(), value, errors)?;
    Some(NewSchedule::Interval { interval, anchor_date, timezone })
}

fn expression(value: &Json<'_>, errors: &mut Errors) -> Option<NewSchedule> {
    let fields = Fields::of(value, errors)?;
    let cron = fields.take("cron", errors, None, |value, e| {
        let text = String::parse(value, e)?;
        let why = match Cron::parse(&text) {
            Ok(_) => return Some(text),
            Err(NotCron::Invalid) => format!("Invalid cron string: \"{text}\""),
            Err(NotCron::TooLong(length)) => {
                format!("Invalid cron string: max length is {}, got {length}", cron::LONGEST)
            }
            Err(NotCron::Random) => format!("Random and Hashed expressions are unsupported, received: \"{text}\""),
        };
        refuse(value, &why, e);
        None
    });
    let timezone = fields.take("timezone", errors, None, Option::<String>::parse);
    let day_or = fields.take("day_or", errors, Some(|| true), bool::parse);
    let clean = fields.forbid_extra(&["cron", "timezone", "day_or"], errors);
    let (cron, timezone, day_or) = (cron?, timezone?, day_or?);
    clean?;
    known(timezone.as_deref(), value, errors)?;
    Some(NewSchedule::Cron(CronSchedule { cron, timezone, day_or }))
}

fn recurrence(value: &Json<'_>, errors: &mut Errors) -> Option<NewSchedule> {
    let fields = Fields::of(value, errors)?;
    let rule = fields.take("rrule", errors, None, |value, e| {
        let text = String::parse(value, e)?;
        let why = match RRule::parse(&text) {
            Ok(_) => return Some(text),
            Err(NotRule::TooLong(length)) => {
                let begin: String = text.chars().take(40).collect();
                format!("Invalid RRule string \"{begin}...\"\nMax length is {}, got {length}", rrule::LONGEST)
            }
            Err(why) => format!("Invalid RRule string \"{text}\": {why}"),
        };
        refuse(value, &why, e);
        None
    });
    let timezone = fields.take("timezone", errors, Some(|| Some("UTC".to_owned())), |value, e| {
        let Some(name) = Option::<String>::parse(value, e)? else { return Some(None) };
        if zone::is_known(&name) {
            return Some(Some(name));
        }
        let pattern = zone::names().join("|");
        let msg = format!("String should match pattern '{pattern}'");
        e.push_with("string_pattern_mismatch", msg, value, Some(json!({ "pattern": pattern })));
        None
    });
    let clean = fields.forbid_extra(&["rrule", "timezone"], errors);
    let (rrule, timezone) = (rule?, timezone?);
    clean?;
    Some(NewSchedule::RRule(RRuleSchedule { rrule, timezone }))
}

/// An empty name is no zone, which is as good as none.
fn known(timezone: Option<&str>, schedule: &Json<'_>, errors: &mut Errors) -> Option<()> {
    match timezone {
        Some(name) if !name.is_empty() && !zone::is_known(name) => {
            let example = "(specify in IANA tzdata format, for example, America/New_York)";
            refuse(schedule, &format!("Invalid timezone: \"{name}\" {example}"), errors);
            None
        }
        _ => Some(()),
    }
}
