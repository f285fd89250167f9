//! Values that stand for others in parameters and inputs: objects with `__prefect_kind`.
//!
//! JSON as text becomes what it says. Workspace variables are looked up among those that are handed in. Templates are not
//! rendered: one that holds nothing to render is its text, any other is an error that says so where values are needed, and
//! a place that will have some value where a person is still writing them ([`filled`]).

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Why a value cannot be filled in.
pub type Unfilled = String;

/// One step on the way from a value into what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Field(String),
    Index(usize),
}

/// A place where there is no value yet.
#[derive(Clone, Debug, PartialEq)]
pub enum StandIn {
    /// There can be none, and why.
    Unfilled(Unfilled),
    /// A template makes one later.
    Template,
}

/// A value as far as it could be filled in. Null stands where a stand-in is.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled {
    pub value: Value,
    /// In the order in which they were met.
    pub stand_ins: Vec<(Vec<Step>, StandIn)>,
}

/// `value` with everything that stands for something replaced by it. What stands for nothing goes away; at the top it is an
/// empty object.
pub fn hydrate(value: Value, variables: &HashMap<String, Value>) -> Result<Value, Unfilled> {
    let Filled { value, stand_ins } = Filling::all(value, variables, true);
    match stand_ins.into_iter().next() {
        None => Ok(value),
        Some((_, StandIn::Unfilled(why))) => Err(why),
        Some((_, StandIn::Template)) => Err("Invalid jinja: this server does not render templates in inputs".into()),
    }
}

/// The same, with what cannot be filled in told of at its place.
pub fn filled(value: Value, variables: &HashMap<String, Value>) -> Filled {
    Filling::all(value, variables, false)
}

/// What became of one value.
enum Made {
    Value(Value),
    Nothing,
    StandIn(StandIn),
}

struct Filling<'v> {
    variables: &'v HashMap<String, Value>,
    /// Whether a template that holds nothing to render is its text.
    plain_is_text: bool,
    path: Vec<Step>,
    stand_ins: Vec<(Vec<Step>, StandIn)>,
}

impl<'v> Filling<'v> {
    fn all(value: Value, variables: &'v HashMap<String, Value>, plain_is_text: bool) -> Filled {
        let mut filling = Self { variables, plain_is_text, path: Vec::new(), stand_ins: Vec::new() };
        let value = match filling.fill(value) {
            Made::Value(value) => value,
            Made::Nothing => Value::Object(Map::new()),
            Made::StandIn(stand_in) => filling.keep(stand_in),
        };
        Filled { value, stand_ins: filling.stand_ins }
    }

    fn keep(&mut self, stand_in: StandIn) -> Value {
        self.stand_ins.push((self.path.clone(), stand_in));
        Value::Null
    }

    fn fill(&mut self, value: Value) -> Made {
        match value {
            Value::Object(mut fields) => match fields.shift_remove("__prefect_kind") {
                Some(kind) => self.stand_in(kind.as_str().unwrap_or_default(), fields),
                None => {
                    let mut made = Map::new();
                    for (name, value) in fields {
                        if let Some(value) = self.at(Step::Field(name.clone()), value) {
                            made.insert(name, value);
                        }
                    }
                    Made::Value(made.into())
                }
            },
            Value::Array(items) => {
                let mut made = Vec::new();
                for item in items {
                    made.extend(self.at(Step::Index(made.len()), item));
                }
                Made::Value(made.into())
            }
            plain => Made::Value(plain),
        }
    }

    fn at(&mut self, step: Step, value: Value) -> Option<Value> {
        self.path.push(step);
        let made = match self.fill(value) {
            Made::Value(value) => Some(value),
            Made::Nothing => None,
            Made::StandIn(stand_in) => Some(self.keep(stand_in)),
        };
        self.path.pop();
        made
    }

    fn stand_in(&mut self, kind: &str, mut fields: Map<String, Value>) -> Made {
        // Only an object in a field may stand for something itself.
        let mut field = |name: &str| match fields.remove(name) {
            Some(object @ Value::Object(_)) => Some(self.fill(object)),
            other => other.map(Made::Value),
        };
        match kind {
            "none" => match fields.remove("value") {
                Some(value) => self.fill(value),
                None => missing("value"),
            },
            "json" => match field("value") {
                Some(Made::Value(Value::String(text))) => match json_of(&text) {
                    Ok(value) => Made::Value(value),
                    Err(why) => unfilled(format!("Invalid JSON: {why}")),
                },
                other => other.unwrap_or(Made::Nothing),
            },
            "jinja" => match field("template") {
                None => missing("template"),
                Some(Made::Value(Value::String(text))) if self.plain_is_text && !renders(&text) => {
                    Made::Value(text.into())
                }
                Some(Made::Value(Value::String(_))) => Made::StandIn(StandIn::Template),
                Some(other) => other,
            },
            "workspace_variable" => match field("variable_name") {
                None => Made::Nothing,
                Some(Made::Value(name)) => {
                    let known = name.as_str().and_then(|name| self.variables.get(name));
                    let shown = || name.as_str().map_or_else(|| name.to_string(), str::to_owned);
                    known.map_or_else(
                        || unfilled(format!("Variable '{}' not found in workspace.", shown())),
                        |value| Made::Value(value.clone()),
                    )
                }
                Some(other) => other,
            },
            _ => Made::Value(fields.remove("value").unwrap_or_default()),
        }
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

/// Whether a template holds anything to render.
fn renders(template: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| template.contains(mark))
}

fn unfilled(why: String) -> Made {
    Made::StandIn(StandIn::Unfilled(why))
}

fn missing(key: &str) -> Made {
    unfilled(format!("Missing '{key}' key in __prefect object"))
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

    #[test]
    fn what_cannot_be_filled_in_is_told_of_at_its_place() {
        let value = json!({ "a": [{ "__prefect_kind": "json" }, { "__prefect_kind": "none" }], "b": { "c": { "__prefect_kind": "jinja", "template": "{{ x }}" } } });
        let Filled { value, stand_ins } = filled(value, &HashMap::new());
        assert_eq!(value, json!({ "a": [null], "b": { "c": null } }));
        let field = |name: &str| Step::Field(name.into());
        assert_eq!(
            stand_ins,
            [
                (
                    vec![field("a"), Step::Index(0)],
                    StandIn::Unfilled("Missing 'value' key in __prefect object".to_owned())
                ),
                (vec![field("b"), field("c")], StandIn::Template),
            ]
        );
        let all = filled(json!({ "__prefect_kind": "jinja" }), &HashMap::new());
        assert_eq!(all.stand_ins[0].0, []);
    }
}
