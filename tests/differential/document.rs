//! The two OpenAPI documents, operation by operation: paths, methods, parameters, fields, types, defaults, what is required.
//!
//! `document.txt` lists how they may differ: `count | place | what | reason`, where place and what may contain `*`. A line
//! stands for as many differences as it says, no more and no fewer, so that a difference that is new does not hide behind
//! an old one, and one that is gone takes its line with it. `DIFFERENTIAL_SHOW=1` prints every difference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::http::{Client, Request};

const NAME: &str = "tests/differential/document.txt";
const FILE: &str = include_str!("document.txt");

/// One difference: where, and what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub place: String,
    pub what: String,
}

pub fn check(reference: &Client, ours: &Client) -> Result<(), String> {
    let differences = between(&fetch(reference)?, &fetch(ours)?);
    if std::env::var_os("DIFFERENTIAL_SHOW").is_some() {
        for Difference { place, what } in &differences {
            eprintln!("1 | {place} | {what} | ");
        }
    }
    held_to(FILE, &differences)
}

fn fetch(from: &Client) -> Result<Value, String> {
    let path = "/openapi.json".to_owned();
    let request = Request { method: "GET".to_owned(), path, headers: Vec::new(), body: None };
    Ok(from.send(&request)?.body)
}

struct Line<'a> {
    text: &'a str,
    count: usize,
    place: &'a str,
    what: &'a str,
}

fn line(text: &str) -> Option<Line<'_>> {
    let mut parts = text.splitn(4, " | ").map(str::trim);
    let (count, place, what) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    parts.next().filter(|reason| !reason.is_empty())?;
    Some(Line { text, count, place, what })
}

/// Whether the differences are those that the file lists.
pub fn held_to(file: &str, differences: &[Difference]) -> Result<(), String> {
    let mut lines = Vec::new();
    for text in file.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        lines.push(line(text).ok_or_else(|| format!("{NAME}: cannot read: {text}"))?);
    }
    let mut met = vec![0_usize; lines.len()];
    let mut findings = Vec::new();
    for Difference { place, what } in differences {
        match lines.iter().position(|line| glob(line.place, place) && glob(line.what, what)) {
            Some(at) => met[at] += 1,
            None => findings.push(format!("not in {NAME}: 1 | {place} | {what} | why it must be so")),
        }
    }
    for (line, met) in lines.iter().zip(met) {
        if met != line.count {
            findings.push(format!("{NAME}: {met} differences are of the line {:?}", line.text));
        }
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(format!("the documents differ otherwise than {NAME} says:\n{}", findings.join("\n")))
}

/// `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    after.is_empty() || rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| glob(after, &rest[at..]))
}

/// Every difference between two documents.
pub fn between(reference: &Value, ours: &Value) -> Vec<Difference> {
    let mut found = Compare { reference, ours, seen: BTreeSet::new(), found: BTreeSet::new() };
    let (theirs, mine) = (operations(reference), operations(ours));
    for (name, operation) in &theirs {
        match mine.get(name) {
            Some(other) => found.operation(name, operation, other),
            None => found.push(name, "operation missing"),
        }
    }
    for name in mine.keys().filter(|name| !theirs.contains_key(*name)) {
        found.push(name, "operation extra");
    }
    found.found.into_iter().collect()
}

/// By method and path, in which parameters have no names.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let mut all = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        let segments = path.trim_end_matches('/').split('/');
        let path: Vec<&str> = segments.map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect();
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let path = if path.len() > 1 { path.join("/") } else { "/".to_owned() };
            all.insert(format!("{} {path}", method.to_uppercase()), operation);
        }
    }
    all
}

/// Which way a schema's values go. What is required, and what is left out, means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Request,
    Answer,
}

struct Compare<'d> {
    reference: &'d Value,
    ours: &'d Value,
    /// Pairs of named schemas that were compared.
    seen: BTreeSet<(String, String, Side)>,
    found: BTreeSet<Difference>,
}

impl<'d> Compare<'d> {
    fn push(&mut self, place: &str, what: impl Into<String>) {
        self.found.insert(Difference { place: place.to_owned(), what: what.into() });
    }

    fn operation(&mut self, name: &str, theirs: &'d Value, ours: &'d Value) {
        self.parameters(name, theirs, ours);
        let body = |operation: &'d Value| &operation["requestBody"];
        let (their_body, our_body) = (body(theirs), body(ours));
        match (their_body.is_null(), our_body.is_null()) {
            (true, true) => {}
            (false, true) => self.push(name, "body missing"),
            (true, false) => self.push(name, "body extra"),
            (false, false) => {
                self.word(
                    &format!("{name} body"),
                    "required",
                    truth(&their_body["required"]),
                    truth(&our_body["required"]),
                );
                let (a, b) = (content(their_body), content(our_body));
                self.schema(&format!("{name} body"), Side::Request, a, b);
            }
        }
        for (status, answer) in theirs["responses"].as_object().into_iter().flatten() {
            if !status.starts_with('2') {
                continue;
            }
            match ours["responses"].get(status) {
                Some(other) => self.schema(&format!("{name} answer"), Side::Answer, content(answer), content(other)),
                None => self.push(name, format!("answer {status} missing")),
            }
        }
    }

