//! Whether JSON fits a JSON schema (draft 2020-12), told in the words of Python's `jsonschema`, which clients know from the
//! reference. References lead to places in the schema itself and nowhere else: nothing is ever fetched.
//!
//! Schemas come from clients, so what a schema says amiss constrains nothing rather than failing, and depth has a bound.

mod keywords;
mod meta;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use keywords::{names, plain, repr};

/// How deep schema and value may be followed; a schema that refers to itself without end is met here.
const MAX_DEPTH: usize = 200;

/// Why a value does not fit.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfit {
    /// The sentence of the reference.
    Invalid(String),
    /// The schema refers to itself without end.
    Circular,
}

/// One complaint about one place.
#[derive(Clone, Debug)]
struct Complaint {
    path: Vec<Step>,
    keyword: &'static str,
    message: String,
    /// Of the branches of `anyOf` and `oneOf`.
    context: Vec<Complaint>,
}

#[derive(Clone, Debug)]
enum Step {
    Field(String),
    Index(usize),
}

/// What is overlooked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lax {
    /// What a schema requires may be missing.
    pub nothing_is_required: bool,
    /// A field with a default may be null.
    pub null_for_default: bool,
}

/// Checks `value` against a schema as pydantic writes it, of version 1 too.
pub fn validate(value: &Value, schema: &Value) -> Result<(), Misfit> {
    validate_lax(value, schema, Lax::default())
}

/// The same, overlooking some things.
pub fn validate_lax(value: &Value, schema: &Value, lax: Lax) -> Result<(), Misfit> {
    validate_as_is(value, &of_pydantic_1(schema.clone(), lax), lax)
}

/// Checks `value` against a schema of the draft.
pub fn validate_as_is(value: &Value, schema: &Value, lax: Lax) -> Result<(), Misfit> {
    let mut check = Check { root: schema, path: Vec::new(), depth: 0, lax };
    let complaints = check.value(value, schema)?;
    let Some(best) = best(complaints) else { return Ok(()) };
    let at = path_text(&best.path);
    let where_ = if at.is_empty() {
        "Validation failed.".to_owned()
    } else {
        format!("Validation failed for field {}.", repr(&at.into()))
    };
    Err(Misfit::Invalid(format!("{where_} Failure reason: {}", best.message)))
}

/// A text as Python shows it.
pub fn quoted(text: &str) -> String {
    repr(&text.into())
}

/// Why a value is no schema; `None` for one that is.
pub fn fault(schema: &Value) -> Option<String> {
    let mut check = Check { root: meta::schema(), path: Vec::new(), depth: 0, lax: Lax::default() };
    match check.value(schema, meta::schema()) {
        Ok(complaints) => best(complaints).map(|complaint| complaint.message),
        Err(_) => Some(format!("it is nested more than {MAX_DEPTH} levels deep")),
    }
}

/// What pydantic 1 wrote is not quite the draft: an optional field may be null, and a tuple is a list of `items`.
fn of_pydantic_1(mut schema: Value, lax: Lax) -> Value {
    fix_properties(&mut schema, lax);
    if let Some(Value::Object(definitions)) = schema.get_mut("definitions") {
        definitions.values_mut().for_each(|definition| fix_properties(definition, lax));
    }
    schema
}

fn fix_properties(schema: &mut Value, lax: Lax) {
    let required: BTreeSet<String> = names(schema.get("required")).map(str::to_owned).collect();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, property) in properties.iter_mut() {
        let Value::Object(fields) = &mut *property else { continue };
        let typed = fields.get("type").is_some_and(|type_| type_ != "null");
        if typed && !required.contains(name) && (lax.null_for_default || !fields.contains_key("default")) {
            let type_ = fields.remove("type");
            fields.insert("anyOf".into(), json!([{ "type": type_ }, { "type": "null" }]));
        }
        if !fields.contains_key("prefixItems") && fields.get("items").is_some_and(Value::is_array) {
            let items = fields.remove("items").unwrap_or_default();
            fields.insert("prefixItems".into(), items);
        }
        fix_properties(property, lax);
    }
}

/// The complaint that says most: the one nearest the top, an exact one before a choice; of a choice, the branch that came
/// closest, unless two came equally close.
fn best(complaints: Vec<Complaint>) -> Option<Complaint> {
    // The smaller, the deeper into a choice it leads.
    let rank = |c: &Complaint| (Reverse(c.path.len()), !matches!(c.keyword, "anyOf" | "oneOf"));
    let mut best = complaints.into_iter().rev().max_by_key(rank)?;
    loop {
        let mut context = std::mem::take(&mut best.context);
        context.sort_by_key(rank);
        let mut closest = context.into_iter();
        match (closest.next(), closest.next()) {
            (Some(first), Some(second)) if rank(&first) == rank(&second) => return Some(best),
            (Some(first), _) => best = first,
            (None, _) => return Some(best),
        }
    }
}

fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Index(index) => {
                // Writing to a string does not fail.
                let _ = write!(text, "[{index}]");
            }
        }
    }
    text
}

