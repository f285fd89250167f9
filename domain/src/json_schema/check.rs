//! The walk through a value and its schema. Keywords are met in the schema's order, which is the order of complaints.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::keywords::{names, plain, repr};
use super::{Lax, Misfit, formats};
use crate::hydrate::{StandIn, Step};

/// How deep schema and value may be followed; a schema that refers to itself without end is met here.
pub(super) const MAX_DEPTH: usize = 200;
/// The keyword of a complaint that says why there is no value.
pub(super) const UNFILLED: &str = "_placeholders";

/// One complaint about one place.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    pub path: Vec<Step>,
    pub keyword: &'static str,
    pub message: String,
    /// Of the branches of `anyOf` and `oneOf`.
    pub context: Vec<Complaint>,
}

pub(super) struct Check<'s> {
    root: &'s Value,
    path: Vec<Step>,
    depth: usize,
    lax: Lax,
    /// Whether texts are held to the `format` that their schema says.
    formats: bool,
    stand_ins: HashMap<&'s [Step], &'s StandIn>,
}

pub(super) type Complaints = Result<Vec<Complaint>, Misfit>;

impl<'s> Check<'s> {
    pub fn of(root: &'s Value) -> Self {
        let (path, lax, stand_ins) = (Vec::new(), Lax::default(), HashMap::new());
        Self { root, path, depth: 0, lax, formats: false, stand_ins }
    }

    pub fn overlooking(self, lax: Lax) -> Self {
        Self { lax, ..self }
    }

    pub fn with_formats(self) -> Self {
        Self { formats: true, ..self }
    }

    /// Where there is no value, none is looked at.
    pub fn without(self, stand_ins: &'s [(Vec<Step>, StandIn)]) -> Self {
        Self { stand_ins: stand_ins.iter().map(|(path, stand_in)| (path.as_slice(), stand_in)).collect(), ..self }
    }

    pub fn value(&mut self, value: &Value, schema: &'s Value) -> Complaints {
        if self.depth >= MAX_DEPTH {
            return Err(Misfit::Circular);
        }
        self.depth += 1;
        let stand_in = self.stand_ins.get(self.path.as_slice()).copied();
        let complaints = match (stand_in, schema) {
            (Some(StandIn::Template), _) => Ok(Vec::new()),
            (Some(StandIn::Unfilled(why)), Value::Object(keywords)) => self.unfilled(why, value, keywords),
            (_, Value::Bool(false)) => {
                Ok(vec![self.complaint("false", format!("False schema does not allow {}", repr(value)))])
            }
            (_, Value::Object(keywords)) => self.keywords(value, keywords),
            _ => Ok(Vec::new()),
        };
        self.depth -= 1;
        complaints
    }