    /// Those of the path by their place, the others by their name.
    fn parameters(&mut self, name: &str, theirs: &'d Value, ours: &'d Value) {
        let all = |operation: &'d Value, in_path: bool| -> Vec<&'d Value> {
            let list = operation["parameters"].as_array().into_iter().flatten();
            list.filter(|parameter| (parameter["in"] == "path") == in_path).collect()
        };
        for (a, b) in all(theirs, true).into_iter().zip(all(ours, true)) {
            let place = format!("{name} path {}", text(&a["name"]));
            self.word(&place, "name", text(&a["name"]), text(&b["name"]));
            self.schema(&place, Side::Request, &a["schema"], &b["schema"]);
        }
        let key = |parameter: &Value| format!("{} {}", text(&parameter["in"]), text(&parameter["name"]).to_lowercase());
        let mine: BTreeMap<String, &Value> = all(ours, false).into_iter().map(|p| (key(p), p)).collect();
        let theirs: BTreeMap<String, &Value> = all(theirs, false).into_iter().map(|p| (key(p), p)).collect();
        for (parameter, a) in &theirs {
            let place = format!("{name} {parameter}");
            let Some(b) = mine.get(parameter) else {
                self.push(&place, "parameter missing");
                continue;
            };
            self.word(&place, "required", truth(&a["required"]), truth(&b["required"]));
            self.word(&place, "default", text(&a["schema"]["default"]), text(&b["schema"]["default"]));
            self.schema(&place, Side::Request, &a["schema"], &b["schema"]);
        }
        for parameter in mine.keys().filter(|parameter| !theirs.contains_key(*parameter)) {
            self.push(&format!("{name} {parameter}"), "parameter extra");
        }
    }

    /// One property of both.
    fn word(&mut self, place: &str, property: &str, theirs: String, ours: String) {
        if theirs != ours {
            self.push(place, format!("{property} {theirs} -> {ours}"));
        }
    }

