//! Values that stand for others in parameters and inputs: objects with `__prefect_kind`.
//!
//! JSON as text becomes what it says. Workspace variables, and what became of templates, are looked up among those that are
//! handed in: where values are needed ([`hydrate`]) templates that are not among them are asked for. Where a person is still
//! writing them ([`filled`]) a template is a place that will have some value.
//!
//! A few words can stand for much. What is filled in is measured on the way, and no more than parameters may take.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::flow_runs::{MOST_PARAMETER_BYTES, ascii_length};
use crate::templates::{self, Rendered};
use crate::variables::is_name;

/// Why a value cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfilled {
    Why(String),
    TooLarge,
}

/// What takes its place would be larger than parameters may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Templates that are to be rendered first; then one asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrendered(pub Vec<String>);

/// What a stand-in takes beside its texts, and a step of its path.
const A_STAND_IN: usize = 64;
const A_STEP: usize = 32;

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
    Unfilled(String),
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
pub fn hydrate(
    value: Value,
    variables: &HashMap<String, Value>,
    rendered: &Rendered,
) -> Result<Result<Value, Unfilled>, Unrendered> {
    let mut filling = Filling::new(variables, Some(rendered));
    let Ok(Filled { value, stand_ins }) = filling.all(value) else { return Ok(Err(Unfilled::TooLarge)) };
    match stand_ins.into_iter().next() {
        None => Ok(Ok(value)),
        Some((_, StandIn::Unfilled(why))) => Ok(Err(Unfilled::Why(why))),
        Some((_, StandIn::Template)) => Err(Unrendered(filling.unrendered)),
    }
}

/// The same, with what cannot be filled in told of at its place.
pub fn filled(value: Value, variables: &HashMap<String, Value>) -> Result<Filled, TooLarge> {
    Filling::new(variables, None).all(value)
}

/// Adds the names of the workspace variables that a value asks for. A name may be JSON as text or a template, but is no
/// variable's value.
pub fn names_of_variables(value: &Value, rendered: &Rendered, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names_of_variables(item, rendered, names)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "variable_name" {
                    texts(value, rendered, names);
                }
                names_of_variables(value, rendered, names);
            }
        }
        _ => {}
    }
}

/// Whether a value may ask for a workspace variable: by its name, or by one that is made.
pub fn asks_for_variables(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(asks_for_variables),
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let named = value.is_object() || value.as_str().is_some_and(is_name);
            name == "variable_name" && named || asks_for_variables(value)
        }),
        _ => false,
    }
}

fn texts(value: &Value, rendered: &Rendered, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let quoted = |text: &String| serde_json::from_str(text).ok();
            let made = rendered.get(text).and_then(|made| made.clone().ok());
            let names = [quoted(text), made.as_ref().and_then(quoted), made, Some(text.clone())];
            found.extend(names.into_iter().flatten().filter(|name| is_name(name)));
        }
        Value::Object(fields) => fields.values().for_each(|value| texts(value, rendered, found)),
        _ => {}
    }
}

/// What became of one value.
enum Made {
    Value(Value),
    Nothing,
    StandIn(StandIn),
}

struct Filling<'v> {
    variables: &'v HashMap<String, Value>,
    /// What became of templates; `None` where they are only looked at.
    rendered: Option<&'v Rendered>,
    unrendered: Vec<String>,
    path: Vec<Step>,
    stand_ins: Vec<(Vec<Step>, StandIn)>,
    /// Bytes that may still be filled in.
    room: usize,
}

impl<'v> Filling<'v> {
    fn new(variables: &'v HashMap<String, Value>, rendered: Option<&'v Rendered>) -> Self {
        let (unrendered, path, stand_ins) = (Vec::new(), Vec::new(), Vec::new());
        Self { variables, rendered, unrendered, path, stand_ins, room: MOST_PARAMETER_BYTES }
    }

    fn all(&mut self, value: Value) -> Result<Filled, TooLarge> {
        let value = match self.fill(value)? {
            Made::Value(value) => value,
            Made::Nothing => Value::Object(Map::new()),
            Made::StandIn(stand_in) => self.keep(stand_in)?,
        };
        Ok(Filled { value, stand_ins: std::mem::take(&mut self.stand_ins) })
    }

    fn take(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.room = self.room.checked_sub(bytes).ok_or(TooLarge)?;
        Ok(())
    }

    fn keep(&mut self, stand_in: StandIn) -> Result<Value, TooLarge> {
        let why = match &stand_in {
            StandIn::Unfilled(why) => why.len(),
            StandIn::Template => 0,
        };
        let names = self.path.iter().map(|step| match step {
            Step::Field(name) => A_STEP + name.len(),
            Step::Index(_) => A_STEP,
        });
        self.take(A_STAND_IN + why + names.sum::<usize>())?;
        self.stand_ins.push((self.path.clone(), stand_in));
        Ok(Value::Null)
    }

