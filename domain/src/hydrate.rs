//! Values that stand for others in parameters and inputs: objects with `__prefect_kind`.
//!
//! JSON as text becomes what it says. Workspace variables are looked up among those that are handed in. Templates are not
//! rendered: one that holds nothing to render is its text, any other is an error that says so.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Why a value cannot be filled in.
pub type Unfilled = String;

/// `value` with everything that stands for something replaced by it. What stands for nothing goes away; at the top it is an
/// empty object.
pub fn hydrate(value: Value, variables: &HashMap<String, Value>) -> Result<Value, Unfilled> {
    Ok(fill(value, variables)?.unwrap_or_else(|| Value::Object(Map::new())))
}

fn fill(value: Value, variables: &HashMap<String, Value>) -> Result<Option<Value>, Unfilled> {
    match value {
        Value::Object(mut fields) => match fields.remove("__prefect_kind") {
            Some(kind) => stand_in(kind.as_str().unwrap_or_default(), fields, variables),
            None => {
                let mut filled = Map::new();
                for (name, value) in fields {
                    if let Some(value) = fill(value, variables)? {
                        filled.insert(name, value);
                    }
                }
                Ok(Some(filled.into()))
            }
        },
        Value::Array(items) => {
            let filled: Result<Vec<_>, _> = items.into_iter().map(|item| fill(item, variables)).collect();
            Ok(Some(filled?.into_iter().flatten().collect()))
        }
        plain => Ok(Some(plain)),
    }
}

/// The value of a text; why it is none, in the words of Python's `json` module, whose message the reference hands on.
fn json_of(text: &str) -> Result<Value, String> {
    let refused = match wire::json::parse(text.as_bytes()) {
        Ok(_) => "value out of range".to_owned(),
        Err(wire::json::NotJson::Encoding) => "not UTF-8".to_owned(),
        Err(wire::json::NotJson::Syntax { at, why }) => {
            let before: Vec<char> = text.chars().take(at).collect();
            let line = before.iter().filter(|c| **c == '\n').count() + 1;
            let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
            format!("{why}: line {line} column {column} (char {at})")
        }
    };
    serde_json::from_str(text).map_err(|_| refused)
}

fn stand_in(
    kind: &str,
    mut fields: Map<String, Value>,
    variables: &HashMap<String, Value>,
) -> Result<Option<Value>, Unfilled> {
    // Only an object in a field may stand for something itself.
    let mut field = |name: &str| match fields.remove(name) {
        Some(object @ Value::Object(_)) => fill(object, variables),
        other => Ok(other),
    };
    match kind {
        "none" => match fields.remove("value") {
            Some(value) => fill(value, variables),
            None => Err(missing("value")),
        },
        "json" => match field("value")? {
            Some(Value::String(text)) => json_of(&text).map(Some).map_err(|why| format!("Invalid JSON: {why}")),
            other => Ok(other),
        },
        "jinja" => match field("template")? {
            None => Err(missing("template")),
            Some(Value::String(text)) if ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) => {
                Err("Invalid jinja: this server does not render templates in inputs".into())
            }
            plain => Ok(plain),
        },
        "workspace_variable" => match field("variable_name")? {
            None => Ok(None),
            Some(Value::String(name)) => match variables.get(&name) {
                Some(value) => Ok(Some(value.clone())),
                None => Err(format!("Variable '{name}' not found in workspace.")),
            },
            Some(other) => Err(format!("Variable '{other}' not found in workspace.")),
        },
        _ => Ok(Some(fields.remove("value").unwrap_or_default())),
    }
}

fn missing(key: &str) -> Unfilled {
    format!("Missing '{key}' key in __prefect object")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_stands_for_something_becomes_it() {
        let variables = HashMap::from([("v".to_owned(), json!([1]))]);
        for (value, expected) in [
            (json!({ "a": { "__prefect_kind": "json", "value": "[1]" } }), Ok(json!({ "a": [1] }))),
            (json!({ "a": { "__prefect_kind": "json" }, "b": [{ "__prefect_kind": "json" }] }), Ok(json!({ "b": [] }))),
            (json!({ "__prefect_kind": "workspace_variable" }), Ok(json!({}))),
            (json!({ "a": { "__prefect_kind": "workspace_variable", "variable_name": "v" } }), Ok(json!({ "a": [1] }))),
            (json!({ "a": { "__prefect_kind": "none", "value": { "b": 1 } } }), Ok(json!({ "a": { "b": 1 } }))),
            (json!({ "a": { "__prefect_kind": "jinja", "template": "plain" } }), Ok(json!({ "a": "plain" }))),
            (json!({ "__prefect_kind": "none" }), Err("Missing 'value' key in __prefect object".to_owned())),
            (
                json!({ "__prefect_kind": "workspace_variable", "variable_name": "w" }),
                Err("Variable 'w' not found in workspace.".to_owned()),
            ),
        ] {
            assert_eq!(hydrate(value.clone(), &variables), expected, "{value}");
        }
        assert!(
            hydrate(json!({ "__prefect_kind": "json", "value": "{" }), &variables)
                .is_err_and(|why| why.starts_with("Invalid JSON: "))
        );
    }
}
