//! Keywords of a schema that look at a value alone, and how values are shown in complaints.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::{Budget, Misfit};

/// Bytes of a value that are shown.
const MOST_SHOWN: usize = 16 * 1024;

/// What keywords that look at the value alone have to say.
pub(super) fn plain(
    keyword: &str,
    rule: &Value,
    value: &Value,
    budget: &mut Budget,
) -> Result<Option<(&'static str, String)>, Misfit> {
    Ok(match keyword {
        "type" => {
            budget.spend(rule.as_array().map_or(0, Vec::len))?;
            let one = rule.as_str().into_iter();
            let types: Vec<&str> = one.chain(names(Some(rule))).collect();
            let fits = types.is_empty() || types.iter().any(|type_| is_type(value, type_));
            let all = || listed(types.iter().map(|type_| repr(&(*type_).into())));
            (!fits).then(|| ("type", format!("{} is not of type {}", repr(value), all())))
        }
        "enum" => {
            let fits = match rule.as_array() {
                Some(members) => is_one_of(value, members, budget)?,
                None => true,
            };
            (!fits).then(|| ("enum", format!("{} is not one of {}", repr(value), repr(rule))))
        }
        "const" => {
            let fits = equal(rule, value, budget)?;
            (!fits).then(|| ("const", format!("{} was expected", repr(rule))))
        }
        "uniqueItems" if *rule == true => {
            let twice = match value.as_array() {
                Some(items) => any_twice(items, budget)?,
                None => false,
            };
            twice.then(|| ("uniqueItems", format!("{} has non-unique elements", repr(value))))
        }
        "minLength" | "maxLength" => {
            budget.spend_bytes(value.as_str().map_or(0, str::len))?;
            sizes(keyword, rule, value)
        }
        _ => sizes(keyword, rule, value),
    })
}

/// Keywords that compare a number, or a length.
fn sizes(keyword: &str, rule: &Value, value: &Value) -> Option<(&'static str, String)> {
    let shown = || repr(value);
    let number = |holds: fn(f64, f64) -> bool, words: &str| {
        let (n, bound) = (value.as_f64()?, rule.as_f64()?);
        (!holds(n, bound)).then(|| format!("{} {words} {}", shown(), repr(rule)))
    };
    let size = |length: Option<usize>| Some((length?, usize::try_from(rule.as_u64()?).ok()?));
    let short = |(length, least): (usize, usize)| {
        (length < least).then(|| {
            if least == 1 { format!("{} should be non-empty", shown()) } else { format!("{} is too short", shown()) }
        })
    };
    let long = |(length, most): (usize, usize)| {
        (length > most).then(|| {
            if most == 0 { format!("{} is expected to be empty", shown()) } else { format!("{} is too long", shown()) }
        })
    };
    let characters = || size(value.as_str().map(|text| text.chars().count()));
    let items = || size(value.as_array().map(Vec::len));
    let fields = || size(value.as_object().map(Map::len));
    match keyword {
        "minimum" => number(|n, bound| n >= bound, "is less than the minimum of").map(|m| ("minimum", m)),
        "maximum" => number(|n, bound| n <= bound, "is greater than the maximum of").map(|m| ("maximum", m)),
        "exclusiveMinimum" => {
            number(|n, bound| n > bound, "is less than or equal to the minimum of").map(|m| ("exclusiveMinimum", m))
        }
        "exclusiveMaximum" => {
            number(|n, bound| n < bound, "is greater than or equal to the maximum of").map(|m| ("exclusiveMaximum", m))
        }
        "multipleOf" => {
            number(|n, of| of == 0.0 || (n / of).fract() == 0.0, "is not a multiple of").map(|m| ("multipleOf", m))
        }
        "minLength" => characters().and_then(short).map(|m| ("minLength", m)),
        "maxLength" => characters().and_then(long).map(|m| ("maxLength", m)),
        "minItems" => items().and_then(short).map(|m| ("minItems", m)),
        "maxItems" => items().and_then(long).map(|m| ("maxItems", m)),
        "minProperties" => {
            let few = |(n, least): (usize, usize)| {
                (n < least).then(|| {
                    if least == 1 {
                        format!("{} should be non-empty", shown())
                    } else {
                        format!("{} does not have enough properties", shown())
                    }
                })
            };
            fields().and_then(few).map(|m| ("minProperties", m))
        }
        "maxProperties" => fields().and_then(|(n, most)| {
            (n > most).then(|| {
                let words = if most == 0 { "is expected to be empty" } else { "has too many properties" };
                ("maxProperties", format!("{} {words}", shown()))
            })
        }),
        _ => None,
    }
}

