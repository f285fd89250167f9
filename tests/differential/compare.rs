//! The differences between two normalised answers, each with the pointer to where it is.

use serde_json::Value;

use crate::clock;
use crate::normalise::ABOUT;

/// Durations may be this many seconds apart: the two servers are asked one after the other.
const TOLERANCE: f64 = 10.0;

pub struct Difference {
    pub pointer: String,
    /// The same moment, written in another zone.
    pub zone_only: bool,
    pub reference: String,
    pub ours: String,
}

pub fn bodies(reference: &Value, ours: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    values(reference, ours, "", &mut found);
    found
}

fn values(reference: &Value, ours: &Value, at: &str, found: &mut Vec<Difference>) {
    match (reference, ours) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, left) in a {
                match b.get(key) {
                    Some(right) => values(left, right, &format!("{at}/{key}"), found),
                    None => found.push(difference(&format!("{at}/{key}"), Some(left), None)),
                }
            }
            for (key, right) in b {
                if !a.contains_key(key) {
                    found.push(difference(&format!("{at}/{key}"), None, Some(right)));
                }
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                let pointer = format!("{at}/length");
                let (reference, ours) = (a.len().to_string(), b.len().to_string());
                found.push(Difference { pointer, zone_only: false, reference, ours });
            }
            for (index, (left, right)) in a.iter().zip(b).enumerate() {
                values(left, right, &format!("{at}/{index}"), found);
            }
        }
        (a, b) if a == b || close(a, b) => {}
        (a, b) => found.push(difference(at, Some(a), Some(b))),
    }
}

fn close(a: &Value, b: &Value) -> bool {
    let seconds = |v: &Value| v.as_str()?.strip_prefix(ABOUT)?.parse::<f64>().ok();
    match (seconds(a), seconds(b)) {
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE,
        _ => false,
    }
}

fn difference(at: &str, reference: Option<&Value>, ours: Option<&Value>) -> Difference {
    let text = |v: Option<&Value>| v.map_or_else(|| "(absent)".to_owned(), |v| short(&v.to_string()));
    let moment = |v: Option<&Value>| clock::instant(v?.as_str()?);
    let zone_only = moment(reference).is_some() && moment(reference) == moment(ours);
    Difference { pointer: at.to_owned(), zone_only, reference: text(reference), ours: text(ours) }
}

/// The beginning of a long text.
pub fn short(text: &str) -> String {
    const LONG: usize = 300;
    if text.chars().count() <= LONG {
        return text.to_owned();
    }
    text.chars().take(LONG).chain("…".chars()).collect()
}
