//! All that is amiss in values that a person fills in, place by place, as forms show it (reference:
//! `utilities/schema_tools/validation.py`, `build_error_obj`).

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Value, json};
use wire::{Described, Output, Schema, Schemas};

use super::check::{Check, UNFILLED};
use super::pydantic::of_pydantic_1;
use super::told::Complaint;
use super::{Budget, Lax, Misfit, TOO_MUCH, fault};
use crate::hydrate::{Filled, Step, TooLarge, filled};

/// What is amiss in values.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct SchemaValuesValidationResponse {
    pub errors: Vec<SchemaValueError>,
    pub valid: bool,
}

/// What is amiss in one value, or in what it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SchemaValueError {
    Here(String),
    Property { property: String, errors: Vec<SchemaValueError> },
    Index { index: usize, errors: Vec<SchemaValueError> },
}

impl Described for SchemaValueError {
    fn schema(schemas: &mut Schemas) -> Schema {
        let mut member = |name: &'static str, field: &'static str, type_: &'static str| {
            schemas.named(name, |schemas| {
                let errors = Vec::<SchemaValueError>::schema(schemas);
                json!({
                    "type": "object", "title": name, "required": [field, "errors"],
                    "properties": { field: { "type": type_ }, "errors": errors },
                })
            })
        };
        let property = member("SchemaValuePropertyError", "property", "string");
        let index = member("SchemaValueIndexError", "index", "integer");
        json!({ "anyOf": [{ "type": "string" }, property, index] })
    }
}

/// Why nothing can be said of values, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsaid {
    /// Their schema is none, or more than is looked at.
    Schema(String),
    /// They would be too large if they were filled in.
    TooLarge,
}

/// Fills in what stands for workspace variables and JSON, and holds the values to the schema. Templates fit everywhere.
pub fn report(
    values: Value,
    schema: Value,
    variables: &HashMap<String, Value>,
) -> Result<SchemaValuesValidationResponse, Unsaid> {
    let schema = of_pydantic_1(schema, Lax::default());
    let mut budget = Budget::default();
    if let Some(fault) = fault(&schema, &mut budget) {
        return Err(Unsaid::Schema(format!("Invalid schema: {fault}")));
    }
    let Filled { value, stand_ins } = filled(values, variables).map_err(|TooLarge| Unsaid::TooLarge)?;
    let checked = Check::of(&schema, &mut budget).with_formats().without(&stand_ins).complaints(&value);
    let told = checked.map_err(|misfit| {
        Unsaid::Schema(match misfit {
            Misfit::Invalid(why) => format!("Invalid schema: {why}"),
            Misfit::Circular => "Invalid schema: Unable to validate schema with circular references.".to_owned(),
            Misfit::TooMuch => TOO_MUCH.to_owned(),
        })
    })?;
    let mut errors = Vec::new();
    for complaint in by_place(told.complaints) {
        let path = place_of(&complaint);
        put(&mut errors, &path, complaint.message);
    }
    if told.more {
        errors.push(SchemaValueError::Here("There is more amiss than is told here.".into()));
    }
    Ok(SchemaValuesValidationResponse { valid: errors.is_empty(), errors })
}

/// Complaints of one place together; where there is no value, why there is none is all that is said.
fn by_place(complaints: Vec<Complaint>) -> Vec<Complaint> {
    let mut places: Vec<(Vec<Step>, Vec<Complaint>)> = Vec::new();
    let mut known: HashMap<Vec<Step>, usize> = HashMap::new();
    for complaint in complaints {
        let at = *known.entry(complaint.path.clone()).or_insert(places.len());
        if at == places.len() {
            places.push((complaint.path.clone(), Vec::new()));
        }
        places[at].1.push(complaint);
    }
    let said = places.into_iter().flat_map(|(_, mut here)| {
        if here.iter().any(|complaint| complaint.keyword == UNFILLED) {
            here.retain(|complaint| complaint.keyword == UNFILLED);
        }
        here
    });
    said.collect()
}