    fn schema(&mut self, place: &str, side: Side, theirs: &'d Value, ours: &'d Value) {
        let (a, b) = (Shape::of(self.reference, theirs), Shape::of(self.ours, ours));
        let mut place = place.to_owned();
        if let (Some(theirs), Some(ours)) = (&a.name, &b.name) {
            // A body that has no name but its operation's is told of there.
            if !theirs.starts_with("Body_") {
                let word = if side == Side::Request { "request" } else { "answer" };
                place = format!("{word} {}", theirs.trim_end_matches("-Input").trim_end_matches("-Output"));
            }
            if !self.seen.insert((theirs.clone(), ours.clone(), side)) {
                return;
            }
        }
        self.word(&place, "type", a.label(), b.label());
        match (a.kind, b.kind) {
            (Kind::Object(a), Kind::Object(b)) => self.fields(&place, side, a, b),
            (Kind::Array(a), Kind::Array(b)) => self.schema(&format!("{place}[]"), side, a, b),
            (Kind::Map(a), Kind::Map(b)) => self.schema(&format!("{place}{{}}"), side, a, b),
            (Kind::Union(a), Kind::Union(b)) if a.len() == b.len() => {
                for (n, (a, b)) in a.into_iter().zip(b).enumerate() {
                    self.schema(&format!("{place}({n})"), side, a, b);
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, place: &str, side: Side, theirs: &'d Value, ours: &'d Value) {
        self.word(
            place,
            "closed",
            truth_of(theirs["additionalProperties"] == false),
            truth_of(ours["additionalProperties"] == false),
        );
        let required = |schema: &Value, name: &str| {
            truth_of(schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name)))
        };
        let mine = ours["properties"].as_object();
        for (name, a) in theirs["properties"].as_object().into_iter().flatten() {
            let here = format!("{place}.{name}");
            let Some(b) = mine.and_then(|mine| mine.get(name)) else {
                self.push(&here, "field missing");
                continue;
            };
            self.word(&here, "required", required(theirs, name), required(ours, name));
            self.word(&here, "default", text(&a["default"]), text(&b["default"]));
            self.schema(&here, side, a, b);
        }
        let known = theirs["properties"].as_object();
        for name in mine.into_iter().flatten().map(|(name, _)| name) {
            if known.is_none_or(|known| !known.contains_key(name)) {
                self.push(&format!("{place}.{name}"), "field extra");
            }
        }
    }
}

fn content(of: &Value) -> &Value {
    of["content"].as_object().and_then(|types| types.values().next()).map_or(&Value::Null, |content| &content["schema"])
}

/// A value as it stands in a line.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        // Python writes whole numbers of either kind alike.
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

fn truth(value: &Value) -> String {
    truth_of(value == true)
}

fn truth_of(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// A schema with references followed, and null taken apart.
struct Shape<'d> {
    /// Where it is one of the document's named schemas.
    name: Option<String>,
    nullable: bool,
    kind: Kind<'d>,
}

enum Kind<'d> {
    /// Nothing is said of it.
    Any,
    Plain(String),
    Enum(Vec<String>),
    Array(&'d Value),
    Object(&'d Value),
    Map(&'d Value),
    Union(Vec<&'d Value>),
}

impl<'d> Shape<'d> {
    fn of(document: &'d Value, schema: &'d Value) -> Self {
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            let shape = Self::of(document, &document["components"]["schemas"][name]);
            return Self { name: Some(name.to_owned()), ..shape };
        }
        if let Some([only]) = schema["allOf"].as_array().map(Vec::as_slice) {
            return Self::of(document, only);
        }
        if let Some(members) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            let (nulls, others): (Vec<&Value>, Vec<&Value>) =
                members.iter().partition(|member| member["type"] == "null");
            let nullable = !nulls.is_empty();
            return match others[..] {
                [only] => {
                    let shape = Self::of(document, only);
                    Self { nullable: nullable || shape.nullable, ..shape }
                }
                _ => Self { name: None, nullable, kind: Kind::Union(others) },
            };
        }
        Self { name: None, nullable: false, kind: Kind::of(schema) }
    }

    fn label(&self) -> String {
        let label = match &self.kind {
            Kind::Any => "any".to_owned(),
            Kind::Plain(name) => name.clone(),
            Kind::Enum(values) => format!("enum({})", values.join(",")),
            Kind::Array(_) => "array".to_owned(),
            Kind::Object(_) => "object".to_owned(),
            Kind::Map(_) => "map".to_owned(),
            Kind::Union(members) => format!("union of {}", members.len()),
        };
        if self.nullable { format!("{label} or null") } else { label }
    }
}

impl<'d> Kind<'d> {
    fn of(schema: &'d Value) -> Self {
        if let Some(values) = schema["enum"].as_array() {
            let mut values: Vec<String> = values.iter().map(text).collect();
            values.sort();
            return Kind::Enum(values);
        }
        if !schema["const"].is_null() {
            return Kind::Enum(vec![text(&schema["const"])]);
        }
        match schema["type"].as_str() {
            Some("array") => Kind::Array(&schema["items"]),
            Some("object") if schema["properties"].is_object() => Kind::Object(schema),
            Some("object") if schema["additionalProperties"].is_object() => Kind::Map(&schema["additionalProperties"]),
            Some("object") => Kind::Plain("object of anything".to_owned()),
            Some(type_) => {
                let format = schema["format"].as_str().map(|format| format!("({format})")).unwrap_or_default();
                Kind::Plain(format!("{type_}{format}"))
            }
            None => Kind::Any,
        }
    }
}

/// Tried on made-up documents.
pub fn selftest() -> Result<(), String> {
    use serde_json::json;
    let document = |schema: Value, body: Value| {
        json!({
            "paths": { "/a/{id}": { "post": {
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } },
                    { "name": "limit", "in": "query", "required": false, "schema": { "type": "integer", "default": 10 } }],
                "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
                "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/A" } } } } },
            } } },
            "components": { "schemas": { "A": schema } },
        })
    };
    let one = json!({ "type": "object", "required": ["x"], "properties": { "x": { "type": "integer" }, "y": { "anyOf": [{ "type": "string" }, { "type": "null" }] } } });
    let body = json!({ "type": "object", "properties": { "x": { "type": "integer", "default": 5 } } });
    let same = document(one.clone(), body.clone());
    let told = |other: &Value| -> Vec<String> {
        between(&same, other).iter().map(|found| format!("{} | {}", found.place, found.what)).collect()
    };
    let equal = |found: Vec<String>, expected: &[&str]| match found == expected {
        true => Ok(()),
        false => Err(format!("{found:?}, not {expected:?}")),
    };
    equal(told(&same), &[])?;
    let other = json!({ "type": "object", "required": [], "properties": { "x": { "type": "number" }, "z": { "type": "string" } } });
    equal(
        told(&document(other, body)),
        &[
            "answer A.x | required yes -> no",
            "answer A.x | type integer -> number",
            "answer A.y | field missing",
            "answer A.z | field extra",
        ],
    )?;
    let mut other =
        document(one, json!({ "type": "object", "properties": { "x": { "type": "integer", "default": 6 } } }));
    other["paths"]["/a/{id}"]["post"]["parameters"][1]["schema"]["default"] = json!(11);
    other["paths"]["/b"] = json!({ "get": {} });
    equal(
        told(&other),
        &[
            "GET /b | operation extra",
            "POST /a/{} body.x | default 5 -> 6",
            "POST /a/{} query limit | default 10 -> 11",
        ],
    )?;
    let found = between(&same, &other);
    let (good, few) = ("3 | * | * | a reason", "2 | * | * | a reason");
    held_to(good, &found)?;
    let refused = |file: &str| held_to(file, &found).is_err();
    match refused(few)
        && refused("4 | * | * | a reason")
        && refused("1 | GET /b | * | a reason")
        && refused("3 | * | * | ")
    {
        true => Ok(()),
        false => Err("a file that does not say what there is must be refused".to_owned()),
    }
}
