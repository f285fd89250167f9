//! Keywords of a schema that look at a value alone, and how values are shown in complaints.

use serde_json::{Map, Value};

/// Keywords that look at the value alone.
pub(super) fn plain(keyword: &str, rule: &Value, value: &Value) -> Option<(&'static str, String)> {
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
        "type" => {
            let types: Vec<&str> = match rule {
                Value::String(one) => vec![one],
                _ => names(Some(rule)).collect(),
            };
            let fits = types.iter().any(|type_| is_type(value, type_));
            let listed: Vec<String> = types.iter().map(|type_| repr(&(*type_).into())).collect();
            (!fits && !types.is_empty()).then(|| ("type", format!("{} is not of type {}", shown(), listed.join(", "))))
        }
        "enum" => {
            let fits = rule.as_array().is_none_or(|members| members.iter().any(|member| equal(member, value)));
            (!fits).then(|| ("enum", format!("{} is not one of {}", shown(), repr(rule))))
        }
        "const" => (!equal(rule, value)).then(|| ("const", format!("{} was expected", repr(rule)))),
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
        "pattern" => {
            let fits = match (value.as_str(), rule.as_str().map(regex::Regex::new)) {
                (Some(text), Some(Ok(pattern))) => pattern.is_match(text),
                _ => true,
            };
            (!fits).then(|| ("pattern", format!("{} does not match {}", shown(), repr(rule))))
        }
        "uniqueItems" if *rule == true => {
            let items = value.as_array()?;
            let twice = items.iter().enumerate().any(|(i, item)| items[..i].iter().any(|other| equal(other, item)));
            twice.then(|| ("uniqueItems", format!("{} has non-unique elements", shown())))
        }
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
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

/// As Python shows a value.
pub(super) fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(n) => n.to_string(),
        Value::String(text) => {
            let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
            let mut out = String::from(quote);
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
            out
        }
        Value::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", repr(&name.as_str().into()), repr(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// The texts of a list.
pub(super) fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
