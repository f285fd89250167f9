//! What a schema may look like (JSON Schema, draft 2020-12), as a schema: the draft's vocabularies in one piece.

use std::sync::LazyLock;

use serde_json::Value;

pub(super) fn schema() -> &'static Value {
    static META: LazyLock<Value> = LazyLock::new(|| {
        // A part of the program, read by a test.
        serde_json::from_str(include_str!("meta.json")).unwrap_or_default()
    });
    &META
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::json_schema::Budget;

    fn fault(schema: &serde_json::Value) -> Option<String> {
        crate::json_schema::fault(schema, &mut Budget::default())
    }

    #[test]
    fn the_schema_of_schemas_is_one() {
        assert!(super::schema().is_object());
        assert_eq!(fault(super::schema()), None);
    }

    #[test]
    fn a_schema_is_told_from_what_is_none() {
        for good in
            [json!({}), json!(true), json!({ "type": ["string", "null"], "properties": { "a": { "items": {} } } })]
        {
            assert_eq!(fault(&good), None, "{good}");
        }
        for (bad, why) in [
            (json!([]), "[] is not of type 'object', 'boolean'"),
            (json!({ "type": "text" }), "'text' is not valid under any of the given schemas"),
            (json!({ "properties": [] }), "[] is not of type 'object'"),
            (json!({ "properties": { "a": 5 } }), "5 is not of type 'object', 'boolean'"),
            (json!({ "required": "a" }), "'a' is not of type 'array'"),
            (json!({ "minLength": -1 }), "-1 is less than the minimum of 0"),
        ] {
            assert_eq!(fault(&bad).as_deref(), Some(why), "{bad}");
        }
    }
}
