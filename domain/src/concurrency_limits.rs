//! Concurrency limits: how many may do something at once, or how often. A limit has slots, which are taken and given back,
//! or, with a decay, come back by themselves. A tag's limit is one that is called `tag:` and the tag.

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;
use wire::{Described, Errors, Input, Json, Output, Patch, Schema, Schemas, Time, check};

use crate::rules::chance::Chance;
use crate::settings::Settings;
use crate::{LeaseId, LimitId};

/// What the name of a tag's limit begins with.
pub const OF_TAG: &str = "tag:";
/// Seconds that a slot counts as held at least, when the average is taken.
pub const LEAST_STAY: f64 = 0.1;
/// How far a wait may exceed the average, as a fraction of it.
const SPREAD: f64 = 0.3;

/// A limit as it is answered when it is made.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct ConcurrencyLimitV2 {
    pub id: LimitId,
    pub created: Time,
    pub updated: Time,
    /// Whether the concurrency limit is active.
    pub active: bool,
    /// The name of the concurrency limit.
    pub name: String,
    /// The concurrency limit.
    pub limit: i64,
    /// The number of active slots.
    pub active_slots: i64,
    /// The number of denied slots.
    pub denied_slots: i64,
    /// The decay rate for active slots when used as a rate limit.
    pub slot_decay_per_second: f64,
    /// The average amount of time a slot is occupied.
    pub avg_slot_occupancy_seconds: f64,
}

/// A limit as it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct GlobalConcurrencyLimitResponse {
    pub id: LimitId,
    pub created: Time,
    pub updated: Time,
    /// Whether the global concurrency limit is active.
    pub active: bool,
    /// The name of the global concurrency limit.
    pub name: String,
    /// The concurrency limit.
    pub limit: i64,
    /// The number of active slots, those that decayed taken off.
    pub active_slots: i64,
    /// The decay rate for active slots when used as a rate limit.
    pub slot_decay_per_second: f64,
}

/// The limit of a tag, as the first version of the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct ConcurrencyLimit {
    pub id: LimitId,
    pub created: Time,
    pub updated: Time,
    /// A tag the concurrency limit is applied to.
    pub tag: String,
    /// The concurrency limit.
    pub concurrency_limit: i64,
    /// The task runs that hold its slots.
    pub active_slots: Vec<Uuid>,
}

/// A limit of which slots were taken or given back.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct MinimalConcurrencyLimitResponse {
    pub id: LimitId,
    pub name: String,
    pub limit: i64,
}

/// Slots that were taken, and the lease that holds them.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct ConcurrencyLimitWithLeaseResponse {
    pub lease_id: LeaseId,
    pub limits: Vec<MinimalConcurrencyLimitResponse>,
}

/// Data used by the Prefect REST API to create a v2 concurrency limit.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct ConcurrencyLimitV2Create {
    /// Whether the concurrency limit is active.
    #[input(default = true)]
    pub active: bool,
    /// The name of the concurrency limit.
    #[input(pattern = "^[^/%&><]+$")]
    pub name: String,
    /// The concurrency limit.
    #[input(ge = 0)]
    pub limit: i64,
    /// The number of active slots.
    #[input(default, ge = 0)]
    pub active_slots: i64,
    /// The number of denied slots.
    #[input(default, ge = 0)]
    pub denied_slots: i64,
    /// The decay rate for active slots when used as a rate limit.
    #[input(default, with = rate)]
    pub slot_decay_per_second: f64,
}

/// Data used by the Prefect REST API to update a v2 concurrency limit. Null is a conflict, as in the reference.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct ConcurrencyLimitV2Update {
    pub active: Patch<Option<bool>>,
    #[input(with = new_name)]
    pub name: Patch<Option<String>>,
    #[input(with = new_count)]
    pub limit: Patch<Option<i64>>,
    #[input(with = new_count)]
    pub active_slots: Patch<Option<i64>>,
    #[input(with = new_count)]
    pub denied_slots: Patch<Option<i64>>,
    #[input(with = new_rate)]
    pub slot_decay_per_second: Patch<Option<f64>>,
}