fn is_type(value: &Value, type_: &str) -> bool {
    match type_ {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        // A type nobody knows fits nothing; the reference fails there.
        _ => false,
    }
}

/// As Python compares: 1 is 1.0, but neither is true.
fn equal(a: &Value, b: &Value, budget: &mut Budget) -> Result<bool, Misfit> {
    Ok(match (a, b) {
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => {
            canonical(a, budget)? == canonical(b, budget)?
        }
        (Value::String(a), Value::String(b)) => {
            budget.spend_bytes(a.len().min(b.len()))?;
            a == b
        }
        (Value::Number(a), Value::Number(b)) => a == b || is_integer(a, b) || is_integer(b, a),
        _ => a == b,
    })
}

/// Whether a float is an integer that is no float.
fn is_integer(float: &Number, integer: &Number) -> bool {
    let float = float.as_f64().filter(|n| float.is_f64() && n.fract() == 0.0);
    // What no integer of JSON reaches stays beyond all of them.
    float.zip(integer.as_i128()).is_some_and(|(float, integer)| float as i128 == integer)
}

fn is_one_of(value: &Value, members: &[Value], budget: &mut Budget) -> Result<bool, Misfit> {
    // To compare what is small is less than a step.
    budget.spend(members.len() / 4)?;
    for member in members {
        if equal(member, value, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn any_twice(items: &[Value], budget: &mut Budget) -> Result<bool, Misfit> {
    let mut seen = HashSet::new();
    for item in items {
        if !seen.insert(canonical(item, budget)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A text that equal values have in common, and others have not.
fn canonical(value: &Value, budget: &mut Budget) -> Result<String, Misfit> {
    budget.spend_on(value)?;
    let mut out = String::new();
    write_canonical(value, &mut out);
    Ok(out)
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Number(n) => out.push_str(&canonical_number(n)),
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, value) in fields {
                write_text(name, out);
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::String(text) => write_text(text, out),
        plain => out.push_str(&plain.to_string()),
    }
}

fn write_text(text: &str, out: &mut String) {
    // Writing to a string does not fail.
    let _ = write!(out, "\"{}:{text}", text.len());
}

/// A float without a fraction is the integer that it is.
fn canonical_number(n: &Number) -> String {
    match n.as_f64() {
        Some(float) if n.is_f64() && float.fract() == 0.0 => format!("{:.0}", float + 0.0),
        _ => n.to_string(),
    }
}

/// As Python shows a value; the beginning of a long one.
pub(super) fn repr(value: &Value) -> String {
    let mut out = String::new();
    show(value, &mut out);
    cut(out)
}

/// Values that are shown, one after the other; the beginning of many.
pub(super) fn listed(shown: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    separated(shown, &mut out, |one, out| out.push_str(&one));
    cut(out)
}

fn cut(mut shown: String) -> String {
    if shown.len() > MOST_SHOWN {
        shown.truncate(beginning(&shown, MOST_SHOWN).len());
        shown.push('…');
    }
    shown
}

/// No more bytes than those, and whole characters.
fn beginning(text: &str, bytes: usize) -> &str {
    let ends = (0..=bytes.min(text.len())).rev();
    ends.into_iter().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// As many as are shown, and no more.
fn separated<T>(each: impl Iterator<Item = T>, out: &mut String, show: impl Fn(T, &mut String)) {
    for (at, one) in each.enumerate() {
        if out.len() > MOST_SHOWN {
            return;
        }
        if at > 0 {
            out.push_str(", ");
        }
        show(one, out);
    }
}

fn show(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(n) => out.push_str(&n.to_string()),
        Value::String(text) => show_text(text, out),
        Value::Array(items) => {
            out.push('[');
            separated(items.iter(), out, show);
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            separated(fields.iter(), out, |(name, value), out| {
                show_text(name, out);
                out.push_str(": ");
                show(value, out);
            });
            out.push('}');
        }
    }
}

fn show_text(text: &str, out: &mut String) {
    // A byte more than is shown, so that what is cut is seen to be.
    let text = beginning(text, MOST_SHOWN + 1);
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote || c == '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// The texts of a list.
pub(super) fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