/// What is missing is told of where it should be. Its name is read from the sentence, as the reference reads it.
fn place_of(complaint: &Complaint) -> Vec<Step> {
    let mut path = complaint.path.clone();
    if complaint.keyword == "required" {
        let name = complaint.message.split(' ').next().unwrap_or_default().trim_matches('\'');
        path.push(Step::Field(name.to_owned()));
    }
    path
}

fn put(errors: &mut Vec<SchemaValueError>, path: &[Step], message: String) {
    let Some((step, rest)) = path.split_first() else {
        errors.push(SchemaValueError::Here(message));
        return;
    };
    let is_here = |error: &SchemaValueError| match (error, step) {
        (SchemaValueError::Property { property, .. }, Step::Field(name)) => property == name,
        (SchemaValueError::Index { index, .. }, Step::Index(at)) => index == at,
        _ => false,
    };
    // What is said of a place itself is an entry of its own each time.
    let known = if rest.is_empty() { None } else { errors.iter().position(is_here) };
    let at = known.unwrap_or_else(|| {
        errors.push(match step {
            Step::Field(name) => SchemaValueError::Property { property: name.clone(), errors: Vec::new() },
            Step::Index(at) => SchemaValueError::Index { index: *at, errors: Vec::new() },
        });
        errors.len() - 1
    });
    match &mut errors[at] {
        SchemaValueError::Property { errors, .. } | SchemaValueError::Index { errors, .. } => {
            put(errors, rest, message)
        }
        // Only entries of a step are looked for.
        SchemaValueError::Here(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(values: Value, schema: Value) -> Value {
        match report(values, schema, &HashMap::new()) {
            Ok(response) => serde_json::to_value(response.errors).unwrap(),
            Err(Unsaid::Schema(why)) => why.into(),
            Err(Unsaid::TooLarge) => "too large".into(),
        }
    }

    #[test]
    fn what_is_amiss_is_told_of_where_it_is() {
        let schema = json!({
            "type": "object", "required": ["must"],
            "properties": {
                "must": { "type": "string" }, "n": { "type": "integer" }, "mail": { "type": "string", "format": "email" },
                "list": { "type": "array", "items": { "type": "object", "required": ["x"] } },
            },
        });
        for (values, expected) in [
            (json!({ "must": "a" }), json!([])),
            (json!({}), json!([{ "property": "must", "errors": ["'must' is a required property"] }])),
            (
                json!({ "must": 1, "mail": "x", "list": [{ "x": 1 }, {}] }),
                json!([
                    { "property": "must", "errors": ["1 is not of type 'string'"] },
                    { "property": "mail", "errors": ["'x' is not a 'email'"] },
                    { "property": "list", "errors": [{ "index": 1, "errors": [{ "property": "x", "errors": ["'x' is a required property"] }] }] },
                ]),
            ),
            (
                json!({ "must": { "__prefect_kind": "none" } }),
                json!([{ "property": "must", "errors": ["Missing 'value' key in __prefect object"] }]),
            ),
            (json!({ "must": { "__prefect_kind": "jinja", "template": "{{ x }}" } }), json!([])),
            (json!({ "must": { "__prefect_kind": "json", "value": "\"a\"" } }), json!([])),
        ] {
            let found = told(values.clone(), schema.clone());
            // The order of the schema's keywords: what is required comes first here.
            assert_eq!(found, expected, "{values}");
        }
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert_eq!(
            told(json!({}), json!({ "type": 5 })),
            "Invalid schema: 5 is not valid under any of the given schemas"
        );
        let circular = "Invalid schema: Unable to validate schema with circular references.";
        assert_eq!(told(json!({}), json!({ "$ref": "#" })), circular);
        assert!(
            told(json!({}), json!({ "$ref": "#/nowhere" }))
                .as_str()
                .is_some_and(|why| why.contains("PointerToNowhere: '/nowhere'"))
        );
    }
}
