//! Takes out of an answer what two servers cannot have in common, and nothing else.
//!
//! * Ids the server made become `<id 3.2>`: the second new one in step 3. The same id has the same name ever after, so
//!   that relations between answers are compared, not only their shape. Ids that stand in the case stay as they are.
//! * Moments of the run itself become `<time>`; a moment the case named becomes that name; all others stay.
//! * Names the server made up become `<name>`.
//! * Durations become `≈1.5`, which `compare` reads with tolerance.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::cases::Step;
use crate::clock;
use crate::render::Start;

static UUID: LazyLock<Regex> =
    LazyLock::new(|| regex(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"));
static TIME: LazyLock<Regex> = LazyLock::new(|| regex(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$"));
static SLUG: LazyLock<Regex> = LazyLock::new(|| regex(r"^[a-z]+-[a-z]+$"));

/// Marks a duration.
pub const ABOUT: &str = "≈";

/// Fields that hold a duration wherever they occur.
const DURATIONS: [&str; 6] = [
    "delay_seconds",
    "total_run_time",
    "estimated_run_time",
    "estimated_start_time_delta",
    "sum_estimated_run_time",
    "sum_estimated_lateness",
];

/// Fields that hold a set, which the reference writes in any order.
const SETS: [&str; 2] = ["pause_keys", "upstream_dependencies"];

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a constant")
}

/// One server's side of one scenario.
#[derive(Clone)]
pub struct Normaliser {
    text: String,
    moments: HashMap<String, String>,
    /// Moments between these are the run's own.
    span: (String, String),
    ids: HashMap<String, String>,
    step: usize,
    new_in_step: usize,
}

impl Normaliser {
    pub fn new(start: Start) -> Normaliser {
        Normaliser {
            text: String::new(),
            moments: HashMap::new(),
            span: (clock::text(start.0 - 900), clock::text(start.0 + 1_800)),
            ids: HashMap::new(),
            step: 0,
            new_in_step: 0,
        }
    }

    /// The text of a further scenario that goes on with this one's ids.
    pub fn read(&mut self, text: &str, start: Start) {
        self.text.push_str(text);
        self.moments.extend(start.moments(text));
    }

    pub fn answer(&mut self, number: usize, step: &Step, body: &Value) -> Value {
        self.step = number;
        self.new_in_step = 0;
        let mut body = body.clone();
        for pointer in &step.seconds {
            visit(&mut body, pointer, &mut |v| *v = about(v));
        }
        for pointer in &step.mask {
            visit(&mut body, pointer, &mut |v| {
                if !v.is_null() {
                    *v = Value::String("<masked>".to_owned());
                }
            });
        }
        self.value(&body, "", step.unordered)
    }

    pub fn header(&mut self, value: &str) -> String {
        self.ids_in(value)
    }

    fn value(&mut self, value: &Value, key: &str, unordered: bool) -> Value {
        match value {
            Value::String(s) => Value::String(self.string(s, key)),
            Value::Number(_) if DURATIONS.contains(&key) => about(value),
            Value::Array(items) => {
                let mut items: Vec<&Value> = items.iter().collect();
                if unordered || SETS.contains(&key) {
                    items.sort_by_cached_key(|v| self.blind(v));
                }
                Value::Array(items.into_iter().map(|v| self.value(v, key, unordered)).collect())
            }
            Value::Object(map) => {
                // Sorted, so that ids are numbered alike whatever the order of fields.
                let mut fields: Vec<_> = map.iter().collect();
                fields.sort_by_key(|(name, _)| *name);
                let mut out = serde_json::Map::new();
                for (name, inner) in fields {
                    let inner = self.value(inner, name, unordered);
                    out.insert(self.ids_in(name), inner);
                }
                Value::Object(out)
            }
            other => other.clone(),
        }
    }

    fn string(&mut self, s: &str, key: &str) -> String {
        if TIME.is_match(s) {
            return self.time(s);
        }
        if matches!(key, "name" | "label") && SLUG.is_match(s) && !self.text.contains(s) {
            return "<name>".to_owned();
        }
        self.ids_in(s)
    }

    fn time(&self, s: &str) -> String {
        if let Some(name) = self.moments.get(s) {
            return format!("<{name}>");
        }
        let of_the_run = self.span.0.as_str() <= s && s <= self.span.1.as_str() && !self.text.contains(s);
        if of_the_run { "<time>".to_owned() } else { s.to_owned() }
    }

    fn ids_in(&mut self, s: &str) -> String {
        UUID.replace_all(s, |found: &Captures<'_>| {
            if self.text.contains(&found[0]) {
                return found[0].to_owned();
            }
            let id = found[0].to_lowercase();
            if let Some(known) = self.ids.get(&id) {
                return known.clone();
            }
            self.new_in_step += 1;
            let name = format!("<id {}.{}>", self.step, self.new_in_step);
            self.ids.insert(id, name.clone());
            name
        })
        .into_owned()
    }

    /// A value as text in which new ids are alike, to sort by.
    fn blind(&self, value: &Value) -> String {
        let mut look = Normaliser { step: 0, new_in_step: 0, ..self.clone() };
        let text = look.value(value, "", true).to_string();
        regex(r"<id 0\.\d+>|≈[-0-9.e]+").replace_all(&text, "?").into_owned()
    }
}

fn about(value: &Value) -> Value {
    match value.as_f64() {
        Some(seconds) => Value::String(format!("{ABOUT}{seconds}")),
        None => value.clone(),
    }
}

/// Does something with every value a pointer names; `*` stands for any member.
fn visit(value: &mut Value, pointer: &str, act: &mut dyn FnMut(&mut Value)) {
    let Some(rest) = pointer.strip_prefix('/') else { return act(value) };
    let (head, tail) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    match value {
        Value::Array(items) if head == "*" => items.iter_mut().for_each(|v| visit(v, tail, act)),
        Value::Array(items) => {
            if let Some(inner) = head.parse().ok().and_then(|n: usize| items.get_mut(n)) {
                visit(inner, tail, act);
            }
        }
        Value::Object(map) if head == "*" => map.values_mut().for_each(|v| visit(v, tail, act)),
        Value::Object(map) => {
            if let Some(inner) = map.get_mut(head) {
                visit(inner, tail, act);
            }
        }
        _ => {}
    }
}
