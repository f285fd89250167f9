//! Schemas within schemas. A client sends a schema with the definitions of all it nests, and names the nested by type and
//! checksum under `block_schema_references`. Each becomes a schema of its own. What is answered has the definitions put
//! together again, from the nested schemas as they are kept (reference: `server/models/block_schemas.py`).

use std::borrow::Cow;
use std::collections::HashSet;

use wire::Json;

use super::{field, object};
use crate::policies::is_falsy;

const REFERENCES: &str = "block_schema_references";
const DEFINITIONS: &str = "definitions";
/// Schemas nested in one another.
pub const DEEPEST: usize = 50;

/// A nested schema by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub block_type_slug: String,
    pub block_schema_checksum: String,
}

/// A nested schema as it is kept.
#[derive(Debug, Clone)]
pub struct Nested<'a> {
    pub reference: Reference,
    pub fields: Json<'a>,
}

/// Why fields are no schema of a block, to be shown to whoever sent them.
pub type Refusal = String;

/// The references of a schema, each name with the one it stands for, or several of which a block may hold any.
pub fn references(fields: &Json<'_>) -> Result<Vec<(String, Vec<Reference>)>, Refusal> {
    let all = match field(fields, REFERENCES) {
        None => return Ok(Vec::new()),
        Some(Json::Object(all)) => all,
        Some(_) => return Err(format!("'{REFERENCES}' must be an object")),
    };
    let mut found = Vec::with_capacity(all.len());
    for (name, value) in all.iter() {
        let several = match value {
            Json::Array(several) => several.as_slice(),
            one => std::slice::from_ref(one),
        };
        let references = several.iter().map(|one| reference(name, one)).collect::<Result<_, _>>()?;
        found.push((name.clone().into_owned(), references));
    }
    Ok(found)
}

fn reference(name: &str, value: &Json<'_>) -> Result<Reference, Refusal> {
    let text = |key: &str| match field(value, key) {
        Some(Json::Str(text)) => Ok(text.clone().into_owned()),
        _ => Err(format!("the block schema reference '{name}' must have a text '{key}'")),
    };
    Ok(Reference { block_type_slug: text("block_type_slug")?, block_schema_checksum: text("block_schema_checksum")? })
}

/// The definitions that a schema brings along, if it does.
pub fn definitions<'v, 'a>(fields: &'v Json<'a>) -> Option<&'v Json<'a>> {
    field(fields, DEFINITIONS).filter(|definitions| matches!(definitions, Json::Object(all) if !all.is_empty()))
}

/// Fields with the definitions of the schema that nests them.
pub fn with_definitions<'a>(fields: &Json<'a>, definitions: &Json<'a>) -> Json<'a> {
    let Json::Object(all) = fields else { return fields.clone() };
    let mut all: Vec<_> = all.iter().filter(|(key, _)| key != DEFINITIONS).cloned().collect();
    all.push((DEFINITIONS.into(), definitions.clone()));
    object(all)
}

/// The fields of the nested schema that stands under `name`, of the type with this slug.
pub fn fields_of_nested<'v, 'a>(
    fields: &'v Json<'a>,
    definitions: Option<&'v Json<'a>>,
    name: &str,
    slug: &str,
) -> Result<&'v Json<'a>, Refusal> {
    let missing = || format!("Unable to create nested block schema for block type '{slug}' due to missing definition.");
    let definitions = definitions.ok_or_else(missing)?;
    let property = field(fields, "properties").and_then(|properties| field(properties, name)).ok_or_else(missing)?;
    let keys = reference_strings(property);
    let found = match keys.as_slice() {
        [only] => field(definitions, only),
        several => several
            .iter()
            .filter_map(|key| field(definitions, key))
            .find(|definition| matches!(field(definition, "block_type_slug"), Some(Json::Str(found)) if found == slug)),
    };
    found.filter(|found| matches!(found, Json::Object(_))).ok_or_else(missing)
}

/// A schema as it is answered: its own fields, its references, and the definitions of all that it needs.
pub fn compose<'a>(
    fields: &Json<'a>,
    definitions: Option<&Json<'a>>,
    nested: &[(String, Vec<Nested<'a>>)],
) -> Json<'a> {
    let Json::Object(all) = fields else { return fields.clone() };
    let mut whole: Vec<_> = all.iter().filter(|(key, _)| key != REFERENCES && key != DEFINITIONS).cloned().collect();
    whole.push((REFERENCES.into(), object(nested.iter().map(|(name, of)| (name.clone().into(), named(of))).collect())));
    let mut defined: Vec<(Cow<'a, str>, Json<'a>)> = match definitions {
        Some(definitions) => {
            let all = with_definitions(fields, definitions);
            non_block_definitions(&all, definitions).into_iter().map(|(key, value)| (key.into(), value)).collect()
        }
        None => Vec::new(),
    };
    for one in nested.iter().flat_map(|(_, of)| of) {
        let Some(Json::Str(title)) = field(&one.fields, "title") else { continue };
        let Json::Object(fields) = &one.fields else { continue };
        let (deeper, its): (Vec<_>, Vec<_>) = fields.iter().cloned().partition(|(key, _)| key == DEFINITIONS);
        define(&mut defined, title.clone(), object(its));
        for (_, deeper) in deeper {
            let Json::Object(deeper) = deeper else { continue };
            deeper.iter().for_each(|(key, value)| define(&mut defined, key.clone(), value.clone()));
        }
    }
    if !defined.is_empty() {
        whole.push((DEFINITIONS.into(), object(defined)));
    }
    object(whole)
}

