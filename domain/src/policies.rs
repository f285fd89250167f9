//! How the policies of runs are read from requests. Fields of old clients (`max_retries`, `retry_delay_seconds`) stand in
//! for those that took their place before anything is validated, as in the reference, so a complaint names the new field.

use std::collections::BTreeSet;

use serde_json::{Number, json};
use wire::{Described, Errors, Fields, Input, Json, Schema, Schemas};

use crate::run::{FlowRunPolicy, RetryDelay, RetryType, TaskRunPolicy};

/// Retry delays a task may have.
const MOST_DELAYS: usize = 50;

static NULL: Json<'static> = Json::Null;
static ZERO: Json<'static> = Json::Int(0);

/// What counts as nothing in Python.
pub(crate) fn is_falsy(value: &Json<'_>) -> bool {
    match value {
        Json::Null | Json::Bool(false) | Json::Int(0) => true,
        Json::Float(f) => *f == 0.0,
        Json::Str(s) => s.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// The value of a field, or of the old field in whose place it came.
fn or_old<'v, 'a: 'v>(fields: &Fields<'v, 'a>, name: &str, old: &str) -> &'v Json<'a> {
    let value = fields.get(name).unwrap_or(&NULL);
    let old = fields.get(old).unwrap_or(&ZERO);
    let old_is_zero = matches!(old, Json::Int(0) | Json::Bool(false)) || matches!(old, Json::Float(f) if *f == 0.0);
    if is_falsy(value) && !old_is_zero { old } else { value }
}

impl Input for FlowRunPolicy {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let fields = Fields::of(value, errors)?;
        let max_retries = fields.take("max_retries", errors, Some(|| 0), i64::parse);
        let retry_delay_seconds = fields.take("retry_delay_seconds", errors, Some(|| 0.0), f64::parse);
        let retries = errors.at("retries", |e| Option::<i64>::parse(or_old(&fields, "retries", "max_retries"), e));
        let retry_delay = errors
            .at("retry_delay", |e| Option::<i64>::parse(or_old(&fields, "retry_delay", "retry_delay_seconds"), e));
        let pause_keys = match fields.get("pause_keys") {
            Some(keys) => errors.at("pause_keys", |e| set(keys, e)),
            None => Some(Some(BTreeSet::new())),
        };
        let resuming = fields.take("resuming", errors, Some(|| Some(false)), Option::<bool>::parse);
        let retry_type = fields.take("retry_type", errors, Some(|| None), Option::<RetryType>::parse);
        Some(Self {
            max_retries: max_retries?,
            retry_delay_seconds: retry_delay_seconds?,
            retries: retries?,
            retry_delay: retry_delay?,
            pause_keys: pause_keys?,
            resuming: resuming?,
            retry_type: retry_type?,
        })
    }
}

fn set(value: &Json<'_>, errors: &mut Errors) -> Option<Option<BTreeSet<String>>> {
    match value {
        Json::Null => Some(None),
        Json::Array(_) => Some(Some(Vec::<String>::parse(value, errors)?.into_iter().collect())),
        _ => {
            errors.push("set_type", "Input should be a valid set", value);
            None
        }
    }
}

impl Input for RetryType {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Str(text) if text == "in_process" => Some(Self::InProcess),
            Json::Str(text) if text == "reschedule" => Some(Self::Reschedule),
            _ => {
                let expected = "'in_process' or 'reschedule'";
                errors.push_with(
                    "literal_error",
                    format!("Input should be {expected}"),
                    value,
                    Some(json!({ "expected": expected })),
                );
                None
            }
        }
    }
}

impl Input for TaskRunPolicy {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let fields = Fields::of(value, errors)?;
        let max_retries = fields.take("max_retries", errors, Some(|| 0), i64::parse);
        let retry_delay_seconds = fields.take("retry_delay_seconds", errors, Some(|| 0.0), f64::parse);
        let retries = errors.at("retries", |e| Option::<i64>::parse(or_old(&fields, "retries", "max_retries"), e));
        let retry_delay = errors.at("retry_delay", |e| delay(or_old(&fields, "retry_delay", "retry_delay_seconds"), e));
        let retry_jitter_factor = fields.take("retry_jitter_factor", errors, Some(|| None), jitter);
        Some(Self {
            max_retries: max_retries?,
            retry_delay_seconds: retry_delay_seconds?,
            retries: retries?,
            retry_delay: retry_delay?,
            retry_jitter_factor: retry_jitter_factor?,
        })
    }
}

fn jitter(value: &Json<'_>, errors: &mut Errors) -> Option<Option<f64>> {
    let factor = Option::<f64>::parse(value, errors)?;
    if factor.is_some_and(|factor| factor < 0.0) {
        refuse(value, "`retry_jitter_factor` must be >= 0.", errors);
        return None;
    }
    Some(factor)
}