    fn fill(&mut self, value: Value) -> Result<Made, TooLarge> {
        Ok(match value {
            Value::Object(mut fields) => match fields.shift_remove("__prefect_kind") {
                Some(kind) => self.stand_in(kind.as_str().unwrap_or_default(), fields)?,
                None => {
                    let mut made = Map::new();
                    for (name, value) in fields {
                        if let Some(value) = self.at(Step::Field(name.clone()), value)? {
                            made.insert(name, value);
                        }
                    }
                    Made::Value(made.into())
                }
            },
            Value::Array(items) => {
                let mut made = Vec::new();
                for item in items {
                    made.extend(self.at(Step::Index(made.len()), item)?);
                }
                Made::Value(made.into())
            }
            plain => Made::Value(plain),
        })
    }

    fn at(&mut self, step: Step, value: Value) -> Result<Option<Value>, TooLarge> {
        self.path.push(step);
        let made = match self.fill(value)? {
            Made::Value(value) => Some(value),
            Made::Nothing => None,
            Made::StandIn(stand_in) => Some(self.keep(stand_in)?),
        };
        self.path.pop();
        Ok(made)
    }

    fn stand_in(&mut self, kind: &str, mut fields: Map<String, Value>) -> Result<Made, TooLarge> {
        // Only an object in a field may stand for something itself.
        let mut field = |name: &str| match fields.remove(name) {
            Some(object @ Value::Object(_)) => self.fill(object).map(Some),
            other => Ok(other.map(Made::Value)),
        };
        Ok(match kind {
            "none" => match fields.remove("value") {
                Some(value) => self.fill(value)?,
                None => missing("value"),
            },
            "json" => match field("value")? {
                Some(Made::Value(Value::String(text))) => match json_of(&text) {
                    Ok(value) => Made::Value(value),
                    Err(why) => unfilled(format!("Invalid JSON: {why}")),
                },
                other => other.unwrap_or(Made::Nothing),
            },
            "jinja" => match field("template")? {
                None => missing("template"),
                Some(Made::Value(Value::String(text))) => self.template(text)?,
                Some(other) => other,
            },
            "workspace_variable" => match field("variable_name")? {
                None => Made::Nothing,
                Some(Made::Value(name)) => {
                    let known = name.as_str().and_then(|name| self.variables.get(name));
                    let shown = || name.as_str().map_or_else(|| name.to_string(), str::to_owned);
                    match known {
                        Some(value) => {
                            self.take(ascii_length(&value.to_string()))?;
                            Made::Value(value.clone())
                        }
                        None => unfilled(format!("Variable '{}' not found in workspace.", shown())),
                    }
                }
                Some(other) => other,
            },
            _ => Made::Value(fields.remove("value").unwrap_or_default()),
        })
    }

    fn template(&mut self, text: String) -> Result<Made, TooLarge> {
        self.take(A_STAND_IN + text.len())?;
        if let Err(why) = templates::check(&text) {
            return Ok(unfilled(invalid(&why)));
        }
        let Some(rendered) = self.rendered else { return Ok(Made::StandIn(StandIn::Template)) };
        if !templates::renders(&text) {
            return Ok(Made::Value(text.into()));
        }
        Ok(match rendered.get(&text) {
            None => {
                self.unrendered.push(text);
                Made::StandIn(StandIn::Template)
            }
            Some(Err(why)) => unfilled(invalid(why)),
            Some(Ok(made)) => {
                self.take(ascii_length(made))?;
                Made::Value(made.as_str().into())
            }
        })
    }
}

