//! Schemas as pydantic wrote them: not quite the draft, and with blocks that may be referred to.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Lax;
use super::keywords::names;

/// What pydantic 1 wrote is not quite the draft: an optional field may be null, and a tuple is a list of `items`. A block
/// may be named by its id instead.
pub(super) fn of_pydantic_1(mut schema: Value, lax: Lax) -> Value {
    fix_properties(&mut schema, lax);
    if let Some(Value::Object(definitions)) = schema.get_mut("definitions") {
        definitions.values_mut().for_each(|definition| fix_properties(definition, lax));
        let blocks: Vec<(String, Value)> = definitions
            .values()
            .filter(|definition| definition.get("block_type_slug").is_some())
            .filter_map(|block| Some((block["title"].as_str()?.to_owned(), block.clone())))
            .collect();
        for (title, block) in blocks {
            definitions.insert(title, json!({ "oneOf": [block, reference_to_a_block()] }));
        }
    }
    schema
}

fn reference_to_a_block() -> Value {
    let names = json!({ "type": "object", "additionalProperties": { "type": "string" }, "minProperties": 1 });
    let reference = json!({ "oneOf": [{ "type": "string", "format": "uuid" }, names] });
    json!({ "type": "object", "properties": { "$ref": reference }, "required": ["$ref"] })
}

fn fix_properties(schema: &mut Value, lax: Lax) {
    let required: BTreeSet<String> = names(schema.get("required")).map(str::to_owned).collect();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, property) in properties.iter_mut() {
        let Value::Object(fields) = &mut *property else { continue };
        let typed = fields.get("type").is_some_and(|type_| type_ != "null");
        if typed && !required.contains(name) && (lax.null_for_default || !fields.contains_key("default")) {
            let type_ = fields.shift_remove("type");
            fields.insert("anyOf".into(), json!([{ "type": type_ }, { "type": "null" }]));
        }
        if !fields.contains_key("prefixItems") && fields.get("items").is_some_and(Value::is_array) {
            let items = fields.shift_remove("items").unwrap_or_default();
            fields.insert("prefixItems".into(), items);
        }
        fix_properties(property, lax);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_schema::validate;

    #[test]
    fn a_block_may_be_named_by_its_id() {
        let block = json!({ "title": "Secret", "block_type_slug": "secret", "type": "object", "properties": { "value": { "type": "string" } }, "required": ["value"] });
        let schema =
            json!({ "properties": { "b": { "$ref": "#/definitions/Secret" } }, "definitions": { "Secret": block } });
        for (value, fits) in [
            (json!({ "b": { "value": "x" } }), true),
            (json!({ "b": { "$ref": "00000000-0000-0000-0000-000000000001" } }), true),
            (json!({ "b": { "$ref": { "block_document_id": "x" } } }), true),
            (json!({ "b": { "$ref": {} } }), false),
            (json!({ "b": 5 }), false),
        ] {
            assert_eq!(validate(&value, &schema).is_ok(), fits, "{value}");
        }
    }
}
