//! The fields of a body by its schema, and a body with one field replaced.
//!
//! Understands what the program's document uses: references, objects, arrays, tuples, alternatives, free objects. A model
//! that holds itself is followed once.

use serde_json::{Map, Value, json};

use super::items;

/// Where a value stands in a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    steps: Vec<Step>,
    pub takes: Takes,
}

/// What a field takes, as far as an attacker cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Text,
    Time,
    Id,
    /// One of a list of names.
    Choice,
    Number,
    Flag,
    /// Any JSON.
    Anything,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Key(String),
    Item(usize),
    /// One of several schemas.
    Alternative(usize),
    /// A key of an object that takes any.
    AnyKey,
}

/// Deeper than any model; what nests further than this is found at less depth too.
const DEEPEST: usize = 24;

impl Field {
    /// Like `flows.name.any_[0]`.
    pub fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) if name.is_empty() => name.push_str(key),
                Step::Key(key) => name.push_str(&format!(".{key}")),
                Step::Item(at) => name.push_str(&format!("[{at}]")),
                Step::AnyKey => name.push_str(".*"),
                Step::Alternative(_) => {}
            }
        }
        name
    }

    /// `base` with this field set to `value`; objects on the way that are missing get what they require.
    pub fn put(&self, document: &Value, schema: &Value, base: Option<&Value>, value: Value) -> Value {
        put(document, schema, base, &self.steps, value)
    }
}

/// Every field of a body of this schema.
pub fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    walk(document, schema, &mut Vec::new(), &mut Vec::new(), &mut found);
    found
}

/// What a parameter of this schema takes.
pub fn takes(schema: &Value) -> Takes {
    if let Some(one) = items(&schema["anyOf"]).first() {
        return takes(one);
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        _ if schema.get("enum").is_some() => Takes::Choice,
        (Some("string"), Some("date-time" | "date")) => Takes::Time,
        (Some("string"), Some("uuid")) => Takes::Id,
        (Some("string"), _) => Takes::Text,
        (Some("integer" | "number"), _) => Takes::Number,
        (Some("boolean"), _) => Takes::Flag,
        _ => Takes::Anything,
    }
}

fn walk(document: &Value, schema: &Value, inside: &mut Vec<String>, steps: &mut Vec<Step>, found: &mut Vec<Field>) {
    if let Some(name) = schema["$ref"].as_str() {
        if inside.iter().any(|known| known == name) || steps.len() > DEEPEST {
            return;
        }
        inside.push(name.to_owned());
        walk(document, resolve(document, schema), inside, steps, found);
        inside.pop();
        return;
    }
    let mut below = |step: Step, schema: &Value| {
        steps.push(step);
        walk(document, schema, inside, steps, found);
        steps.pop();
    };
    let alternatives = alternatives(schema);
    if !alternatives.is_empty() {
        for (at, one) in alternatives.iter().enumerate().filter(|(_, one)| one["type"] != "null") {
            below(Step::Alternative(at), one);
        }
        return;
    }
    match schema["type"].as_str() {
        Some("object") => {
            for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
                below(Step::Key(key.clone()), schema);
            }
            match &schema["additionalProperties"] {
                Value::Bool(true) => below(Step::AnyKey, &json!({})),
                Value::Object(of_any) => below(Step::AnyKey, &Value::Object(of_any.clone())),
                _ => {}
            }
        }
        Some("array") => {
            for (at, schema) in items(&schema["prefixItems"]).iter().enumerate() {
                below(Step::Item(at), schema);
            }
            if let Some(schema) = schema.get("items").filter(|schema| schema.is_object()) {
                below(Step::Item(0), schema);
            }
        }
        Some("null") => {}
        _ => found.push(Field { steps: steps.clone(), takes: takes(schema) }),
    }
}