/// Data used by the Prefect REST API to create a concurrency limit.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct ConcurrencyLimitCreate {
    /// A tag the concurrency limit is applied to.
    #[input(pattern = "^[^/%&><]*$")]
    pub tag: String,
    /// The concurrency limit.
    #[input(ge = 0)]
    pub concurrency_limit: i64,
}

/// What slots are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are given back.
    #[default]
    Concurrency,
    /// They come back by themselves: a limit without decay will not do.
    RateLimit,
}

impl Input for Mode {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Str(text) if text == "concurrency" => Some(Self::Concurrency),
            Json::Str(text) if text == "rate_limit" => Some(Self::RateLimit),
            _ => literal(value, "'concurrency' or 'rate_limit'", errors),
        }
    }
}

impl Described for Mode {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "string", "enum": ["concurrency", "rate_limit"] })
    }
}

/// Whose lease it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Input)]
#[input(forbid_extra)]
pub struct ConcurrencyLeaseHolder {
    pub r#type: HolderType,
    pub id: Uuid,
}

/// What holds a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderType {
    FlowRun,
    TaskRun,
    Deployment,
}

impl Input for HolderType {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Str(text) if text == "flow_run" => Some(Self::FlowRun),
            Json::Str(text) if text == "task_run" => Some(Self::TaskRun),
            Json::Str(text) if text == "deployment" => Some(Self::Deployment),
            _ => literal(value, "'flow_run', 'task_run' or 'deployment'", errors),
        }
    }
}

impl Described for HolderType {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "string", "enum": ["flow_run", "task_run", "deployment"] })
    }
}

fn literal<T>(value: &Json<'_>, expected: &str, errors: &mut Errors) -> Option<T> {
    errors.push_with(
        "literal_error",
        format!("Input should be {expected}"),
        value,
        Some(json!({ "expected": expected })),
    );
    None
}

/// Names, one at least.
pub fn names(value: &Json<'_>, errors: &mut Errors) -> Option<Vec<String>> {
    let names = Vec::<String>::parse(value, errors)?;
    if names.is_empty() {
        let ctx = json!({ "field_type": "List", "min_length": 1, "actual_length": 0 });
        let msg = "List should have at least 1 item after validation, not 0";
        errors.push_with("too_short", msg, value, Some(ctx));
        return None;
    }
    Some(names)
}

/// Slots a second, of which the reference would store any.
fn rate(value: &Json<'_>, errors: &mut Errors) -> Option<f64> {
    let rate = f64::parse(value, errors)?;
    // Written as the reference writes its whole bound.
    check::ge(&rate, 0.0, value, errors)?;
    finite(rate, value, errors)
}

/// JSON has no infinity, but numbers that are read as one.
fn finite(number: f64, value: &Json<'_>, errors: &mut Errors) -> Option<f64> {
    if !number.is_finite() {
        errors.push("finite_number", "Input should be a finite number", value);
        return None;
    }
    Some(number)
}