    /// Every schema that is met at the place says so, as in the reference.
    fn unfilled(&mut self, why: &str, value: &Value, keywords: &'s Map<String, Value>) -> Complaints {
        let mut found = Vec::new();
        if let Some(reference) = keywords.get("$ref") {
            found.extend(self.value(value, self.target(reference)?)?);
        }
        for branch in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            found.extend(self.value(value, branch)?);
        }
        found.push(self.complaint(UNFILLED, why.to_owned()));
        Ok(found)
    }

    fn keywords(&mut self, value: &Value, keywords: &'s Map<String, Value>) -> Complaints {
        let mut found = Vec::new();
        for (keyword, rule) in keywords {
            match (keyword.as_str(), value) {
                ("$ref", _) => {
                    let target = self.target(rule)?;
                    found.extend(self.value(value, target)?);
                }
                ("allOf", _) => {
                    for branch in rule.as_array().into_iter().flatten() {
                        found.extend(self.value(value, branch)?);
                    }
                }
                ("anyOf" | "oneOf", _) => found.extend(self.choice(value, rule, keyword == "oneOf")?),
                ("not", _) if self.value(value, rule)?.is_empty() => {
                    let message = format!("{} should not be valid under {}", repr(value), repr(rule));
                    found.push(self.complaint("not", message));
                }
                ("if", _) => {
                    let branch = if self.value(value, rule)?.is_empty() { "then" } else { "else" };
                    if let Some(branch) = keywords.get(branch) {
                        found.extend(self.value(value, branch)?);
                    }
                }
                ("required", Value::Object(fields)) if !self.lax.nothing_is_required => {
                    for name in names(Some(rule)).filter(|name| !fields.contains_key(*name)) {
                        found
                            .push(self.complaint("required", format!("{} is a required property", repr(&name.into()))));
                    }
                }
                ("properties", Value::Object(fields)) => {
                    for (name, schema) in rule.as_object().into_iter().flatten() {
                        if let Some(value) = fields.get(name) {
                            found.extend(self.at(Step::Field(name.clone()), value, schema)?);
                        }
                    }
                }
                ("patternProperties", Value::Object(fields)) => found.extend(self.patterns(fields, rule)?),
                ("additionalProperties", Value::Object(fields)) => {
                    found.extend(self.additional(fields, rule, keywords)?);
                }
                ("prefixItems", Value::Array(items)) => {
                    for (index, (item, schema)) in items.iter().zip(rule.as_array().into_iter().flatten()).enumerate() {
                        found.extend(self.at(Step::Index(index), item, schema)?);
                    }
                }
                ("items", Value::Array(items)) => found.extend(self.items(items, rule, keywords)?),
                ("format", Value::String(text)) if self.formats => {
                    if !formats::fits(rule.as_str().unwrap_or_default(), text) {
                        found.push(self.complaint("format", format!("{} is not a {}", repr(value), repr(rule))));
                    }
                }
                (keyword, _) => {
                    let complaint = plain(keyword, rule, value);
                    found.extend(complaint.map(|(keyword, message)| self.complaint(keyword, message)));
                }
            }
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

    fn patterns(&mut self, fields: &Map<String, Value>, rule: &'s Value) -> Complaints {
        let mut found = Vec::new();
        for (pattern, schema) in rule.as_object().into_iter().flatten() {
            let Ok(pattern) = regex::Regex::new(pattern) else { continue };
            for (name, value) in fields.iter().filter(|(name, _)| pattern.is_match(name)) {
                found.extend(self.at(Step::Field(name.clone()), value, schema)?);
            }
        }
        Ok(found)
    }

    /// Fields that neither `properties` nor `patternProperties` knows.
    fn additional(
        &mut self,
        fields: &Map<String, Value>,
        rule: &'s Value,
        keywords: &'s Map<String, Value>,
    ) -> Complaints {
        let known = keywords.get("properties").and_then(Value::as_object);
        let patterns: Vec<&str> = keywords
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|p| p.0.as_str())
            .collect();
        let compiled: Vec<regex::Regex> =
            patterns.iter().filter_map(|pattern| regex::Regex::new(pattern).ok()).collect();
        let is_extra = |name: &str| {
            known.is_none_or(|known| !known.contains_key(name))
                && !compiled.iter().any(|pattern| pattern.is_match(name))
        };
        let mut extra: Vec<&str> = fields.keys().map(String::as_str).filter(|name| is_extra(name)).collect();
        match rule {
            Value::Bool(false) if !extra.is_empty() => {
                extra.sort_unstable();
                let shown = |names: &[&str]| -> String {
                    let names: Vec<String> = names.iter().map(|name| repr(&(*name).into())).collect();
                    names.join(", ")
                };
                let one = extra.len() == 1;
                let message = if keywords.contains_key("patternProperties") {
                    let mut patterns = patterns;
                    patterns.sort_unstable();
                    let verb = if one { "does" } else { "do" };
                    format!("{} {verb} not match any of the regexes: {}", shown(&extra), shown(&patterns))
                } else {
                    let verb = if one { "was" } else { "were" };
                    format!("Additional properties are not allowed ({} {verb} unexpected)", shown(&extra))
                };
                Ok(vec![self.complaint("additionalProperties", message)])
            }
            Value::Object(_) => {
                let mut found = Vec::new();
                for name in extra {
                    found.extend(self.at(Step::Field(name.to_owned()), &fields[name], rule)?);
                }
                Ok(found)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Items behind those that `prefixItems` knows.
    fn items(&mut self, items: &[Value], rule: &'s Value, keywords: &'s Map<String, Value>) -> Complaints {
        let first = keywords.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
        let mut found = Vec::new();
        match rule {
            Value::Bool(false) if items.len() > first => {
                let extra = items.len() - first;
                let rest = if extra == 1 { repr(&items[first]) } else { repr(&items[first..].into()) };
                let word = if first == 1 { "item" } else { "items" };
                let message = format!("Expected at most {first} {word} but found {extra} extra: {rest}");
                found.push(self.complaint("items", message));
            }
            Value::Object(_) => {
                for (index, item) in items.iter().enumerate().skip(first) {
                    found.extend(self.at(Step::Index(index), item, rule)?);
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
        target.ok_or_else(|| {
            let why = match text.strip_prefix('#') {
                Some(pointer) if pointer.starts_with('/') => {
                    format!("PointerToNowhere: {} does not exist within {}", repr(&pointer.into()), repr(self.root))
                }
                _ => format!("Unresolvable: {text}"),
            };
            Misfit::Invalid(format!("Validation failed. Failure reason: {why}"))
        })
    }

    fn complaint(&self, keyword: &'static str, message: String) -> Complaint {
        Complaint { path: self.path.clone(), keyword, message, context: Vec::new() }
    }
}
