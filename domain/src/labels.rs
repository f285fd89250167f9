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
                if matches!(item, Json::Bool(_) | Json::Int(_) | Json::BigInt(_) | Json::Float(_) | Json::Str(_)) {
                    continue;
                }
                fits = false;
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