fn put(document: &Value, schema: &Value, base: Option<&Value>, steps: &[Step], value: Value) -> Value {
    let schema = resolve(document, schema);
    let Some((step, rest)) = steps.split_first() else { return value };
    match step {
        Step::Alternative(at) => put(document, &alternatives(schema)[*at], base, rest, value),
        Step::Key(key) => {
            let base = base.and_then(Value::as_object).cloned();
            let mut object = base.unwrap_or_else(|| required(document, schema));
            let below = put(document, &schema["properties"][key], object.get(key), rest, value);
            object.insert(key.clone(), below);
            Value::Object(object)
        }
        Step::AnyKey => {
            let mut object = base.and_then(Value::as_object).cloned().unwrap_or_default();
            object.insert("any".to_owned(), put(document, &schema["additionalProperties"], None, rest, value));
            Value::Object(object)
        }
        Step::Item(at) => match schema.get("prefixItems") {
            None => Value::Array(vec![put(document, &schema["items"], base.and_then(|base| base.get(0)), rest, value)]),
            Some(each) => {
                let mut tuple: Vec<Value> = items(each).iter().map(|schema| sample(document, schema)).collect();
                tuple[*at] = put(document, &each[*at], None, rest, value);
                Value::Array(tuple)
            }
        },
    }
}

fn required(document: &Value, schema: &Value) -> Map<String, Value> {
    let names = items(&schema["required"]).iter().filter_map(Value::as_str);
    names.map(|name| (name.to_owned(), sample(document, &schema["properties"][name]))).collect()
}

/// The least value of a schema.
fn sample(document: &Value, schema: &Value) -> Value {
    let schema = resolve(document, schema);
    if let Some(value) = schema.get("default").or_else(|| schema["enum"].get(0)).or_else(|| schema.get("const")) {
        return value.clone();
    }
    if let Some(one) = alternatives(schema).first() {
        return sample(document, one);
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("object"), _) => Value::Object(required(document, schema)),
        (Some("array"), _) => items(&schema["prefixItems"]).iter().map(|schema| sample(document, schema)).collect(),
        (Some("string"), Some("uuid")) => json!("00000000-0000-4000-8000-000000000000"),
        (Some("string"), Some("date-time" | "date")) => json!("2030-01-01T00:00:00Z"),
        (Some("string"), _) => json!("a"),
        (Some("integer" | "number"), _) => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        (Some("boolean"), _) => json!(true),
        _ => Value::Null,
    }
}

fn alternatives(schema: &Value) -> &[Value] {
    let any = items(&schema["anyOf"]);
    if any.is_empty() { items(&schema["oneOf"]) } else { any }
}

fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} is not defined")),
        None => schema,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({"components": {"schemas": {
            "Name": {"type": "object", "properties": {
                "any_": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
                "not": {"$ref": "#/components/schemas/Name"}}},
            "Body": {"type": "object", "required": ["kind"], "properties": {
                "kind": {"enum": ["A", "B"], "type": "string"},
                "name": {"anyOf": [{"$ref": "#/components/schemas/Name"}, {"type": "null"}]},
                "labels": {"type": "object", "additionalProperties": {"type": "integer"}}}}
        }}})
    }

    #[test]
    fn every_field_is_found_once_and_set_where_it_stands() {
        let (document, schema) = (document(), json!({"$ref": "#/components/schemas/Body"}));
        let fields = fields(&document, &schema);
        let names: Vec<String> = fields.iter().map(Field::name).collect();
        assert_eq!(names, ["kind", "name.any_[0]", "labels.*"]);
        let set = |at: usize| fields[at].put(&document, &schema, None, json!("x"));
        assert_eq!(set(0), json!({"kind": "x"}));
        assert_eq!(set(1), json!({"kind": "A", "name": {"any_": ["x"]}}));
        assert_eq!(set(2), json!({"kind": "A", "labels": {"any": "x"}}));
        let base = json!({"kind": "B", "name": {"any_": ["y", "z"]}});
        assert_eq!(
            fields[1].put(&document, &schema, Some(&base), json!("x")),
            json!({"kind": "B", "name": {"any_": ["x"]}})
        );
    }
}
