//! Variables: named values of a workspace that its flows read.

use serde::Serialize;
use serde_json::json;
use wire::{Errors, Input, Json, Output, Patch, RawJson, Time};

use crate::VariableId;
use crate::policies::refuse;

/// Characters that a name may have.
pub const LONGEST_NAME: usize = 255;
/// Bytes that a value may take, written as JSON without blanks.
pub const MOST_VALUE_BYTES: usize = 5000;

/// A variable, known by its name in a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Variable {
    pub id: VariableId,
    pub created: Time,
    pub updated: Time,
    /// The name of the variable
    pub name: String,
    /// The value of the variable
    pub value: RawJson,
    /// A list of variable tags
    pub tags: Vec<String>,
}

/// Data used by the Prefect REST API to create a variable.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct VariableCreate {
    /// Lower-case letters, digits, dashes and underscores.
    #[input(with = name)]
    pub name: String,
    /// Any JSON.
    #[input(with = any_value)]
    pub value: RawJson,
    /// A list of variable tags
    #[input(default)]
    pub tags: Vec<String>,
}

/// Data used by the Prefect REST API to update a variable.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct VariableUpdate {
    /// Null is a conflict, as in the reference.
    #[input(with = new_name)]
    pub name: Patch<Option<String>>,
    /// Null is a value like any other.
    #[input(with = new_value)]
    pub value: Patch<RawJson>,
    /// Null is a conflict, as in the reference.
    pub tags: Patch<Option<Vec<String>>>,
}

/// What a variable is to be, whatever it was before.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct VariableReplace {
    /// Any JSON.
    #[input(with = any_value)]
    pub value: RawJson,
    /// A list of variable tags
    #[input(default)]
    pub tags: Vec<String>,
}

/// The name of a variable (reference: `types/names.py`, `VariableName`). One that ends in a line break passes there, by an
/// oversight.
pub fn name(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    let name = String::parse(value, errors)?;
    if !is_plain(&name) {
        let why = "Variable name must only contain lowercase letters, numbers, and dashes or underscores.";
        refuse(value, why, errors);
        return None;
    }
    if name.len() > LONGEST_NAME {
        let msg = format!("Value should have at most {LONGEST_NAME} items after validation, not {}", name.len());
        let ctx = json!({ "field_type": "Value", "max_length": LONGEST_NAME, "actual_length": name.len() });
        errors.push_with("too_long", msg, value, Some(ctx));
        return None;
    }
    Some(name)
}

/// Whether a variable may be called so.
pub fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && is_plain(text)
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

fn new_name(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<String>>> {
    match value {
        Json::Null => Some(Patch::Set(None)),
        _ => name(value, errors).map(|name| Patch::Set(Some(name))),
    }
}

/// A value of no more than [`MOST_VALUE_BYTES`] (reference: `types/__init__.py`, `check_variable_value`).
fn any_value(value: &Json<'_>, errors: &mut Errors) -> Option<RawJson> {
    if !is_of_64_bits(value) {
        refuse(value, "Variable value must be serializable to JSON", errors);
        return None;
    }
    let parsed = RawJson::parse(value, errors)?;
    if parsed.text().len() > MOST_VALUE_BYTES {
        refuse(value, &format!("Variable value must be less than {MOST_VALUE_BYTES} characters"), errors);
        return None;
    }
    Some(parsed)
}

fn new_value(json: &Json<'_>, errors: &mut Errors) -> Option<Patch<RawJson>> {
    any_value(json, errors).map(Patch::Set)
}

/// Whether every integer fits 64 bits, with a sign or without: what the reference's JSON writer takes.
fn is_of_64_bits(value: &Json<'_>) -> bool {
    match value {
        Json::BigInt(number) => number.to_string().parse::<u64>().is_ok(),
        Json::Array(items) => items.iter().all(is_of_64_bits),
        Json::Object(fields) => fields.iter().all(|(_, item)| is_of_64_bits(item)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T>(parse: fn(&Json<'_>, &mut Errors) -> Option<T>, text: &str) -> Vec<String> {
        let mut errors = Errors::default();
        let parsed = parse(&wire::json::parse(text.as_bytes()).unwrap(), &mut errors);
        assert_eq!(parsed.is_none(), !errors.is_empty(), "{text}");
        errors.items().iter().map(|item| format!("{}: {}", item.kind, item.msg)).collect()
    }

    #[test]
    fn names_are_plain_and_short() {
        for good in ["\"\"", "\"a\"", "\"a-b_0\"", &format!("\"{}\"", "a".repeat(255))] {
            assert!(told(name, good).is_empty(), "{good}");
        }
        for bad in ["\"A\"", "\"a b\"", "\"a/b\"", "\"a.b\"", "\"ä\"", "\"a\\n\""] {
            assert_eq!(told(name, bad).len(), 1, "{bad}");
        }
        assert_eq!(
            told(name, &format!("\"{}\"", "a".repeat(256))),
            ["too_long: Value should have at most 255 items after validation, not 256"]
        );
    }

    #[test]
    fn values_are_any_json_of_some_size() {
        for good in ["null", "1", "18446744073709551615", "-9223372036854775808", "[{\"a\":null}]", "2.0"] {
            assert!(told(any_value, good).is_empty(), "{good}");
        }
        assert!(told(any_value, &format!("\"{}\"", "y".repeat(4998))).is_empty());
        let long = "value_error: Value error, Variable value must be less than 5000 characters";
        assert_eq!(told(any_value, &format!("\"{}\"", "y".repeat(4999))), [long]);
        assert_eq!(told(any_value, &format!("\"{}\"", "ü".repeat(2500))), [long]);
        for big in ["18446744073709551616", "-9223372036854775809", "[{\"a\":100000000000000000000}]"] {
            assert_eq!(told(any_value, big), ["value_error: Value error, Variable value must be serializable to JSON"]);
        }
    }
}
