//! What a block holds: plain values, secrets, other blocks.
//!
//! A schema names its secrets by their ways through the data, `a.b`, and `a.*` for all below `a`. Where a way leads through
//! a list it leads through each of its items, and what it ends at is secret as a whole. (The reference shows secrets in
//! lists, and those that are objects: `schemas/core.py`, `BlockDocument.from_orm_model`.)

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use wire::json::MAX_DEPTH;
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
    hide_at(data, &Ways::to(secrets))
}

/// New data in which each secret that came back hidden is what it was before: clients that change one field send all.
pub fn restore<'a>(new: &Json<'a>, old: &Json<'a>, secrets: &[String]) -> Json<'a> {
    restore_at(new, old, &Ways::to(secrets))
}

/// Old data with the fields of new ones in their places.
pub fn merge<'a>(old: &Json<'a>, new: &Json<'a>) -> Json<'a> {
    let (Json::Object(old), Json::Object(new)) = (old, new) else { return new.clone() };
    let named: HashSet<&str> = new.iter().map(|(key, _)| key.as_ref()).collect();
    let kept = old.iter().filter(|(key, _)| !named.contains(key.as_ref()));
    object(kept.chain(new.iter()).cloned().collect())
}

/// All ways to secrets from one place, so that data are gone through once, however many there are.
#[derive(Default)]
struct Ways<'s> {
    /// The place is secret itself.
    here: bool,
    /// So is all below it.
    all_below: bool,
    below: HashMap<&'s str, Ways<'s>>,
}

impl<'s> Ways<'s> {
    fn to(secrets: &'s [String]) -> Self {
        let mut ways = Self::default();
        for secret in secrets {
            let mut at = &mut ways;
            for (depth, step) in secret.split('.').map(Some).chain([None]).enumerate() {
                match step {
                    // No data are so deep.
                    _ if depth > MAX_DEPTH + 1 => break,
                    Some("*") => {
                        at.all_below = true;
                        break;
                    }
                    Some(key) => at = at.below.entry(key).or_default(),
                    None => at.here = true,
                }
            }
        }
        ways
    }
}

fn hidden() -> Json<'static> {
    Json::Str(HIDDEN.into())
}

fn is_hidden(value: &Json<'_>) -> bool {
    matches!(value, Json::Str(text) if text == HIDDEN)
}

fn hide_at<'a>(value: &Json<'a>, ways: &Ways<'_>) -> Json<'a> {
    if ways.here && (ways.all_below || !matches!(value, Json::Null)) {
        return hidden();
    }
    let value = if ways.all_below { hide_leaves(value) } else { value.clone() };
    match &value {
        Json::Array(items) if !ways.below.is_empty() => {
            Json::Array(Arc::new(items.iter().map(|item| hide_at(item, ways)).collect()))
        }
        Json::Object(fields) if !ways.below.is_empty() => {
            let each = fields.iter().map(|(name, value)| {
                let ways = ways.below.get(name.as_ref());
                (name.clone(), ways.map_or_else(|| value.clone(), |ways| hide_at(value, ways)))
            });
            object(each.collect())
        }
        _ => value,
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

fn restore_at<'a>(new: &Json<'a>, old: &Json<'a>, ways: &Ways<'_>) -> Json<'a> {
    if ways.here && is_hidden(new) && !matches!(old, Json::Null) {
        return old.clone();
    }
    let new = if ways.all_below { restore_leaves(new, old) } else { new.clone() };
    match (&new, old) {
        (Json::Array(items), Json::Array(old)) if !ways.below.is_empty() => {
            let each = items.iter().enumerate().map(|(at, new)| match old.get(at) {
                Some(old) => restore_at(new, old, ways),
                None => new.clone(),
            });
            Json::Array(Arc::new(each.collect()))
        }
        (Json::Object(fields), old) if !ways.below.is_empty() => {
            let old = by_name(old);
            let each = fields.iter().map(|(name, value)| {
                let restored = match (ways.below.get(name.as_ref()), old.get(name.as_ref())) {
                    (Some(ways), Some(old)) => restore_at(value, old, ways),
                    _ => value.clone(),
                };
                (name.clone(), restored)
            });
            object(each.collect())
        }
        _ => new,
    }
}

fn restore_leaves<'a>(new: &Json<'a>, old: &Json<'a>) -> Json<'a> {
    match new {
        Json::Object(fields) if !fields.is_empty() => {
            let old = by_name(old);
            let each = fields.iter().map(|(name, value)| match old.get(name.as_ref()) {
                Some(old) => (name.clone(), restore_leaves(value, old)),
                None => (name.clone(), value.clone()),
            });
            object(each.collect())
        }
        _ if is_hidden(new) => old.clone(),
        _ => new.clone(),
    }
}

/// The fields of an object; of those named twice the last.
fn by_name<'v, 'a>(value: &'v Json<'a>) -> HashMap<&'v str, &'v Json<'a>> {
    match value {
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.as_ref(), value)).collect(),
        _ => HashMap::new(),
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
            (r#"{"a":{"b":{"c":1},"d":2}}"#, vec!["a.*", "a.b"], r#"{"a":{"b":"********","d":"********"}}"#),
            (r#"{"a":null,"b":null}"#, vec!["a.*", "a", "b"], r#"{"a":"********","b":null}"#),
        ] {
            assert_eq!(text(&hide(&parsed(data), &secrets(&ways))), shown, "{data} {ways:?}");
        }
    }

    #[test]
    fn many_secrets_in_many_fields_are_gone_through_once() {
        let names: Vec<String> = (0..20_000).map(|at| format!("secret_{at}")).collect();
        let all = |value: &str| {
            let fields: Vec<String> = names.iter().map(|name| format!("\"{name}\":\"{value}\"")).collect();
            parsed(&format!("{{{}}}", fields.join(",")))
        };
        assert_eq!(text(&hide(&all("s"), &names)), text(&all(HIDDEN)));
        assert_eq!(text(&restore(&all(HIDDEN), &all("s"), &names)), text(&all("s")));
        assert_eq!(text(&restore(&all(HIDDEN), &all("s"), &secrets(&["*"]))), text(&all("s")));
        assert_eq!(text(&merge(&all("s"), &all("t"))), text(&all("t")));
        let long = "a.".repeat(1_000_000);
        assert_eq!(text(&hide(&parsed(r#"{"a":"s"}"#), std::slice::from_ref(&long))), r#"{"a":"s"}"#);
        assert_eq!(text(&hide(&parsed(r#"{"a":"s"}"#), &[format!("a.*.{long}")])), r#"{"a":"********"}"#);
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
