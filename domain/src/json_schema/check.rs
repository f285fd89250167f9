//! The walk through a value and its schema. Keywords are met in the schema's order, which is the order of complaints.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::keywords::{listed, names, plain, repr};
use super::patterns::Patterns;
use super::told::{Complaint, Told};
use super::{Budget, Lax, Misfit, formats};
use crate::hydrate::{StandIn, Step};

/// How deep schema and value may be followed; a schema that refers to itself without end is met here.
pub(super) const MAX_DEPTH: usize = 200;
/// The keyword of a complaint that says why there is no value.
pub(super) const UNFILLED: &str = "_placeholders";

pub(super) struct Check<'s, 'b> {
    root: &'s Value,
    path: Vec<Step>,
    /// Bytes of the names in the path.
    path_bytes: usize,
    depth: usize,
    lax: Lax,
    /// Whether texts are held to the `format` that their schema says.
    formats: bool,
    stand_ins: HashMap<&'s [Step], &'s StandIn>,
    targets: HashMap<&'s str, &'s Value>,
    patterns: Patterns<'s>,
    told: Told,
    budget: &'b mut Budget,
}

/// Whether the value fits; if not, that was told.
pub(super) type Fits = Result<bool, Misfit>;

impl<'s, 'b> Check<'s, 'b> {
    pub fn of(root: &'s Value, budget: &'b mut Budget) -> Self {
        Self {
            root,
            path: Vec::new(),
            path_bytes: 0,
            depth: 0,
            lax: Lax::default(),
            formats: false,
            stand_ins: HashMap::new(),
            targets: HashMap::new(),
            patterns: Patterns::default(),
            told: Told::default(),
            budget,
        }
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

    /// All that is amiss in a value.
    pub fn complaints(mut self, value: &Value) -> Result<Told, Misfit> {
        self.value(value, self.root)?;
        Ok(self.told)
    }

    fn value(&mut self, value: &Value, schema: &'s Value) -> Fits {
        if self.depth >= MAX_DEPTH {
            return Err(Misfit::Circular);
        }
        self.budget.spend(1)?;
        self.depth += 1;
        let fits = match (self.stand_in(value)?, schema) {
            (Some(StandIn::Template), _) => Ok(true),
            (Some(StandIn::Unfilled(why)), Value::Object(keywords)) => self.unfilled(why, value, keywords),
            (_, Value::Bool(false)) => self.tell("false", format!("False schema does not allow {}", repr(value))),
            (_, Value::Object(keywords)) => self.keywords(value, keywords),
            _ => Ok(true),
        };
        self.depth -= 1;
        fits
    }

    /// What stands where a value should be; null is in its place.
    fn stand_in(&mut self, value: &Value) -> Result<Option<&'s StandIn>, Misfit> {
        if self.stand_ins.is_empty() || !value.is_null() {
            return Ok(None);
        }
        self.spend_on_path()?;
        Ok(self.stand_ins.get(self.path.as_slice()).copied())
    }

