//! What a block holds: plain values, secrets, other blocks.
//!
//! A schema names its secrets by their ways through the data, `a.b`, and `a.*` for all below `a`. Where a way leads through
//! a list it leads through each of its items, and what it ends at is secret as a whole. (The reference shows secrets in
//! lists, and those that are objects: `schemas/core.py`, `BlockDocument.from_orm_model`.)

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use wire::{Json, RawObject};

use crate::BlockDocumentId;
use crate::block_schemas::{field, object};

/// Shown in place of a secret.
pub const HIDDEN: &str = "********";

/// Why data are none of a block, to be shown to whoever sent them.
pub type Refusal = String;

/// The ways to the secrets of a schema's blocks.
pub fn secret_fields(fields: &RawObject) -> Vec<String> {
    #[derive(Deserialize)]
    struct Fields {
        #[serde(default)]
        secret_fields: Vec<String>,
    }
    let fields: Option<Fields> = serde_json::from_str(fields.0.text()).ok();
    fields.map_or_else(Vec::new, |fields| fields.secret_fields)
}

/// Data without the blocks they refer to, and those by the field that holds each. Only the outermost fields hold blocks.
pub fn split<'a>(data: &Json<'a>) -> Result<(Json<'a>, Vec<(String, BlockDocumentId)>), Refusal> {
    let Json::Object(all) = data else { return Ok((data.clone(), Vec::new())) };
    let (mut plain, mut blocks) = (Vec::new(), Vec::new());
    for (key, value) in all.iter() {
        match field(value, "$ref") {
            None => plain.push((key.clone(), value.clone())),
            Some(reference) => blocks.push((key.clone().into_owned(), referred(key, reference)?)),
        }
    }
    Ok((object(plain), blocks))
}

fn referred(key: &str, reference: &Json<'_>) -> Result<BlockDocumentId, Refusal> {
    match field(reference, "block_document_id") {
        None | Some(Json::Null) => Err(format!("Received block reference without a block_document_id in key {key}")),
        Some(Json::Str(id)) => Uuid::try_parse(id).map(BlockDocumentId).map_err(|_| wrong(key)),
        Some(_) => Err(wrong(key)),
    }
}

fn wrong(key: &str) -> Refusal {
    format!("Received block reference with a block_document_id that is no UUID in key {key}")
}

/// What everybody in the workspace may be told of data whose secrets are hidden: the fields that the schema declares. Who
/// keeps a secret in a field of another name tells nobody.
pub fn declared(data: &RawObject, fields: &RawObject) -> Map<String, Value> {
    let (Value::Object(data), fields) = (data.0.to_value(), fields.0.to_value()) else { return Map::new() };
    data.into_iter().filter(|(name, _)| fields["properties"].get(name).is_some()).collect()
}

/// Data with the secrets hidden.
pub fn hide<'a>(data: &Json<'a>, secrets: &[String]) -> Json<'a> {
    secrets.iter().fold(data.clone(), |data, secret| hide_at(&data, &way(secret)))
}

/// New data in which each secret that came back hidden is what it was before: clients that change one field send all.
pub fn restore<'a>(new: &Json<'a>, old: &Json<'a>, secrets: &[String]) -> Json<'a> {
    secrets.iter().fold(new.clone(), |new, secret| restore_at(&new, old, &way(secret)))
}

/// Old data with the fields of new ones in their places.
pub fn merge<'a>(old: &Json<'a>, new: &Json<'a>) -> Json<'a> {
    let (Json::Object(old), Json::Object(new)) = (old, new) else { return new.clone() };
    let named: HashSet<&str> = new.iter().map(|(key, _)| key.as_ref()).collect();
    let kept = old.iter().filter(|(key, _)| !named.contains(key.as_ref()));
    object(kept.chain(new.iter()).cloned().collect())
}

fn way(secret: &str) -> Vec<&str> {
    secret.split('.').collect()
}

fn hidden() -> Json<'static> {
    Json::Str(HIDDEN.into())
}

fn is_hidden(value: &Json<'_>) -> bool {
    matches!(value, Json::Str(text) if text == HIDDEN)
}

fn hide_at<'a>(value: &Json<'a>, way: &[&str]) -> Json<'a> {
    match (way, value) {
        ([], Json::Null) => Json::Null,
        ([], _) => hidden(),
        (["*", ..], value) => hide_leaves(value),
        (_, Json::Array(items)) => Json::Array(Arc::new(items.iter().map(|item| hide_at(item, way)).collect())),
        ([key, rest @ ..], Json::Object(fields)) => {
            let each = fields
                .iter()
                .map(|(name, value)| (name.clone(), if name == key { hide_at(value, rest) } else { value.clone() }));
            object(each.collect())
        }
        _ => value.clone(),
    }
}

/// Whatever is no object with fields.
fn hide_leaves<'a>(value: &Json<'a>) -> Json<'a> {
    match value {
        Json::Object(fields) if !fields.is_empty() => {
            object(fields.iter().map(|(name, value)| (name.clone(), hide_leaves(value))).collect())
        }
        _ => hidden(),
    }
}

fn restore_at<'a>(new: &Json<'a>, old: &Json<'a>, way: &[&str]) -> Json<'a> {
    match (way, new, old) {
        ([], new, old) => {
            if is_hidden(new) && !matches!(old, Json::Null) {
                old.clone()
            } else {
                new.clone()
            }
        }
        (["*", ..], new, old) => restore_leaves(new, old),
        (_, Json::Array(new), Json::Array(old)) => {
            let each = new.iter().enumerate().map(|(at, new)| match old.get(at) {
                Some(old) => restore_at(new, old, way),
                None => new.clone(),
            });
            Json::Array(Arc::new(each.collect()))
        }
        ([key, rest @ ..], Json::Object(fields), old) => {
            let each = fields.iter().map(|(name, value)| match field(old, name) {
                Some(old) if name == key => (name.clone(), restore_at(value, old, rest)),
                _ => (name.clone(), value.clone()),
            });
            object(each.collect())
        }
        _ => new.clone(),
    }
}

