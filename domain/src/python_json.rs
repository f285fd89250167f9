//! JSON and numbers as Python writes them, where that is what clients compare or see.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wire::Json;

/// As Python's `json.dumps(value, sort_keys=True, indent=indent)` does.
pub fn write(value: &Json<'_>, indent: Option<usize>, out: &mut String) {
    Lines { indent, depth: 0 }.write(value, out);
}

#[derive(Clone, Copy)]
struct Lines {
    indent: Option<usize>,
    depth: usize,
}

impl Lines {
    fn write(self, value: &Json<'_>, out: &mut String) {
        match value {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Int(i) => {
                let _ = write!(out, "{i}");
            }
            Json::BigInt(i) => {
                let _ = write!(out, "{i}");
            }
            Json::Float(f) => write_float(*f, out),
            Json::Str(text) => write_text(text, out),
            Json::Array(items) => {
                self.listed(('[', ']'), items.iter(), out, |within, item, out| within.write(item, out))
            }
            Json::Object(fields) => {
                // A key that is there twice counts once, by its last value.
                let sorted: BTreeMap<&str, &Json<'_>> =
                    fields.iter().map(|(key, value)| (key.as_ref(), value)).collect();
                self.listed(('{', '}'), sorted.into_iter(), out, |within, (key, value), out| {
                    write_text(key, out);
                    out.push_str(": ");
                    within.write(value, out);
                });
            }
        }
    }

    fn listed<T>(
        self,
        (open, close): (char, char),
        items: impl ExactSizeIterator<Item = T>,
        out: &mut String,
        one: impl Fn(Self, T, &mut String),
    ) {
        let within = Self { depth: self.depth + 1, ..self };
        let empty = items.len() == 0;
        out.push(open);
        for (at, item) in items.enumerate() {
            out.push_str(match (at, self.indent) {
                (0, _) => "",
                (_, None) => ", ",
                (_, Some(_)) => ",",
            });
            within.begin_line(out);
            one(within, item, out);
        }
        if !empty {
            self.begin_line(out);
        }
        out.push(close);
    }

    fn begin_line(self, out: &mut String) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * self.depth));
        }
    }
}

/// The shortest digits that read back as the same number, with an exponent below 10⁻⁴ and from 10¹⁶ on.
pub fn write_float(number: f64, out: &mut String) {
    let shortest = format!("{number:e}");
    let exponent = shortest.rsplit_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    if number == 0.0 || (-4..16).contains(&exponent) {
        let _ = match number.fract() == 0.0 {
            true => write!(out, "{number:.1}"),
            false => write!(out, "{number}"),
        };
        return;
    }
    let digits = shortest.split_once('e').map_or(shortest.as_str(), |(digits, _)| digits);
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
}

/// ASCII alone, everything else escaped by its UTF-16 units.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04x}");
            }),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_pythons() {
        let value =
            wire::json::parse(br#"{"b": [1, {}, [], "\u00fc\ud83d\ude00"], "a": {"c": 1e-7, "d": 1e16}}"#).unwrap();
        let written = |indent| {
            let mut out = String::new();
            write(&value, indent, &mut out);
            out
        };
        let line = r#"{"a": {"c": 1e-07, "d": 1e+16}, "b": [1, {}, [], "\u00fc\ud83d\ude00"]}"#;
        assert_eq!(written(None), line);
        let lines = "{\n \"a\": {\n  \"c\": 1e-07,\n  \"d\": 1e+16\n },\n \"b\": [\n  1,\n  {},\n  [],\n  \"\\u00fc\\ud83d\\ude00\"\n ]\n}";
        assert_eq!(written(Some(1)), lines);
    }
}