fn invalid(why: &str) -> String {
    format!("Invalid jinja: {why}")
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
        let rendered = Rendered::from([
            ("{{ 1 + 1 }}".to_owned(), Ok("2".to_owned())),
            ("{{ 1 / 0 }}".to_owned(), Err("division by zero".to_owned())),
        ]);
        let why = |why: &str| Err(Unfilled::Why(why.to_owned()));
        for (value, expected) in [
            (json!({ "a": { "__prefect_kind": "json", "value": "[1]" } }), Ok(json!({ "a": [1] }))),
            (json!({ "a": { "__prefect_kind": "json" }, "b": [{ "__prefect_kind": "json" }] }), Ok(json!({ "b": [] }))),
            (json!({ "__prefect_kind": "workspace_variable" }), Ok(json!({}))),
            (json!({ "a": { "__prefect_kind": "workspace_variable", "variable_name": "v" } }), Ok(json!({ "a": [1] }))),
            (json!({ "a": { "__prefect_kind": "none", "value": { "b": 1 } } }), Ok(json!({ "a": { "b": 1 } }))),
            (json!({ "a": { "__prefect_kind": "jinja", "template": "plain" } }), Ok(json!({ "a": "plain" }))),
            (json!({ "a": { "__prefect_kind": "jinja", "template": "{{ 1 + 1 }}" } }), Ok(json!({ "a": "2" }))),
            (
                json!({ "a": { "__prefect_kind": "jinja", "template": "{{ 1 / 0 }}" } }),
                why("Invalid jinja: division by zero"),
            ),
            (json!({ "__prefect_kind": "none" }), why("Missing 'value' key in __prefect object")),
            (
                json!({ "__prefect_kind": "workspace_variable", "variable_name": "w" }),
                why("Variable 'w' not found in workspace."),
            ),
        ] {
            assert_eq!(hydrate(value.clone(), &variables, &rendered), Ok(expected), "{value}");
        }
        assert!(
            hydrate(json!({ "__prefect_kind": "json", "value": "{" }), &variables, &rendered)
                .unwrap()
                .is_err_and(|unfilled| matches!(unfilled, Unfilled::Why(why) if why.starts_with("Invalid JSON: ")))
        );
    }

    #[test]
    fn templates_are_asked_for() {
        let template = |text: Value| json!({ "__prefect_kind": "jinja", "template": text });
        let hydrated = |value: Value, rendered: &[(&str, &str)]| {
            let rendered = rendered.iter().map(|(text, made)| ((*text).to_owned(), Ok((*made).to_owned()))).collect();
            hydrate(value, &HashMap::new(), &rendered)
        };
        let value =
            json!([template(json!("{{ 1 }}")), template(json!("plain")), template(json!("{% if 1 %}{% endif %}"))]);
        let unrendered = Unrendered(vec!["{{ 1 }}".into(), "{% if 1 %}{% endif %}".into()]);
        assert_eq!(hydrated(value.clone(), &[]), Err(unrendered));
        let all = [("{{ 1 }}", "1"), ("{% if 1 %}{% endif %}", "")];
        assert_eq!(hydrated(value, &all), Ok(Ok(json!(["1", "plain", ""]))));
        let nested = template(template(json!("{{ '{{ 2 }}' }}")));
        let first = ("{{ '{{ 2 }}' }}", "{{ 2 }}");
        assert_eq!(hydrated(nested.clone(), &[]), Err(Unrendered(vec![first.0.into()])));
        assert_eq!(hydrated(nested.clone(), &[first]), Err(Unrendered(vec!["{{ 2 }}".into()])));
        assert_eq!(hydrated(nested, &[first, ("{{ 2 }}", "2")]), Ok(Ok(json!("2"))));
        let wrong_first = json!([{ "__prefect_kind": "none" }, template(json!("{{ 1 }}"))]);
        assert!(hydrated(wrong_first, &[]).is_ok_and(|value| value.is_err()), "what is wrong anyway is not waited for");
        let invalid = hydrated(template(json!("{{ 1")), &[]).unwrap();
        assert!(matches!(invalid, Err(Unfilled::Why(why)) if why.starts_with("Invalid jinja: ")));
    }

    #[test]
    fn what_cannot_be_filled_in_is_told_of_at_its_place() {
        let value = json!({ "a": [{ "__prefect_kind": "json" }, { "__prefect_kind": "none" }], "b": { "c": { "__prefect_kind": "jinja", "template": "{{ x }}" } } });
        let Filled { value, stand_ins } = filled(value, &HashMap::new()).unwrap();
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
        let all = filled(json!({ "__prefect_kind": "jinja" }), &HashMap::new()).unwrap();
        assert_eq!(all.stand_ins[0].0, []);
    }

    #[test]
    fn variables_are_asked_for_by_their_names() {
        let variable = |name: Value| json!({ "__prefect_kind": "workspace_variable", "variable_name": name });
        let value = json!({ "a": [variable(json!("v")), variable(json!("No Name"))], "variable_name": variable(json!("w")), "b": variable(json!({ "__prefect_kind": "json", "value": "\"x\"" })) });
        let template = variable(json!({ "__prefect_kind": "jinja", "template": "{{ 'y' }}" }));
        assert!(asks_for_variables(&value) && asks_for_variables(&json!([template])));
        assert!(!asks_for_variables(&json!({ "variable_name": "No Name", "a": [1, "variable_name"] })));
        let value = json!([value, template]);
        let rendered = Rendered::from([("{{ 'y' }}".to_owned(), Ok("y".to_owned()))]);
        let mut names = BTreeSet::new();
        names_of_variables(&value, &rendered, &mut names);
        assert!(
            ["v", "w", "x", "y"].iter().all(|name| names.contains(*name)) && !names.contains("No Name"),
            "{names:?}"
        );
    }

    #[test]
    fn what_is_filled_in_is_bounded() {
        let variables = HashMap::from([("v".to_owned(), json!("ü".repeat(2000)))]);
        let times = |n: usize| {
            let one = json!({ "__prefect_kind": "workspace_variable", "variable_name": "v" });
            hydrate(json!({ "a": vec![one; n] }), &variables, &Rendered::new()).unwrap()
        };
        // A character beyond ASCII is six bytes there.
        assert!(times(43).is_ok());
        assert_eq!(times(44), Err(Unfilled::TooLarge));
        let nowhere = vec![json!({ "__prefect_kind": "none" }); 10_000];
        assert_eq!(filled(json!({ "x".repeat(1000): nowhere }), &variables), Err(TooLarge));
    }
}