fn restore_leaves<'a>(new: &Json<'a>, old: &Json<'a>) -> Json<'a> {
    match new {
        Json::Object(fields) if !fields.is_empty() => {
            let each = fields.iter().map(|(name, value)| match field(old, name) {
                Some(old) => (name.clone(), restore_leaves(value, old)),
                None => (name.clone(), value.clone()),
            });
            object(each.collect())
        }
        _ if is_hidden(new) => old.clone(),
        _ => new.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Json<'static> {
        wire::json::parse(text.as_bytes()).unwrap().into_static()
    }

    fn text(value: &Json<'_>) -> String {
        wire::json::to_text(value).unwrap()
    }

    fn secrets(of: &[&str]) -> Vec<String> {
        of.iter().map(|way| (*way).to_owned()).collect()
    }

    #[test]
    fn secrets_are_hidden_wherever_their_way_leads() {
        for (data, ways, shown) in [
            (r#"{"a":"s","b":1}"#, vec!["a"], r#"{"a":"********","b":1}"#),
            (r#"{"a":null}"#, vec!["a"], r#"{"a":null}"#),
            (r#"{"a":5}"#, vec!["a", "a"], r#"{"a":"********"}"#),
            (r#"{"a":{"b":"s","c":1}}"#, vec!["a.b"], r#"{"a":{"b":"********","c":1}}"#),
            (r#"{"a":{"b":"s"}}"#, vec!["a"], r#"{"a":"********"}"#),
            (r#"{"a":[{"b":"s"},{"b":null},1]}"#, vec!["a.b"], r#"{"a":[{"b":"********"},{"b":null},1]}"#),
            (
                r#"{"a":{"x":"s","y":{"z":null,"e":{}}},"b":2}"#,
                vec!["a.*"],
                r#"{"a":{"x":"********","y":{"z":"********","e":"********"}},"b":2}"#,
            ),
            (r#"{"a":"s"}"#, vec!["a.*"], r#"{"a":"********"}"#),
            (r#"{"a":"s"}"#, vec!["b", "a.b", ""], r#"{"a":"s"}"#),
        ] {
            assert_eq!(text(&hide(&parsed(data), &secrets(&ways))), shown, "{data} {ways:?}");
        }
    }

    #[test]
    fn fields_that_no_schema_declares_are_told_of_to_nobody() {
        let object = |text: &str| RawObject(wire::RawJson::from_text(text.to_owned()).unwrap());
        let told = declared(&object(r#"{"a":"x","b":"y"}"#), &object(r#"{"properties":{"a":{}}}"#));
        assert_eq!(told.keys().collect::<Vec<_>>(), ["a"]);
        assert!(declared(&object(r#"{"a":"x"}"#), &object("{}")).is_empty());
    }

    #[test]
    fn what_came_back_hidden_is_what_it_was() {
        for (new, old, ways, kept) in [
            (r#"{"a":"********","b":2}"#, r#"{"a":"s","b":1}"#, vec!["a"], r#"{"a":"s","b":2}"#),
            (r#"{"a":"new"}"#, r#"{"a":"s"}"#, vec!["a"], r#"{"a":"new"}"#),
            (r#"{"a":"********"}"#, r#"{"a":null}"#, vec!["a"], r#"{"a":"********"}"#),
            (r#"{"b":"********"}"#, r#"{"b":"s"}"#, vec!["a"], r#"{"b":"********"}"#),
            (r#"{"a":"********"}"#, r#"{"a":{"b":1}}"#, vec!["a"], r#"{"a":{"b":1}}"#),
            (
                r#"{"a":{"x":"********","y":"n","z":"********"}}"#,
                r#"{"a":{"x":1}}"#,
                vec!["a.*"],
                r#"{"a":{"x":1,"y":"n","z":"********"}}"#,
            ),
            (
                r#"{"a":[{"b":"********"},{"b":"n"}]}"#,
                r#"{"a":[{"b":"s"}]}"#,
                vec!["a.b"],
                r#"{"a":[{"b":"s"},{"b":"n"}]}"#,
            ),
        ] {
            assert_eq!(text(&restore(&parsed(new), &parsed(old), &secrets(&ways))), kept, "{new} {old}");
        }
    }

    #[test]
    fn blocks_are_split_from_plain_values() {
        let id = "0190b3f0-0000-7000-8000-000000000000";
        let data = format!(r#"{{"a":1,"b":{{"$ref":{{"block_document_id":"{id}"}}}},"c":{{"d":{{"$ref":1}}}}}}"#);
        let (plain, blocks) = split(&parsed(&data)).unwrap();
        assert_eq!(text(&plain), r#"{"a":1,"c":{"d":{"$ref":1}}}"#);
        assert_eq!(blocks, [("b".to_owned(), BlockDocumentId(Uuid::try_parse(id).unwrap()))]);
        for wrong in [r#"{"b":{"$ref":{}}}"#, r#"{"b":{"$ref":1}}"#, r#"{"b":{"$ref":{"block_document_id":"x"}}}"#] {
            assert!(split(&parsed(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn new_fields_take_the_place_of_old_ones() {
        let merged = merge(&parsed(r#"{"a":1,"b":{"c":2}}"#), &parsed(r#"{"b":{"d":3},"e":4}"#));
        assert_eq!(text(&merged), r#"{"a":1,"b":{"d":3},"e":4}"#);
    }
}
