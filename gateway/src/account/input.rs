//! Inputs that several slices share.

use domain::access::is_handle;
use serde::Serialize;
use serde_json::json;
use wire::{Described, Errors, Input, Json, Schema, Schemas, check};

/// A name in an address: lower-case letters, digits and single dashes between them.
#[derive(Debug, Clone)]
pub struct Handle(pub String);

/// What `is_handle` accepts, for the client's eyes.
const HANDLE: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
const LONGEST: usize = 100;

impl Input for Handle {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let text = String::parse(value, errors)?;
        check::max_length(&text, LONGEST, value, errors)?;
        if !is_handle(&text) {
            let context = json!({ "pattern": HANDLE });
            errors.push_with(
                "string_pattern_mismatch",
                format!("String should match pattern '{HANDLE}'"),
                value,
                Some(context),
            );
            return None;
        }
        Some(Self(text))
    }
}

impl Described for Handle {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "string", "pattern": HANDLE, "maxLength": LONGEST })
    }
}

/// What people call a thing: not empty, not a text.
#[derive(Debug, Clone)]
pub struct Name(pub String);

const LONGEST_NAME: usize = 255;

impl Input for Name {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let text = String::parse(value, errors)?;
        check::min_length(&text, 1, value, errors)?;
        check::max_length(&text, LONGEST_NAME, value, errors)?;
        Some(Self(text))
    }
}

impl Described for Name {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "string", "minLength": 1, "maxLength": LONGEST_NAME })
    }
}

/// Equal to any of these.
#[derive(Debug, Clone, Default, Input)]
pub struct AnyName {
    pub any_: Option<Vec<String>>,
}

/// The names a criterion asks for; `None` for all.
pub fn names(criterion: Option<AnyName>) -> Option<Vec<String>> {
    criterion.and_then(|names| names.any_)
}

/// One object or a list of them; the answer has the form of the question.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T: Input> Input for OneOrMany<T> {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Array(_) => Vec::parse(value, errors).map(Self::Many),
            _ => T::parse(value, errors).map(Self::One),
        }
    }
}

impl<T: Described> Described for OneOrMany<T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        let one = T::schema(schemas);
        json!({ "anyOf": [one.clone(), { "type": "array", "items": one }] })
    }
}
