//! What is looked at before any field of a deployment is read, as in the reference (`schemas/actions.py`, validators of mode
//! `before`): a complaint of these rules is about the whole body and stands alone.

use std::borrow::Cow;

use serde_json::{Map, Value};
use wire::{Errors, Input, Json, RawJson};

use crate::json_schema::{self, Budget, Lax, Misfit};
use crate::policies::{is_falsy, refuse};

/// Names of clients of old; they ask nothing any more.
const OLD_FIELDS: [&str; 4] =
    ["worker_pool_queue_id", "worker_pool_name", "worker_pool_queue_name", "work_pool_queue_name"];

/// The other parameters come with the run.
const NOTHING_REQUIRED: Lax = Lax { nothing_is_required: true, null_for_default: false };

type Prepared<'v, 'a> = Option<Cow<'v, Json<'a>>>;

pub(super) fn create<'v, 'a>(value: &'v Json<'a>, errors: &mut Errors) -> Prepared<'v, 'a> {
    let Json::Object(_) = value else { return Some(Cow::Borrowed(value)) };
    one_limit(value, errors)?;
    if get(value, "enforce_parameter_schema").is_some_and(|enforce| !is_falsy(enforce)) {
        parameters_fit(value, errors)?;
    }
    let mut fields = without_old(value);
    // The reference puts them there, and shows them where it complains of the whole.
    if get(value, "parameters").is_none() {
        fields.push(("parameters".into(), Json::Object(Vec::new().into())));
    }
    Some(Cow::Owned(Json::Object(fields.into())))
}

pub(super) fn update<'v, 'a>(value: &'v Json<'a>, errors: &mut Errors) -> Prepared<'v, 'a> {
    let Json::Object(_) = value else { return Some(Cow::Borrowed(value)) };
    one_limit(value, errors)?;
    Some(Cow::Owned(Json::Object(without_old(value).into())))
}

fn get<'v, 'a>(value: &'v Json<'a>, name: &str) -> Option<&'v Json<'a>> {
    let Json::Object(fields) = value else { return None };
    fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn without_old<'a>(value: &Json<'a>) -> Vec<(Cow<'a, str>, Json<'a>)> {
    let Json::Object(fields) = value else { return Vec::new() };
    fields.iter().filter(|(key, _)| !OLD_FIELDS.contains(&key.as_ref())).cloned().collect()
}

fn one_limit(value: &Json<'_>, errors: &mut Errors) -> Option<()> {
    let given = |name| get(value, name).is_some_and(|limit| !is_falsy(limit));
    if given("concurrency_limit") && given("global_concurrency_limit_id") {
        let why = "A deployment cannot have both a concurrency limit and a global concurrency limit.";
        refuse(value, why, errors);
        return None;
    }
    Some(())
}

/// The parameters that are there fit the schema, and it is one. A schema of an old pydantic is not mended here.
fn parameters_fit(value: &Json<'_>, errors: &mut Errors) -> Option<()> {
    let schema = match get(value, "parameter_openapi_schema") {
        None | Some(Json::Null) => return Some(()),
        Some(schema) => RawJson::parse(schema, errors)?.to_value(),
    };
    let parameters = match get(value, "parameters") {
        None => Value::Object(Map::new()),
        Some(parameters) => RawJson::parse(parameters, errors)?.to_value(),
    };
    let mut budget = Budget::default();
    let why = match json_schema::fault(&schema, &mut budget) {
        Some(why) => format!("The provided schema is not a valid json schema. Schema error: {why}"),
        None if parameters.is_null() => return Some(()),
        None => match json_schema::validate_as_is(&parameters, &schema, NOTHING_REQUIRED, &mut budget) {
            Ok(()) => return Some(()),
            Err(Misfit::Invalid(why)) => why,
            Err(Misfit::Circular) => "Invalid schema: Unable to validate schema with circular references.".to_owned(),
            Err(Misfit::TooMuch) => json_schema::TOO_MUCH.to_owned(),
        },
    };
    refuse(value, &why, errors);
    None
}