fn define<'a>(defined: &mut Vec<(Cow<'a, str>, Json<'a>)>, key: Cow<'a, str>, value: Json<'a>) {
    defined.retain(|(known, _)| *known != key);
    defined.push((key, value));
}

/// One reference, or a list of several, none of them twice.
fn named<'a>(of: &[Nested<'a>]) -> Json<'a> {
    let mut names: Vec<Json<'a>> = Vec::new();
    for Nested { reference: Reference { block_type_slug, block_schema_checksum }, .. } in of {
        let name = object(vec![
            ("block_schema_checksum".into(), Json::Str(block_schema_checksum.clone().into())),
            ("block_type_slug".into(), Json::Str(block_type_slug.clone().into())),
        ]);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.len() {
        1 => names.remove(0),
        _ => Json::Array(names.into()),
    }
}

/// The definitions that an object refers to, directly or through others of them, as far as they are no blocks.
pub(super) fn non_block_definitions<'a>(of: &Json<'a>, definitions: &Json<'a>) -> Vec<(String, Json<'a>)> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut keys = reference_strings(of);
    while let Some(key) = keys.pop() {
        if !seen.insert(key.clone()) {
            continue;
        }
        let Some(definition) = field(definitions, &key) else { continue };
        let is_block = !matches!(field(definition, "block_type_slug"), None | Some(Json::Null));
        if !is_block && !is_falsy(definition) {
            keys.extend(reference_strings(definition));
            found.push((key, definition.clone()));
        }
    }
    found
}

/// The names of the definitions that a value refers to, at any depth.
fn reference_strings(value: &Json<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        match value {
            Json::Object(fields) => {
                if let Some(Json::Str(reference)) = field(value, "$ref") {
                    found.push(reference.replace("#/definitions/", ""));
                }
                todo.extend(fields.iter().map(|(_, value)| value));
            }
            Json::Array(items) => todo.extend(items.iter()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Json<'static> {
        wire::json::parse(text.as_bytes()).unwrap().into_static()
    }

    #[test]
    fn what_was_taken_apart_is_put_together() {
        let child = r##"{"title":"Child","properties":{"x":{"$ref":"#/definitions/Plain"}},"block_type_slug":"child","block_schema_references":{},"definitions":{"Plain":{"type":"object"}}}"##;
        let own = parsed(
            r##"{"title":"Parent","properties":{"child":{"$ref":"#/definitions/Child"}},"definitions":{"Child":{"block_type_slug":"child"},"Unused":{"a":1}},"block_schema_references":{"child":{"block_type_slug":"child","block_schema_checksum":"sha256:1"}}}"##,
        );
        let references = references(&own).unwrap();
        assert_eq!(references.len(), 1);
        let reference = references[0].1[0].clone();
        let nested = vec![("child".to_owned(), vec![Nested { reference, fields: parsed(child) }])];
        let whole = wire::json::to_text(&compose(&own, definitions(&own), &nested)).unwrap();
        let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(
            whole,
            serde_json::json!({
                "title": "Parent", "properties": {"child": {"$ref": "#/definitions/Child"}},
                "block_schema_references": {"child": {"block_schema_checksum": "sha256:1", "block_type_slug": "child"}},
                "definitions": {
                    "Child": {"title": "Child", "properties": {"x": {"$ref": "#/definitions/Plain"}}, "block_type_slug": "child", "block_schema_references": {}},
                    "Plain": {"type": "object"},
                },
            })
        );
    }

    #[test]
    fn definitions_that_refer_to_themselves_end() {
        let tree = parsed(r##"{"p":{"$ref":"#/definitions/T"},"definitions":{"T":{"c":{"$ref":"#/definitions/T"}}}}"##);
        assert_eq!(non_block_definitions(&tree, definitions(&tree).unwrap()).len(), 1);
    }

    #[test]
    fn references_that_are_none_are_refused() {
        for wrong in
            [r#"{"block_schema_references":[]}"#, r#"{"block_schema_references":{"a":{"block_type_slug":"x"}}}"#]
        {
            assert!(references(&parsed(wrong)).is_err(), "{wrong}");
        }
        let several = r#"{"block_schema_references":{"a":[{"block_type_slug":"x","block_schema_checksum":"1"},{"block_type_slug":"y","block_schema_checksum":"2"}]}}"#;
        assert_eq!(references(&parsed(several)).unwrap()[0].1.len(), 2);
    }
}
