//! Labels: a flat map of text to yes/no, number or text.

use serde::Serialize;
use serde_json::json;
use wire::{Described, Errors, Input, Json, RawObject, Schema, Schemas};

/// An object whose values are booleans, numbers or strings; kept as it was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(transparent)]
#[cfg_attr(feature = "sql", derive(postgres_types::ToSql, postgres_types::FromSql), postgres(transparent))]
pub struct Labels(pub RawObject);

impl Labels {
    /// These labels with those of `newer` over them.
    pub fn merged(&self, newer: &Labels) -> Labels {
        let mut merged = match self.0.0.to_value() {
            serde_json::Value::Object(map) => map,
            _ => serde_json::Map::new(),
        };
        if let serde_json::Value::Object(map) = newer.0.0.to_value() {
            merged.extend(map);
        }
        Labels(RawObject(wire::RawJson::of(&merged)))
    }

    pub fn of(map: &serde_json::Map<String, serde_json::Value>) -> Labels {
        Labels(RawObject(wire::RawJson::of(map)))
    }
}

impl Input for Labels {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let mut fits = true;
        if let Json::Object(fields) = value {
            for (key, item) in fields.iter() {
                match item {
                    Json::Bool(_) | Json::Int(_) | Json::BigInt(_) | Json::Str(_) => continue,
                    Json::Float(number) if number.is_finite() => continue,
                    _ => fits = false,
                }
                if let Json::Float(_) = item {
                    // JSON has no word for it: kept as `null` it would make clients fail on every later read.
                    let key = key.clone().into_owned();
                    errors.at(key, |e| e.push("finite_number", "Input should be a finite number", item));
                    continue;
                }
                // The reference tries each member of its union in turn and reports all.
                errors.at(key.clone().into_owned(), |e| {
                    for (member, kind, msg) in [
                        ("bool", "bool_type", "Input should be a valid boolean"),
                        ("int", "int_type", "Input should be a valid integer"),
                        ("float", "float_type", "Input should be a valid number"),
                        ("str", "string_type", "Input should be a valid string"),
                    ] {
                        e.at(member, |e| e.push(kind, msg, item));
                    }
                });
            }
        }
        let object = RawObject::parse(value, errors)?;
        fits.then_some(Labels(object))
    }
}

impl Described for Labels {
    fn schema(_: &mut Schemas) -> Schema {
        let value =
            json!({ "anyOf": [{"type": "boolean"}, {"type": "integer"}, {"type": "number"}, {"type": "string"}] });
        json!({ "type": "object", "additionalProperties": value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Labels> {
        let mut errors = Errors::default();
        let parsed = Labels::parse(&wire::json::parse(text.as_bytes()).unwrap(), &mut errors);
        assert_eq!(parsed.is_none(), !errors.is_empty(), "{text}");
        parsed
    }

    #[test]
    fn what_json_cannot_say_is_no_label() {
        for text in [r#"{"a": 1e308, "b": "x", "c": true, "d": -3}"#, "{}"] {
            assert!(parse(text).is_some(), "{text}");
        }
        for text in [r#"{"a": 1e999}"#, r#"{"a": -1e999}"#, r#"{"a": null}"#, r#"{"a": []}"#] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