fn delay(value: &Json<'_>, errors: &mut Errors) -> Option<Option<RetryDelay>> {
    if matches!(value, Json::Null) {
        return Some(None);
    }
    let mut unheard = Errors::of_body();
    // A float stays one even where it is whole; anything else is whatever fits first.
    let whole = match value {
        Json::Float(_) => None,
        _ => i64::parse(value, &mut unheard).map(|n| RetryDelay::Always(n.into())),
    };
    let has_float = matches!(value, Json::Array(items) if items.iter().any(|item| matches!(item, Json::Float(_))));
    let delay = whole
        .or_else(|| f64::parse(value, &mut unheard).and_then(Number::from_f64).map(RetryDelay::Always))
        .or_else(|| {
            let whole = if has_float { None } else { Vec::<i64>::parse(value, &mut unheard) };
            let each = match whole {
                Some(whole) => whole.into_iter().map(Number::from).collect(),
                None => Vec::<f64>::parse(value, &mut unheard)?.into_iter().filter_map(Number::from_f64).collect(),
            };
            Some(RetryDelay::Each(each))
        });
    match delay {
        Some(RetryDelay::Each(each)) if each.len() > MOST_DELAYS => {
            refuse(value, "Can not configure more than 50 retry delays per task.", errors);
            None
        }
        Some(delay) => Some(Some(delay)),
        None => {
            // Every member of the union says why it does not fit.
            errors.at("int", |e| i64::parse(value, e));
            errors.at("float", |e| f64::parse(value, e));
            errors.at("list[int]", |e| Vec::<i64>::parse(value, e));
            errors.at("list[float]", |e| Vec::<f64>::parse(value, e));
            None
        }
    }
}

/// A complaint of a validator of the reference's own.
pub(crate) fn refuse(value: &Json<'_>, why: &str, errors: &mut Errors) {
    errors.push_with("value_error", format!("Value error, {why}"), value, Some(json!({ "error": {} })));
}

impl Described for FlowRunPolicy {
    fn schema(schemas: &mut Schemas) -> Schema {
        schemas.named("FlowRunPolicy", |_| {
            let integer = json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] });
            json!({
                "type": "object",
                "title": "FlowRunPolicy",
                "description": "How a flow run retries.",
                "properties": {
                    "max_retries": { "type": "integer", "default": 0, "deprecated": true },
                    "retry_delay_seconds": { "type": "number", "default": 0, "deprecated": true },
                    "retries": integer,
                    "retry_delay": integer,
                    "pause_keys": { "anyOf": [{ "type": "array", "items": { "type": "string" }, "uniqueItems": true }, { "type": "null" }] },
                    "resuming": { "anyOf": [{ "type": "boolean" }, { "type": "null" }], "default": false },
                    "retry_type": { "anyOf": [{ "type": "string", "enum": ["in_process", "reschedule"] }, { "type": "null" }] },
                },
            })
        })
    }
}

impl Described for TaskRunPolicy {
    fn schema(schemas: &mut Schemas) -> Schema {
        schemas.named("TaskRunPolicy", |_| {
            json!({
                "type": "object",
                "title": "TaskRunPolicy",
                "description": "How a task run retries.",
                "properties": {
                    "max_retries": { "type": "integer", "default": 0, "deprecated": true },
                    "retry_delay_seconds": { "type": "number", "default": 0, "deprecated": true },
                    "retries": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
                    "retry_delay": { "anyOf": [
                        { "type": "integer" }, { "type": "number" }, { "type": "array", "items": { "type": "integer" } },
                        { "type": "array", "items": { "type": "number" } }, { "type": "null" }
                    ] },
                    "retry_jitter_factor": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
                },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Input>(text: &str) -> Result<T, Vec<(&'static str, String)>> {
        let value = wire::json::parse(text.as_bytes()).expect("the table holds JSON");
        let mut errors = Errors::of_body();
        T::parse(&value, &mut errors).ok_or_else(|| {
            let loc = |item: &wire::Item| serde_json::to_string(&item.loc).unwrap_or_default();
            errors.items().iter().map(|item| (item.kind, loc(item))).collect()
        })
    }

    #[test]
    fn old_fields_stand_in_for_new_ones_before_validation() {
        let policy = read::<FlowRunPolicy>(r#"{"max_retries":3,"retry_delay_seconds":4.0}"#);
        assert_eq!(policy.map(|p| (p.retries, p.retry_delay)), Ok((Some(3), Some(4))));
        let policy = read::<FlowRunPolicy>(r#"{"retry_delay_seconds":1.7}"#);
        assert_eq!(policy, Err(vec![("int_from_float", r#"["body","retry_delay"]"#.into())]));
        assert_eq!(read::<FlowRunPolicy>("{}"), Ok(FlowRunPolicy::default()));
    }

    #[test]
    fn a_delay_is_what_fits_best() {
        for (delay, text) in [
            ("5", "5"),
            ("5.0", "5.0"),
            ("\"5\"", "5"),
            ("true", "1"),
            ("[1,2]", "[1,2]"),
            ("[1,2.5]", "[1.0,2.5]"),
            ("null", "null"),
        ] {
            let policy = read::<TaskRunPolicy>(&format!(r#"{{"retry_delay":{delay}}}"#));
            let written = policy.map(|p| serde_json::to_string(&p.retry_delay).unwrap_or_default());
            assert_eq!(written.as_deref(), Ok(text), "{delay}");
        }
    }

    #[test]
    fn a_delay_that_fits_nothing_is_told_of_four_times() {
        let errors = read::<TaskRunPolicy>(r#"{"retry_delay":["x"]}"#)
            .map_err(|e| e.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
        assert_eq!(errors, Err(vec!["int_type", "float_type", "int_parsing", "float_parsing"]));
        let many = format!(r#"{{"retry_delay":[{}]}}"#, vec!["1"; 51].join(","));
        assert_eq!(read::<TaskRunPolicy>(&many), Err(vec![("value_error", r#"["body","retry_delay"]"#.into())]));
    }
}
