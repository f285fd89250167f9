//! Schedules of deployments: what clients send of them ([`NewSchedule`]), what is kept ([`Schedule`]), and their dates.
//!
//! Dates equal the reference's to the second, in every zone and over every change of the clock: `tests.rs` compares them
//! with recorded ones.

mod calendar;
pub mod changes;
mod cron;
mod dates;
mod input;
mod interval;
mod models;
mod rrule;
mod runs;
mod steps;
#[cfg(test)]
mod tests;
mod zone;

use serde::{Deserialize, Serialize};
use wire::{Described, Output, Schemas, Time, TimeSpan};

pub use cron::{Cron, NotCron};
pub use dates::Demand;
pub use input::Anchor;
pub use models::{DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate, MOST_SCHEDULED_RUNS};
pub use rrule::{NotRule, RRule};
pub use runs::{Horizon, LOOP_SECONDS, idempotency_key};
use steps::Steps;
pub use steps::TooManySteps;
use zone::Zone;

/// A schedule as it is kept and answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Schedule {
    Interval(IntervalSchedule),
    Cron(CronSchedule),
    RRule(RRuleSchedule),
}

/// Dates at a distance from each other, counted from an anchor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntervalSchedule {
    pub interval: TimeSpan,
    pub anchor_date: Anchor,
    pub timezone: Option<String>,
}

/// Dates that a cron expression admits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Output)]
#[serde(deny_unknown_fields)]
#[input(forbid_extra)]
pub struct CronSchedule {
    pub cron: String,
    pub timezone: Option<String>,
    /// Whether a date is due that fits day of month or day of week; else both must fit.
    pub day_or: bool,
}

/// Dates of recurrence rules of iCalendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Output)]
#[serde(deny_unknown_fields)]
#[input(forbid_extra)]
pub struct RRuleSchedule {
    pub rrule: String,
    pub timezone: Option<String>,
}

/// A schedule as it was sent: where it begins may be left open.
#[derive(Debug, Clone, PartialEq)]
pub enum NewSchedule {
    Interval { interval: TimeSpan, anchor_date: Option<Anchor>, timezone: Option<String> },
    Cron(CronSchedule),
    RRule(RRuleSchedule),
}

impl NewSchedule {
    /// The schedule as it is kept: what was left open begins at `now`, or shortly before.
    pub fn settled(self, now: Time) -> Schedule {
        match self {
            NewSchedule::Interval { interval, anchor_date, timezone } => Schedule::Interval(IntervalSchedule {
                interval,
                anchor_date: anchor_date.unwrap_or(Anchor::utc(now)),
                timezone: Some(timezone.unwrap_or_else(|| "UTC".into())),
            }),
            NewSchedule::Cron(cron) => Schedule::Cron(cron),
            NewSchedule::RRule(RRuleSchedule { rrule, timezone }) => {
                let rrule = match Zone::of(timezone.as_deref()) {
                    Some(zone) => RRule::anchored(&rrule, &zone, now),
                    None => rrule,
                };
                Schedule::RRule(RRuleSchedule { rrule, timezone })
            }
        }
    }
}

/// Whether the dates of schedules that are sent can be told within the steps of an answer, now and at any time, and
/// together within a few times as many.
pub fn countable<'s>(schedules: impl IntoIterator<Item = &'s NewSchedule>) -> Result<(), Uncountable> {
    let steps = Steps::at_once();
    // The others are as quick to count from anywhere.
    let mut rules = schedules.into_iter().filter_map(|schedule| match schedule {
        NewSchedule::RRule(RRuleSchedule { rrule, .. }) => Some(rrule),
        _ => None,
    });
    let counted = |rule: &String| -> Result<(), NoDates> { Ok(RRule::parse(rule)?.is_countable(&steps)?) };
    rules.try_for_each(counted).map_err(Uncountable)
}

/// A schedule whose dates cannot be told.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("A schedule cannot be used: {0}.")]
pub struct Uncountable(NoDates);

/// Why a schedule has no dates.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoDates {
    #[error("there is no time zone {0:?}")]
    Zone(String),
    #[error("{0:?} is no cron expression")]
    Cron(String),
    #[error("a cron expression of {0} bytes is longer than {most}", most = cron::LONGEST)]
    LongCron(usize),
    #[error("{0}")]
    Rule(#[from] NotRule),
    #[error("{0}")]
    TooManySteps(#[from] TooManySteps),
}

impl Schedule {
    /// The name of its class in the reference: who made a run of a schedule without a slug.
    pub fn class(&self) -> &'static str {
        match self {
            Schedule::Interval(_) => "IntervalSchedule",
            Schedule::Cron(_) => "CronSchedule",
            Schedule::RRule(_) => "RRuleSchedule",
        }
    }

    fn zone(&self) -> Result<Zone, NoDates> {
        let name = match self {
            Schedule::Interval(schedule) => &schedule.timezone,
            Schedule::Cron(schedule) => &schedule.timezone,
            Schedule::RRule(schedule) => &schedule.timezone,
        };
        Zone::of(name.as_deref()).ok_or_else(|| NoDates::Zone(name.clone().unwrap_or_default()))
    }

    /// The dates that are wanted, in the order the reference finds them.
    pub fn dates(&self, demand: &Demand) -> Result<Vec<Time>, NoDates> {
        let (zone, steps) = (self.zone()?, Steps::of_an_answer());
        match self {
            Schedule::Interval(IntervalSchedule { interval, anchor_date, .. }) => {
                Ok(interval::dates(&zone, anchor_date.time, *interval, demand, &steps)?)
            }
            Schedule::Cron(CronSchedule { cron, day_or, .. }) => {
                let parsed = Cron::parse(cron).map_err(|why| match why {
                    NotCron::TooLong(length) => NoDates::LongCron(length),
                    NotCron::Invalid | NotCron::Random => NoDates::Cron(cron.clone()),
                })?;
                Ok(cron::dates(&parsed, &zone, *day_or, demand, &steps)?)
            }
            Schedule::RRule(RRuleSchedule { rrule, .. }) => Ok(RRule::parse(rrule)?.dates(&zone, demand, &steps)?),
        }
    }
}

impl Described for IntervalSchedule {
    fn schema(schemas: &mut Schemas) -> wire::Schema {
        schemas.named("IntervalSchedule", |schemas| {
            let (anchor_date, timezone) = (Anchor::schema(schemas), Option::<String>::schema(schemas));
            // Whatever it was sent as.
            let interval = serde_json::json!({ "type": "number", "description": "Seconds." });
            serde_json::json!({
                "type": "object", "title": "IntervalSchedule", "additionalProperties": false,
                "properties": { "interval": interval, "anchor_date": anchor_date, "timezone": timezone },
                "required": ["interval", "anchor_date", "timezone"],
            })
        })
    }
}

impl Described for Schedule {
    fn schema(schemas: &mut Schemas) -> wire::Schema {
        let members =
            [IntervalSchedule::schema(schemas), CronSchedule::schema(schemas), RRuleSchedule::schema(schemas)];
        serde_json::json!({ "anyOf": members })
    }
}