fn new_rate(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<f64>>> {
    match value {
        Json::Null => Some(Patch::Set(None)),
        _ => rate(value, errors).map(|rate| Patch::Set(Some(rate))),
    }
}

fn new_count(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<i64>>> {
    let Json::Null = value else {
        let count = i64::parse(value, errors)?;
        check::ge(&count, 0, value, errors)?;
        return Some(Patch::Set(Some(count)));
    };
    Some(Patch::Set(None))
}

fn new_name(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<String>>> {
    const PATTERN: &str = "^[^/%&><]+$";
    let Json::Null = value else {
        let name = String::parse(value, errors)?;
        if name.is_empty() || name.contains(['/', '%', '&', '>', '<']) {
            let msg = format!("String should match pattern '{PATTERN}'");
            errors.push_with("string_pattern_mismatch", msg, value, Some(json!({ "pattern": PATTERN })));
            return None;
        }
        return Some(Patch::Set(Some(name)));
    };
    Some(Patch::Set(None))
}

/// A limit that is active, as it stood when slots of it were asked for in vain.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusing {
    pub name: String,
    pub limit: i64,
    /// Denied until then, those that decayed taken off.
    pub denied_slots: f64,
    pub slot_decay_per_second: f64,
    pub avg_slot_occupancy_seconds: f64,
}

impl Refusing {
    /// How many slots are waited for, this request's included, for each slot there is.
    fn blocking(&self, slots: i64) -> f64 {
        let waiting = slots as f64 + self.denied_slots;
        match self.slot_decay_per_second > 0.0 {
            true => waiting,
            false => waiting / self.limit.max(1) as f64,
        }
    }
}

/// Seconds until it is worth asking again, drawn around the wait for the limit that most is waited for. Those who wait for
/// a slot to be given back are told no more than a bound, so that one that is free is taken soon.
pub fn retry_after(limits: &[Refusing], slots: i64, settings: &Settings, seed: u64) -> f64 {
    let longest = limits.iter().reduce(|a, b| if b.blocking(slots) > a.blocking(slots) { b } else { a });
    let Some(limit) = longest else { return 0.0 };
    let blocking = limit.blocking(slots);
    let average = match limit.slot_decay_per_second > 0.0 {
        true => blocking / limit.slot_decay_per_second,
        false => {
            let most = settings.longest_wait(&limit.name).as_secs_f64();
            (limit.avg_slot_occupancy_seconds.min(most) * blocking).min(most)
        }
    };
    Chance::new(seed).clamped_poisson(average, SPREAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusing(name: &str, limit: i64, denied: f64, decay: f64, stay: f64) -> Refusing {
        Refusing {
            name: name.to_owned(),
            limit,
            denied_slots: denied,
            slot_decay_per_second: decay,
            avg_slot_occupancy_seconds: stay,
        }
    }

    /// The mean of many draws.
    fn mean(limits: &[Refusing], slots: i64) -> f64 {
        let settings = Settings::default();
        let all: f64 = (0..4000).map(|seed| retry_after(limits, slots, &settings, seed)).sum();
        all / 4000.0
    }

    #[test]
    fn the_wait_is_that_of_the_limit_that_most_is_waited_for() {
        for (limits, slots, expected) in [
            (vec![refusing("a", 1, 0.0, 0.0, 2.0)], 1, 2.0),
            (vec![refusing("a", 4, 3.0, 0.0, 2.0)], 1, 2.0),
            (vec![refusing("a", 1, 0.0, 0.0, 2.0)], 3, 6.0),
            (vec![refusing("a", 1, 0.0, 0.0, 500.0)], 1, 30.0),
            (vec![refusing("a", 1, 100.0, 0.0, 2.0)], 1, 30.0),
            (vec![refusing("tag:a", 1, 0.0, 0.0, 500.0)], 1, 10.0),
            (vec![refusing("a", 10, 4.0, 0.5, 2.0)], 1, 10.0),
            (vec![refusing("a", 10, 99.0, 0.5, 2.0)], 1, 200.0),
            (vec![refusing("a", 1, 0.0, 0.0, 2.0), refusing("b", 1, 1.0, 0.0, 4.0)], 1, 8.0),
            (vec![], 1, 0.0),
        ] {
            let seen = mean(&limits, slots);
            assert!((seen - expected).abs() <= expected * 0.1, "{limits:?} {slots}: {seen}, not {expected}");
        }
    }

    #[test]
    fn names_are_one_at_least_and_modes_are_two() {
        let read = |text: &str| {
            let mut errors = Errors::of_body();
            let parsed = names(&wire::json::parse(text.as_bytes()).unwrap(), &mut errors);
            (parsed, errors.items().iter().map(|item| item.kind).collect::<Vec<_>>())
        };
        assert_eq!(read(r#"["a"]"#), (Some(vec!["a".to_owned()]), vec![]));
        assert_eq!(read("[]"), (None, vec!["too_short"]));
        assert_eq!(read("[1]"), (None, vec!["string_type"]));
        let mut errors = Errors::of_body();
        assert_eq!(Mode::parse(&wire::json::parse(br#""rate_limit""#).unwrap(), &mut errors), Some(Mode::RateLimit));
        assert_eq!(Mode::parse(&wire::json::parse(br#""other""#).unwrap(), &mut errors), None);
    }
}
