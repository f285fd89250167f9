//! JSON as it comes in: parsed once into borrowed values, refused with the text the reference's clients know.

mod python;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

/// A parsed JSON value that borrows from the request's body. Objects may hold a key twice; the last one counts.
pub type Json<'a> = jiter::JsonValue<'a>;

/// How deep values may nest. Far above what any client sends, far below what would exhaust a stack.
pub const MAX_DEPTH: usize = 100;

/// Why a body is not JSON.
#[derive(Debug, PartialEq)]
pub enum NotJson {
    /// The bytes are not UTF-8.
    Encoding,
    /// The text is not JSON: where (in characters) and why, in the words of Python's `json` module.
    Syntax { at: usize, why: String },
}

/// Parses a body. `NaN` and infinities are refused: they cannot be stored.
pub fn parse(body: &[u8]) -> Result<Json<'_>, NotJson> {
    // Some editors put a byte order mark before everything.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match Json::parse(body, false) {
        Ok(value) => Ok(value),
        Err(error) => {
            let text = std::str::from_utf8(body).map_err(|_| NotJson::Encoding)?;
            let (at, why) = python::complaint(text).unwrap_or_else(|| {
                let before = text.as_bytes().get(..error.index).unwrap_or(text.as_bytes());
                (String::from_utf8_lossy(before).chars().count(), error.error_type.to_string())
            });
            Err(NotJson::Syntax { at, why })
        }
    }
}

/// Why a value cannot be kept as opaque JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NotStorable {
    /// A string or key holds U+0000, which Postgres cannot store.
    Nul,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Writes a value back as compact JSON text; integers of any size and all digits of a float are kept.
pub fn to_text(value: &Json<'_>) -> Result<String, NotStorable> {
    let mut out = String::new();
    write(value, &mut out, 0, true)?;
    Ok(out)
}

/// Like [`to_text`] for showing a client what it sent: never fails, cuts what is too deep.
pub fn echo(value: &Json<'_>) -> String {
    let mut out = String::new();
    // Infallible: with `strict` off nothing is refused.
    let _ = write(value, &mut out, 0, false);
    out
}

fn write(value: &Json<'_>, out: &mut String, depth: usize, strict: bool) -> Result<(), NotStorable> {
    if depth > MAX_DEPTH {
        if strict {
            return Err(NotStorable::TooDeep);
        }
        out.push_str("null");
        return Ok(());
    }
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Json::Int(i) => {
            let _ = write!(out, "{i}");
        }
        Json::BigInt(i) => {
            let _ = write!(out, "{i}");
        }
        Json::Float(f) => out.push_str(&serde_json::Number::from_f64(*f).map_or("null".into(), |n| n.to_string())),
        Json::Str(s) => write_string(s, out, strict)?,
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out, depth + 1, strict)?;
            }
            out.push(']');
        }
        Json::Object(fields) => {
            out.push('{');
            let mut empty = true;
            let last = last_of_each(fields);
            for (i, (key, item)) in fields.iter().enumerate() {
                // A key named twice: the last one counts, as in Python.
                let again = match &last {
                    Some(last) => last.get(key.as_ref()) != Some(&i),
                    None => fields[i + 1..].iter().any(|(later, _)| later == key),
                };
                if again {
                    continue;
                }
                if !std::mem::take(&mut empty) {
                    out.push(',');
                }
                write_string(key, out, strict)?;
                out.push(':');
                write(item, out, depth + 1, strict)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Where each key of many stands last; among few it is looked for.
fn last_of_each<'v>(fields: &'v [(Cow<'_, str>, Json<'_>)]) -> Option<HashMap<&'v str, usize>> {
    const FEW: usize = 16;
    (fields.len() > FEW).then(|| fields.iter().enumerate().map(|(i, (key, _))| (key.as_ref(), i)).collect())
}

fn write_string(s: &str, out: &mut String, strict: bool) -> Result<(), NotStorable> {
    if strict && s.contains('\0') {
        return Err(NotStorable::Nul);
    }
    // A str always serialises.
    out.push_str(&serde_json::to_string(s).unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_digit() {
        for text in ["123456789012345678901234567890", "0.1", "1e+300", "-5", "[1,\"a\",{\"b\":null}]", "\"\\u0001\""] {
            let value = parse(text.as_bytes()).unwrap();
            assert_eq!(to_text(&value).unwrap(), text);
        }
    }

    #[test]
    fn of_a_key_named_twice_the_last_counts() {
        assert_eq!(to_text(&parse(br#"{"a":1,"b":2,"a":3}"#).unwrap()).unwrap(), r#"{"b":2,"a":3}"#);
        // Keys are not compared each with each.
        let object = |n: usize, more: &str| {
            let fields: Vec<String> = (0..n).map(|i| format!("\"k{i:06}\":{i}")).collect();
            format!("{{{}{more}}}", fields.join(","))
        };
        let (once, twice) = (object(200_000, ""), object(200_000, r#","k000000":0"#));
        assert_eq!(to_text(&parse(once.as_bytes()).unwrap()).unwrap(), once);
        let kept = to_text(&parse(twice.as_bytes()).unwrap()).unwrap();
        assert!(kept.starts_with(r#"{"k000001":1,"#) && kept.ends_with(r#","k000000":0}"#));
    }

    #[test]
    fn refuses_what_cannot_be_stored() {
        assert_eq!(to_text(&parse(br#"{"a\u0000":1}"#).unwrap()), Err(NotStorable::Nul));
        let deep = format!("{}{}", "[".repeat(150), "]".repeat(150));
        assert_eq!(to_text(&parse(deep.as_bytes()).unwrap()), Err(NotStorable::TooDeep));
        assert_eq!(parse(b"\"\xff\""), Err(NotJson::Encoding));
    }
}