struct Check<'s> {
    root: &'s Value,
    path: Vec<Step>,
    depth: usize,
    lax: Lax,
}

type Complaints = Result<Vec<Complaint>, Misfit>;

impl<'s> Check<'s> {
    fn value(&mut self, value: &Value, schema: &'s Value) -> Complaints {
        if self.depth >= MAX_DEPTH {
            return Err(Misfit::Circular);
        }
        self.depth += 1;
        let complaints = match schema {
            Value::Bool(false) => {
                Ok(vec![self.complaint("false", format!("False schema does not allow {}", repr(value)))])
            }
            Value::Object(keywords) => self.keywords(value, keywords),
            _ => Ok(Vec::new()),
        };
        self.depth -= 1;
        complaints
    }

    fn keywords(&mut self, value: &Value, keywords: &'s Map<String, Value>) -> Complaints {
        let mut found = Vec::new();
        for (keyword, rule) in keywords {
            match keyword.as_str() {
                "$ref" => {
                    let target = self.target(rule)?;
                    found.extend(self.value(value, target)?);
                }
                "allOf" => {
                    for branch in rule.as_array().into_iter().flatten() {
                        found.extend(self.value(value, branch)?);
                    }
                }
                "anyOf" | "oneOf" => found.extend(self.choice(value, rule, keyword == "oneOf")?),
                "not" if self.value(value, rule)?.is_empty() => {
                    found.push(
                        self.complaint("not", format!("{} should not be valid under {}", repr(value), repr(rule))),
                    );
                }
                "if" => {
                    let branch = if self.value(value, rule)?.is_empty() { "then" } else { "else" };
                    if let Some(branch) = keywords.get(branch) {
                        found.extend(self.value(value, branch)?);
                    }
                }
                _ => {
                    found.extend(plain(keyword, rule, value).map(|(keyword, message)| self.complaint(keyword, message)))
                }
            }
        }
        match value {
            Value::Object(fields) => found.extend(self.fields(fields, keywords)?),
            Value::Array(items) => found.extend(self.items(items, keywords)?),
            _ => {}
        }
        Ok(found)
    }

    fn choice(&mut self, value: &Value, branches: &'s Value, one: bool) -> Complaints {
        let mut context = Vec::new();
        let mut fitting = Vec::new();
        for branch in branches.as_array().into_iter().flatten() {
            let complaints = self.value(value, branch)?;
            if complaints.is_empty() {
                fitting.push(branch);
            }
            context.extend(complaints);
        }
        let message = match fitting.as_slice() {
            [] => format!("{} is not valid under any of the given schemas", repr(value)),
            [_, others @ ..] if one && !others.is_empty() => {
                let each: Vec<String> = fitting[1..].iter().chain(&fitting[..1]).map(|branch| repr(branch)).collect();
                return Ok(vec![
                    self.complaint("oneOf", format!("{} is valid under each of {}", repr(value), each.join(", "))),
                ]);
            }
            _ => return Ok(Vec::new()),
        };
        let keyword = if one { "oneOf" } else { "anyOf" };
        Ok(vec![Complaint { path: self.path.clone(), keyword, message, context }])
    }