    /// Every schema that is met at the place says so, as in the reference.
    fn unfilled(&mut self, why: &str, value: &Value, keywords: &'s Map<String, Value>) -> Fits {
        if let Some(reference) = keywords.get("$ref") {
            let target = self.target(reference)?;
            self.value(value, target)?;
        }
        for branch in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(value, branch)?;
        }
        self.tell(UNFILLED, why.to_owned())
    }

    fn keywords(&mut self, value: &Value, keywords: &'s Map<String, Value>) -> Fits {
        let mut fits = true;
        for (keyword, rule) in keywords {
            self.budget.spend(1)?;
            fits &= match (keyword.as_str(), value) {
                ("$ref", _) => {
                    let target = self.target(rule)?;
                    self.value(value, target)?
                }
                ("allOf", _) => {
                    let mut all = true;
                    for branch in rule.as_array().into_iter().flatten() {
                        all &= self.value(value, branch)?;
                    }
                    all
                }
                ("anyOf" | "oneOf", _) => self.choice(value, rule, keyword == "oneOf")?,
                ("not", _) => match self.aside(value, rule)? {
                    true => self.tell("not", format!("{} should not be valid under {}", repr(value), repr(rule)))?,
                    false => true,
                },
                ("if", _) => {
                    let branch = if self.aside(value, rule)? { "then" } else { "else" };
                    match keywords.get(branch) {
                        Some(branch) => self.value(value, branch)?,
                        None => true,
                    }
                }
                ("required", Value::Object(fields)) if !self.lax.nothing_is_required => self.required(fields, rule)?,
                ("properties", Value::Object(fields)) => self.properties(fields, rule)?,
                ("patternProperties", Value::Object(fields)) => self.patterns(fields, rule)?,
                ("additionalProperties", Value::Object(fields)) => self.additional(fields, rule, keywords)?,
                ("prefixItems", Value::Array(items)) => {
                    let mut all = true;
                    for (index, (item, schema)) in items.iter().zip(rule.as_array().into_iter().flatten()).enumerate() {
                        all &= self.at(Step::Index(index), item, schema)?;
                    }
                    all
                }
                ("items", Value::Array(items)) => self.items(items, rule, keywords)?,
                ("format", Value::String(text)) if self.formats => {
                    self.budget.spend_bytes(text.len())?;
                    match formats::fits(rule.as_str().unwrap_or_default(), text) {
                        true => true,
                        false => self.tell("format", format!("{} is not a {}", repr(value), repr(rule)))?,
                    }
                }
                ("pattern", Value::String(text)) => {
                    let fits = match rule.as_str() {
                        Some(pattern) => self.patterns.fits(pattern, text, self.budget)?,
                        None => None,
                    };
                    match fits {
                        Some(false) => {
                            self.tell("pattern", format!("{} does not match {}", repr(value), repr(rule)))?
                        }
                        _ => true,
                    }
                }
                (keyword, _) => match plain(keyword, rule, value, self.budget)? {
                    Some((keyword, message)) => self.tell(keyword, message)?,
                    None => true,
                },
            };
        }
        Ok(fits)
    }

    /// Whether a value fits, with nothing told.
    fn aside(&mut self, value: &Value, schema: &'s Value) -> Fits {
        let before = self.told.mark();
        let fits = self.value(value, schema)?;
        self.told.forget(before);
        Ok(fits)
    }

    fn choice(&mut self, value: &Value, branches: &'s Value, one: bool) -> Fits {
        let before = self.told.mark();
        let mut fitting = Vec::new();
        for branch in branches.as_array().into_iter().flatten() {
            if self.value(value, branch)? {
                fitting.push(branch);
            }
        }
        if fitting.is_empty() {
            let keyword = if one { "oneOf" } else { "anyOf" };
            let message = format!("{} is not valid under any of the given schemas", repr(value));
            let complaint = self.complaint(keyword, message)?;
            self.told.tell_with_context(before, complaint);
            return Ok(false);
        }
        self.told.forget(before);
        if !one || fitting.len() == 1 {
            return Ok(true);
        }
        let each = listed(fitting[1..].iter().chain(&fitting[..1]).map(|branch| repr(branch)));
        self.tell("oneOf", format!("{} is valid under each of {each}", repr(value)))
    }

    fn required(&mut self, fields: &Map<String, Value>, rule: &'s Value) -> Fits {
        let mut all = true;
        for name in names(Some(rule)) {
            self.budget.spend(1)?;
            if !fields.contains_key(name) {
                all = self.tell("required", format!("{} is a required property", repr(&name.into())))?;
            }
        }
        Ok(all)
    }

    fn properties(&mut self, fields: &Map<String, Value>, rule: &'s Value) -> Fits {
        let Some(known) = rule.as_object() else { return Ok(true) };
        // To look a name up is less than a step.
        self.budget.spend(known.len() / 4)?;
        let mut all = true;
        for (name, schema) in known {
            if let Some(value) = fields.get(name) {
                all &= self.at(Step::Field(name.clone()), value, schema)?;
            }
        }
        Ok(all)
    }

    fn patterns(&mut self, fields: &Map<String, Value>, rule: &'s Value) -> Fits {
        let mut all = true;
        for (pattern, schema) in rule.as_object().into_iter().flatten() {
            for (name, value) in fields {
                if self.patterns.fits(pattern, name, self.budget)? == Some(true) {
                    all &= self.at(Step::Field(name.clone()), value, schema)?;
                }
            }
        }
        Ok(all)
    }

    /// Fields that neither `properties` nor `patternProperties` knows.
    fn additional(&mut self, fields: &Map<String, Value>, rule: &'s Value, keywords: &'s Map<String, Value>) -> Fits {
        let known = keywords.get("properties").and_then(Value::as_object);
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        let mut extra: Vec<&str> = Vec::new();
        self.budget.spend(fields.len() / 4)?;
        for name in fields.keys().filter(|name| known.is_none_or(|known| !known.contains_key(*name))) {
            self.budget.spend(1)?;
            let mut matched = false;
            for pattern in patterns.into_iter().flat_map(Map::keys) {
                matched = matched || self.patterns.fits(pattern, name, self.budget)? == Some(true);
            }
            if !matched {
                extra.push(name);
            }
        }
        match rule {
            Value::Bool(false) if !extra.is_empty() => {
                extra.sort_unstable();
                let shown = |names: &[&str]| listed(names.iter().map(|name| repr(&(*name).into())));
                let one = extra.len() == 1;
                let message = if let Some(patterns) = patterns {
                    let mut patterns: Vec<&str> = patterns.keys().map(String::as_str).collect();
                    patterns.sort_unstable();
                    let verb = if one { "does" } else { "do" };
                    format!("{} {verb} not match any of the regexes: {}", shown(&extra), shown(&patterns))
                } else {
                    let verb = if one { "was" } else { "were" };
                    format!("Additional properties are not allowed ({} {verb} unexpected)", shown(&extra))
                };
                self.tell("additionalProperties", message)
            }
            Value::Object(_) => {
                let mut all = true;
                for name in extra {
                    all &= self.at(Step::Field(name.to_owned()), &fields[name], rule)?;
                }
                Ok(all)
            }
            _ => Ok(true),
        }
    }

    /// Items behind those that `prefixItems` knows.
    fn items(&mut self, items: &[Value], rule: &'s Value, keywords: &'s Map<String, Value>) -> Fits {
        let first = keywords.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
        match rule {
            Value::Bool(false) if items.len() > first => {
                let extra = &items[first..];
                let rest = match extra {
                    [one] => repr(one),
                    more => format!("[{}]", listed(more.iter().map(repr))),
                };
                let word = if first == 1 { "item" } else { "items" };
                self.tell("items", format!("Expected at most {first} {word} but found {} extra: {rest}", extra.len()))
            }
            Value::Object(_) => {
                let mut all = true;
                for (index, item) in items.iter().enumerate().skip(first) {
                    all &= self.at(Step::Index(index), item, rule)?;
                }
                Ok(all)
            }
            _ => Ok(true),
        }
    }

    fn at(&mut self, step: Step, value: &Value, schema: &'s Value) -> Fits {
        let bytes = match &step {
            Step::Field(name) => name.len(),
            Step::Index(_) => 0,
        };
        self.budget.spend_bytes(bytes)?;
        self.path.push(step);
        self.path_bytes += bytes;
        let fits = self.value(value, schema);
        self.path_bytes -= bytes;
        self.path.pop();
        fits
    }

    fn target(&mut self, reference: &'s Value) -> Result<&'s Value, Misfit> {
        let text = reference.as_str().unwrap_or_default();
        if let Some(target) = self.targets.get(text) {
            return Ok(target);
        }
        self.budget.spend(text.len())?;
        let target = match text.strip_prefix('#') {
            Some("") => Some(self.root),
            Some(pointer) => self.root.pointer(pointer),
            None => None,
        };
        let target = target.ok_or_else(|| {
            let why = match text.strip_prefix('#') {
                Some(pointer) if pointer.starts_with('/') => {
                    format!("PointerToNowhere: {} does not exist within {}", repr(&pointer.into()), repr(self.root))
                }
                _ => format!("Unresolvable: {text}"),
            };
            Misfit::Invalid(format!("Validation failed. Failure reason: {why}"))
        })?;
        self.targets.insert(text, target);
        Ok(target)
    }

    /// Tells what does not fit.
    fn tell(&mut self, keyword: &'static str, message: String) -> Fits {
        let complaint = self.complaint(keyword, message)?;
        self.told.tell(complaint);
        Ok(false)
    }

    fn complaint(&mut self, keyword: &'static str, message: String) -> Result<Complaint, Misfit> {
        self.budget.spend_bytes(message.len())?;
        self.spend_on_path()?;
        Ok(Complaint { path: self.path.clone(), keyword, message, context: Vec::new() })
    }

    fn spend_on_path(&mut self) -> Result<(), Misfit> {
        self.budget.spend(self.path.len())?;
        self.budget.spend_bytes(self.path_bytes)
    }
}
