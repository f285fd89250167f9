//! Whether JSON fits a JSON schema (draft 2020-12), told in the words of Python's `jsonschema`, which clients know from the
//! reference. References lead to places in the schema itself and nowhere else: nothing is ever fetched.
//!
//! Schemas come from clients, so what a schema says amiss constrains nothing rather than failing, and a check has bounds: for
//! depth, for work ([`Budget`]), and for what it tells.

mod budget;
mod check;
#[cfg(test)]
mod costs;
mod formats;
mod keywords;
mod meta;
mod patterns;
mod pydantic;
pub mod report;
mod told;

use std::cmp::Reverse;
use std::fmt::Write as _;

use serde_json::Value;

use crate::hydrate::Step;
pub use budget::Budget;
use check::{Check, MAX_DEPTH};
use keywords::repr;
use pydantic::of_pydantic_1;
use told::Complaint;

/// Why nothing can be said of a value.
pub const TOO_MUCH: &str = "Invalid schema: Unable to validate, because schema and values take too much work to compare. \
                            Make them smaller, or the schema simpler.";

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfit {
    /// The sentence of the reference.
    Invalid(String),
    /// The schema refers to itself without end.
    Circular,
    /// To compare them is more than a check may cost.
    TooMuch,
}

/// What is overlooked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lax {
    /// What a schema requires may be missing.
    pub nothing_is_required: bool,
    /// A field with a default may be null.
    pub null_for_default: bool,
}

/// Checks `value` against a schema as pydantic writes it, of version 1 too.
pub fn validate(value: &Value, schema: &Value) -> Result<(), Misfit> {
    validate_lax(value, schema, Lax::default(), &mut Budget::default())
}

/// The same, overlooking some things.
pub fn validate_lax(value: &Value, schema: &Value, lax: Lax, budget: &mut Budget) -> Result<(), Misfit> {
    validate_as_is(value, &of_pydantic_1(schema.clone(), lax), lax, budget)
}

/// Checks `value` against a schema of the draft.
pub fn validate_as_is(value: &Value, schema: &Value, lax: Lax, budget: &mut Budget) -> Result<(), Misfit> {
    let told = Check::of(schema, budget).overlooking(lax).complaints(value)?;
    let Some(best) = best(told.complaints) else { return Ok(()) };
    let at = path_text(&best.path);
    let where_ = if at.is_empty() {
        "Validation failed.".to_owned()
    } else {
        format!("Validation failed for field {}.", repr(&at.into()))
    };
    Err(Misfit::Invalid(format!("{where_} Failure reason: {}", best.message)))
}

/// A text as Python shows it.
pub fn quoted(text: &str) -> String {
    repr(&text.into())
}

/// Why a value is no schema; `None` for one that is.
pub fn fault(schema: &Value, budget: &mut Budget) -> Option<String> {
    match Check::of(meta::schema(), budget).complaints(schema) {
        Ok(told) => best(told.complaints).map(|complaint| complaint.message),
        Err(Misfit::TooMuch) => Some("it takes too much work to look at".into()),
        Err(_) => Some(format!("it is nested more than {MAX_DEPTH} levels deep")),
    }
}

/// The complaint that says most: the one nearest the top, an exact one before a choice; of a choice, the branch that came
/// closest, unless two came equally close.
fn best(complaints: Vec<Complaint>) -> Option<Complaint> {
    // The smaller, the deeper into a choice it leads.
    let rank = |c: &Complaint| (Reverse(c.path.len()), !matches!(c.keyword, "anyOf" | "oneOf"));
    let mut best = complaints.into_iter().rev().max_by_key(rank)?;
    loop {
        let mut context = std::mem::take(&mut best.context);
        context.sort_by_key(rank);
        let mut closest = context.into_iter();
        match (closest.next(), closest.next()) {
            (Some(first), Some(second)) if rank(&first) == rank(&second) => return Some(best),
            (Some(first), _) => best = first,
            (None, _) => return Some(best),
        }
    }
}

fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Index(index) => {
                // Writing to a string does not fail.
                let _ = write!(text, "[{index}]");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complaint(value: Value, schema: Value) -> Option<String> {
        match validate(&value, &schema) {
            Ok(()) => None,
            Err(Misfit::Invalid(text)) => text.split_once(" Failure reason: ").map(|(_, reason)| reason.to_owned()),
            Err(Misfit::Circular) => Some("circular".into()),
            Err(Misfit::TooMuch) => Some("too much".into()),
        }
    }

    #[test]
    fn complaints_are_worded_as_clients_know_them() {
        for (value, schema, expected) in [
            (json!("a"), json!({ "type": "integer" }), Some("'a' is not of type 'integer'")),
            (json!(2.0), json!({ "type": "integer" }), None),
            (json!(true), json!({ "type": ["integer", "null"] }), Some("True is not of type 'integer', 'null'")),
            (json!({}), json!({ "required": ["x"] }), Some("'x' is a required property")),
            (json!(3), json!({ "minimum": 5 }), Some("3 is less than the minimum of 5")),
            (json!(5), json!({ "exclusiveMaximum": 5 }), Some("5 is greater than or equal to the maximum of 5")),
            (json!("abc"), json!({ "maxLength": 2 }), Some("'abc' is too long")),
            (json!([]), json!({ "minItems": 1 }), Some("[] should be non-empty")),
            (json!([1, 1.0]), json!({ "uniqueItems": true }), Some("[1, 1.0] has non-unique elements")),
            (json!("x"), json!({ "enum": ["a", null] }), Some("'x' is not one of ['a', None]")),
            (json!("it's"), json!({ "pattern": "^a" }), Some("\"it's\" does not match '^a'")),
            (
                json!({ "y": 1 }),
                json!({ "additionalProperties": false }),
                Some("Additional properties are not allowed ('y' was unexpected)"),
            ),
            (
                json!(1),
                json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
                Some("1 is not valid under any of the given schemas"),
            ),
            (
                json!({ "x": 1 }),
                json!({ "$ref": "http://elsewhere/schema" }),
                Some("Unresolvable: http://elsewhere/schema"),
            ),
            (json!({ "x": 1 }), json!({ "$ref": "#" }), None),
        ] {
            let found = match validate(&value, &schema) {
                // A schema that is nothing but itself.
                Err(Misfit::Circular) => None,
                _ => complaint(value.clone(), schema.clone()),
            };
            assert_eq!(found.as_deref(), expected, "{value} against {schema}");
        }
    }

    #[test]
    fn the_place_is_told() {
        let schema = json!({ "properties": { "a": { "items": { "$ref": "#/definitions/n" } } }, "definitions": { "n": { "type": "integer" } } });
        let found = validate(&json!({ "a": [1, "x"] }), &schema);
        assert_eq!(
            found,
            Err(Misfit::Invalid(
                "Validation failed for field 'a[1]'. Failure reason: 'x' is not of type 'integer'".into()
            ))
        );
    }

    #[test]
    fn an_optional_field_of_pydantic_1_may_be_null() {
        let schema =
            json!({ "properties": { "x": { "type": "integer" }, "y": { "type": "integer" } }, "required": ["y"] });
        assert_eq!(complaint(json!({ "x": null, "y": 1 }), schema.clone()), None);
        assert_eq!(complaint(json!({ "y": null }), schema).as_deref(), Some("None is not of type 'integer'"));
    }

    #[test]
    fn a_schema_without_end_ends() {
        assert_eq!(validate(&json!(1), &json!({ "$ref": "#" })), Err(Misfit::Circular));
    }
}