    fn fields(&mut self, fields: &Map<String, Value>, keywords: &'s Map<String, Value>) -> Complaints {
        let mut found = Vec::new();
        let required = names(keywords.get("required")).filter(|_| !self.lax.nothing_is_required);
        for name in required.filter(|name| !fields.contains_key(*name)) {
            found.push(self.complaint("required", format!("{} is a required property", repr(&name.into()))));
        }
        let properties = keywords.get("properties").and_then(Value::as_object);
        let patterns: Vec<(regex::Regex, &Value)> = keywords
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(pattern, schema)| Some((regex::Regex::new(pattern).ok()?, schema)))
            .collect();
        let mut extra = Vec::new();
        for (name, value) in fields {
            let known = properties.and_then(|properties| properties.get(name));
            let matching: Vec<&Value> =
                patterns.iter().filter(|(pattern, _)| pattern.is_match(name)).map(|(_, schema)| *schema).collect();
            if known.is_none() && matching.is_empty() {
                extra.push(name);
            }
            for schema in known.into_iter().chain(matching) {
                found.extend(self.at(Step::Field(name.clone()), value, schema)?);
            }
        }
        match keywords.get("additionalProperties") {
            Some(Value::Bool(false)) if !extra.is_empty() => {
                let listed: Vec<String> = extra.iter().map(|name| repr(&name.as_str().into())).collect();
                let verb = if listed.len() == 1 { "was" } else { "were" };
                let message =
                    format!("Additional properties are not allowed ({} {verb} unexpected)", listed.join(", "));
                found.push(self.complaint("additionalProperties", message));
            }
            Some(schema @ Value::Object(_)) => {
                for name in extra {
                    found.extend(self.at(Step::Field(name.clone()), &fields[name], schema)?);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    fn items(&mut self, items: &[Value], keywords: &'s Map<String, Value>) -> Complaints {
        let mut found = Vec::new();
        let first = keywords.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, (item, schema)) in items.iter().zip(first).enumerate() {
            found.extend(self.at(Step::Index(index), item, schema)?);
        }
        match keywords.get("items") {
            Some(Value::Bool(false)) if items.len() > first.len() => {
                let message =
                    format!("Expected at most {} items but found {} extra", first.len(), items.len() - first.len());
                found.push(self.complaint("items", message));
            }
            Some(schema @ Value::Object(_)) => {
                for (index, item) in items.iter().enumerate().skip(first.len()) {
                    found.extend(self.at(Step::Index(index), item, schema)?);
                }
            }
            _ => {}
        }
        Ok(found)
    }

    fn at(&mut self, step: Step, value: &Value, schema: &'s Value) -> Complaints {
        self.path.push(step);
        let complaints = self.value(value, schema);
        self.path.pop();
        complaints
    }

    fn target(&self, reference: &Value) -> Result<&'s Value, Misfit> {
        let text = reference.as_str().unwrap_or_default();
        let target = match text.strip_prefix('#') {
            Some("") => Some(self.root),
            Some(pointer) => self.root.pointer(pointer),
            None => None,
        };
        target.ok_or_else(|| Misfit::Invalid(format!("Validation failed. Failure reason: Unresolvable: {text}")))
    }

    fn complaint(&self, keyword: &'static str, message: String) -> Complaint {
        Complaint { path: self.path.clone(), keyword, message, context: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(value: Value, schema: Value) -> Option<String> {
        match validate(&value, &schema) {
            Ok(()) => None,
            Err(Misfit::Invalid(text)) => text.split_once(" Failure reason: ").map(|(_, reason)| reason.to_owned()),
            Err(Misfit::Circular) => Some("circular".into()),
        }
    }

    #[test]
    fn complaints_are_worded_as_clients_know_them() {
        for (value, schema, expected) in [
            (json!("a"), json!({ "type": "integer" }), Some("'a' is not of type 'integer'")),
            (json!(2.0), json!({ "type": "integer" }), None),
            (json!(true), json!({ "type": ["integer", "null"] }), Some("True is not of type 'integer', 'null'")),
            (json!({}), json!({ "required": ["x"] }), Some("'x' is a required property")),
            (json!(3), json!({ "minimum": 5 }), Some("3 is less than the minimum of 5")),
            (json!(5), json!({ "exclusiveMaximum": 5 }), Some("5 is greater than or equal to the maximum of 5")),
            (json!("abc"), json!({ "maxLength": 2 }), Some("'abc' is too long")),
            (json!([]), json!({ "minItems": 1 }), Some("[] should be non-empty")),
            (json!([1, 1.0]), json!({ "uniqueItems": true }), Some("[1, 1.0] has non-unique elements")),
            (json!("x"), json!({ "enum": ["a", null] }), Some("'x' is not one of ['a', None]")),
            (json!("it's"), json!({ "pattern": "^a" }), Some("\"it's\" does not match '^a'")),
            (
                json!({ "y": 1 }),
                json!({ "additionalProperties": false }),
                Some("Additional properties are not allowed ('y' was unexpected)"),
            ),
            (
                json!(1),
                json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
                Some("1 is not valid under any of the given schemas"),
            ),
            (
                json!({ "x": 1 }),
                json!({ "$ref": "http://elsewhere/schema" }),
                Some("Unresolvable: http://elsewhere/schema"),
            ),
            (json!({ "x": 1 }), json!({ "$ref": "#" }), None),
        ] {
            let found = match validate(&value, &schema) {
                // A schema that is nothing but itself.
                Err(Misfit::Circular) => None,
                _ => complaint(value.clone(), schema.clone()),
            };
            assert_eq!(found.as_deref(), expected, "{value} against {schema}");
        }
    }

    #[test]
    fn the_place_is_told() {
        let schema = json!({ "properties": { "a": { "items": { "$ref": "#/definitions/n" } } }, "definitions": { "n": { "type": "integer" } } });
        let found = validate(&json!({ "a": [1, "x"] }), &schema);
        assert_eq!(
            found,
            Err(Misfit::Invalid(
                "Validation failed for field 'a[1]'. Failure reason: 'x' is not of type 'integer'".into()
            ))
        );
    }

    #[test]
    fn an_optional_field_of_pydantic_1_may_be_null() {
        let schema =
            json!({ "properties": { "x": { "type": "integer" }, "y": { "type": "integer" } }, "required": ["y"] });
        assert_eq!(complaint(json!({ "x": null, "y": 1 }), schema.clone()), None);
        assert_eq!(complaint(json!({ "y": null }), schema).as_deref(), Some("None is not of type 'integer'"));
    }

    #[test]
    fn a_schema_without_end_ends() {
        assert_eq!(validate(&json!(1), &json!({ "$ref": "#" })), Err(Misfit::Circular));
    }
}
