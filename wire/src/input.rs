//! Reading values from JSON as leniently as the reference does (pydantic 2 in its lax mode over Python objects), with its
//! error kinds and messages.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use serde_json::json;
use uuid::Uuid;

use crate::json::{self, Json, NotStorable};
use crate::{Described, Errors, RawJson, RawObject, Schema, Schemas, Time};

/// A type that can be read from a request. Derive it for structs and for enums of plain variants.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a request",
    note = "derive `wire::Input` for it, or read it with `#[input(with = ...)]`"
)]
pub trait Input: Sized {
    /// Reads `value`; on failure every complaint is in `errors` and the result is `None`.
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self>;

    /// What an absent field means; `None` makes the field required.
    fn absent() -> Option<Self> {
        None
    }

    /// What a request without a body means: a complaint, unless the body's fields are parameters with defaults.
    fn of_nothing(errors: &mut Errors) -> Option<Self> {
        Self::absent().or_else(|| {
            errors.push("missing", "Field required", &NULL);
            None
        })
    }
}

/// The fields of a JSON object under the rules of a model, for derived code.
pub struct Fields<'v, 'a> {
    whole: &'v Json<'a>,
    fields: &'v [(std::borrow::Cow<'a, str>, Json<'a>)],
    /// The body of an operation whose parameters are the fields: a missing one is reported with input null.
    embedded: bool,
}

static NULL: Json<'static> = Json::Null;

impl<'v, 'a> Fields<'v, 'a> {
    /// The fields of a model; complains unless `value` is an object.
    pub fn of(value: &'v Json<'a>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Object(fields) => Some(Self { whole: value, fields, embedded: false }),
            _ => {
                let msg = "Input should be a valid dictionary or object to extract fields from";
                errors.push("model_attributes_type", msg, value);
                None
            }
        }
    }

    /// The fields of a body whose every field is a parameter of the operation. No body and `null` are an empty object;
    /// anything else that is not an object misses every parameter, even those with a default.
    pub fn of_parameters(value: &'v Json<'a>, names: &[&'static str], errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Object(fields) => Some(Self { whole: &NULL, fields, embedded: true }),
            Json::Null => Some(Self { whole: &NULL, fields: &[], embedded: true }),
            _ => {
                for name in names {
                    errors.at(*name, |e| e.push("missing", "Field required", &NULL));
                }
                None
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<&'v Json<'a>> {
        self.fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Reads a field with `parse`; when absent, takes `default`, else the type's own meaning of absence, else complains.
    pub fn take<T: Input>(
        &self,
        name: &'static str,
        errors: &mut Errors,
        default: Option<fn() -> T>,
        parse: impl FnOnce(&Json<'_>, &mut Errors) -> Option<T>,
    ) -> Option<T> {
        match self.get(name) {
            // A parameter that is null is one that was not sent.
            Some(value) if !(self.embedded && matches!(value, Json::Null)) => errors.at(name, |e| parse(value, e)),
            _ => default.map(|make| make()).or_else(T::absent).or_else(|| {
                let input = if self.embedded { &NULL } else { self.whole };
                errors.at(name, |e| e.push("missing", "Field required", input));
                None
            }),
        }
    }

    /// Complains of every field not among `names`.
    pub fn forbid_extra(&self, names: &[&str], errors: &mut Errors) -> Option<()> {
        let mut clean = Some(());
        for (at, (key, value)) in self.fields.iter().enumerate() {
            // A key named twice is reported once, with the value that counts.
            let again = self.fields[at + 1..].iter().any(|(later, _)| later == key);
            if !again && !names.contains(&key.as_ref()) {
                errors.at(key.clone().into_owned(), |e| {
                    e.push("extra_forbidden", "Extra inputs are not permitted", value);
                });
                clean = None;
            }
        }
        clean
    }
}

/// Constraints on values, each complaining in pydantic's words.
pub mod check {
    use super::*;
    use std::fmt::Display;
    use std::sync::OnceLock;

    /// `compiled` is one per declaration, in a static.
    pub fn pattern(
        s: &str,
        pattern: &str,
        compiled: &OnceLock<regex::Regex>,
        at: &Json<'_>,
        e: &mut Errors,
    ) -> Option<()> {
        // The pattern is a literal of a declaration, exercised by its test; an unreadable one refuses everything.
        let regex = compiled.get_or_init(|| regex::Regex::new(pattern).unwrap_or_else(|_| panic!("pattern {pattern}")));
        if regex.is_match(s) {
            return Some(());
        }
        let msg = format!("String should match pattern '{pattern}'");
        e.push_with("string_pattern_mismatch", msg, at, Some(json!({ "pattern": pattern })));
        None
    }

    pub fn min_length(s: &str, min: usize, at: &Json<'_>, e: &mut Errors) -> Option<()> {
        if s.chars().count() >= min {
            return Some(());
        }
        let plural = if min == 1 { "" } else { "s" };
        let msg = format!("String should have at least {min} character{plural}");
        e.push_with("string_too_short", msg, at, Some(json!({ "min_length": min })));
        None
    }

    pub fn max_length(s: &str, max: usize, at: &Json<'_>, e: &mut Errors) -> Option<()> {
        if s.chars().count() <= max {
            return Some(());
        }
        let plural = if max == 1 { "" } else { "s" };
        let msg = format!("String should have at most {max} character{plural}");
        e.push_with("string_too_long", msg, at, Some(json!({ "max_length": max })));
        None
    }

    /// A list, by its length.
    pub fn max_items(length: usize, max: usize, at: &Json<'_>, e: &mut Errors) -> Option<()> {
        if length <= max {
            return Some(());
        }
        let ctx = json!({ "field_type": "List", "max_length": max, "actual_length": length });
        let msg = format!("List should have at most {max} items after validation, not {length}");
        e.push_with("too_long", msg, at, Some(ctx));
        None
    }

    macro_rules! bound {
        ($name:ident, $op:tt, $kind:literal, $words:literal) => {
            pub fn $name<T: PartialOrd + Display + serde::Serialize>(n: &T, bound: T, at: &Json<'_>, e: &mut Errors) -> Option<()> {
                if *n $op bound { return Some(()); }
                let msg = format!(concat!("Input should be ", $words, " {}"), bound);
                e.push_with($kind, msg, at, Some(json!({ stringify!($name): bound })));
                None
            }
        };
    }
    bound!(ge, >=, "greater_than_equal", "greater than or equal to");
    bound!(gt, >, "greater_than", "greater than");
    bound!(le, <=, "less_than_equal", "less than or equal to");
    bound!(lt, <, "less_than", "less than");
}

impl Input for String {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Str(s) if s.contains('\0') => nul(value, errors),
            Json::Str(s) => Some(s.clone().into_owned()),
            _ => {
                errors.push("string_type", "Input should be a valid string", value);
                None
            }
        }
    }
}

/// The reference fails on U+0000 with a 500 (Postgres cannot store it); here it is the client's error.
fn nul<T>(value: &Json<'_>, errors: &mut Errors) -> Option<T> {
    errors.push("string_nul", "String should not contain the character U+0000", value);
    None
}

impl Input for bool {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Bool(b) => return Some(*b),
            Json::Int(0) => return Some(false),
            Json::Int(1) => return Some(true),
            Json::Float(f) if *f == 0.0 => return Some(false),
            Json::Float(f) if *f == 1.0 => return Some(true),
            Json::Str(s) => match s.to_ascii_lowercase().as_str() {
                "0" | "off" | "f" | "false" | "n" | "no" => return Some(false),
                "1" | "on" | "t" | "true" | "y" | "yes" => return Some(true),
                _ => {}
            },
            Json::Int(_) | Json::Float(_) | Json::BigInt(_) => {}
            _ => {
                errors.push("bool_type", "Input should be a valid boolean", value);
                return None;
            }
        }
        errors.push("bool_parsing", "Input should be a valid boolean, unable to interpret input", value);
        None
    }
}

impl Input for i64 {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Int(i) => return Some(*i),
            Json::Bool(b) => return Some(i64::from(*b)),
            Json::Float(f) if f.fract() != 0.0 => {
                let msg = "Input should be a valid integer, got a number with a fractional part";
                errors.push("int_from_float", msg, value);
                return None;
            }
            Json::Float(f) if f.abs() < 9.2e18 => return Some(*f as i64),
            Json::Float(_) | Json::BigInt(_) => {}
            Json::Str(s) => {
                let s = s.trim();
                let whole = s.split_once('.').map_or(s, |(whole, zeros)| {
                    if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') { whole } else { s }
                });
                if let Ok(i) = whole.parse() {
                    return Some(i);
                }
                if whole.is_empty() || !whole.trim_start_matches(['-', '+']).bytes().all(|b| b.is_ascii_digit()) {
                    let msg = "Input should be a valid integer, unable to parse string as an integer";
                    errors.push("int_parsing", msg, value);
                    return None;
                }
            }
            _ => {
                errors.push("int_type", "Input should be a valid integer", value);
                return None;
            }
        }
        // The reference takes integers of any size and fails in its database; 64 bits is what a column holds.
        errors.push("int_parsing_size", "Unable to parse input as an integer, exceeded maximum size", value);
        None
    }
}

impl Input for i32 {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let wide = i64::parse(value, errors)?;
        i32::try_from(wide).ok().or_else(|| {
            errors.push("int_parsing_size", "Unable to parse input as an integer, exceeded maximum size", value);
            None
        })
    }
}

impl Input for f64 {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Float(f) => Some(*f),
            Json::Int(i) => Some(*i as f64),
            Json::BigInt(i) => i.to_string().parse().ok(),
            Json::Bool(b) => Some(f64::from(u8::from(*b))),
            Json::Str(s) => s.trim().parse::<f64>().ok().filter(|f| f.is_finite()).or_else(|| {
                let msg = "Input should be a valid number, unable to parse string as a number";
                errors.push("float_parsing", msg, value);
                None
            }),
            _ => {
                errors.push("float_type", "Input should be a valid number", value);
                None
            }
        }
    }
}

impl Input for Uuid {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Str(s) = value else {
            errors.push("uuid_type", "UUID input should be a string, bytes or UUID object", value);
            return None;
        };
        match Uuid::try_parse(s) {
            Ok(id) => Some(id),
            Err(_) => {
                // `try_parse` is quick but mute; only `parse_str` says why.
                let why = Uuid::parse_str(s).err().map(|e| e.to_string()).unwrap_or_default();
                let msg = format!("Input should be a valid UUID, {why}");
                errors.push_with("uuid_parsing", msg, value, Some(json!({ "error": why })));
                None
            }
        }
    }
}

impl Input for Time {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let time = match value {
            Json::Str(s) => {
                return Time::from_text(s).or_else(|| {
                    let msg = format!("Value error, Unable to parse string [{s}]");
                    errors.push_with("value_error", msg, value, Some(json!({ "error": {} })));
                    None
                });
            }
            Json::Int(i) => Time::from_unix(*i as f64),
            Json::Float(f) => Time::from_unix(*f),
            _ => None,
        };
        time.or_else(|| {
            errors.push("value_error", "value is not a valid datetime", value);
            None
        })
    }
}

impl Input for RawJson {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match json::to_text(value) {
            Ok(text) => RawJson::from_text(text),
            Err(NotStorable::Nul) => nul(value, errors),
            Err(NotStorable::TooDeep) => {
                let msg = format!("Input should not be nested more than {} levels deep", json::MAX_DEPTH);
                errors.push("too_deep", msg, &NULL);
                None
            }
        }
    }
}

impl Input for RawObject {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Object(_) = value else {
            errors.push("dict_type", "Input should be a valid dictionary", value);
            return None;
        };
        RawJson::parse(value, errors).map(RawObject)
    }
}

impl<T: Input> Input for Option<T> {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Null => Some(None),
            _ => T::parse(value, errors).map(Some),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Input> Input for Box<T> {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        T::parse(value, errors).map(Box::new)
    }
}

impl<T: Input> Input for Vec<T> {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Array(items) = value else {
            errors.push("list_type", "Input should be a valid list", value);
            return None;
        };
        let mut out = Some(Vec::with_capacity(items.len()));
        for (i, item) in items.iter().enumerate() {
            match (errors.at(i, |e| T::parse(item, e)), &mut out) {
                (Some(item), Some(list)) => list.push(item),
                _ => out = None,
            }
        }
        out
    }
}

/// Reads an object's entries, each under its key.
fn entries<T: Input, M: Extend<(String, T)> + Default>(value: &Json<'_>, errors: &mut Errors) -> Option<M> {
    let Json::Object(fields) = value else {
        errors.push("dict_type", "Input should be a valid dictionary", value);
        return None;
    };
    let mut out = Some(M::default());
    for (key, item) in fields.iter() {
        let key = key.clone().into_owned();
        let item = errors.at(key.clone(), |e| if key.contains('\0') { nul(value, e) } else { T::parse(item, e) });
        match (item, &mut out) {
            (Some(item), Some(map)) => map.extend([(key, item)]),
            _ => out = None,
        }
    }
    out
}

impl<T: Input> Input for HashMap<String, T>
where
    String: Hash,
{
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        entries(value, errors)
    }
}

impl<T: Input> Input for BTreeMap<String, T> {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        entries(value, errors)
    }
}

/// The size of a page: 0 to 200, 200 when absent. More is refused before anything else is validated, with a plain
/// `detail` (reference: `server/api/dependencies.py`, `LimitBody`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit(pub i64);

impl Limit {
    pub const MAX: i64 = 200;
}

impl Input for Limit {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let limit = match value {
            Json::Null => return Self::absent(),
            // Beyond 64 bits on either side: as much too large, or too small, as any other.
            Json::BigInt(i) => match i.to_string().starts_with('-') {
                true => i64::MIN,
                false => i64::MAX,
            },
            value => i64::parse(value, errors)?,
        };
        if limit < 0 {
            errors.refuse("Invalid limit: must be greater than or equal to 0.");
        } else if limit > Self::MAX {
            errors.refuse("Invalid limit: must be less than or equal to 200.");
        }
        Some(Limit(limit))
    }

    fn absent() -> Option<Self> {
        Some(Limit(Self::MAX))
    }
}

impl Described for Limit {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "integer", "description": "At most 200, which is the default." })
    }
}

/// The number of a page, from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Page(pub i64);

impl Page {
    /// Rows before the page. The product is bounded so that no page number reaches past 64 bits.
    pub fn offset(self, limit: Limit) -> i64 {
        (self.0 - 1).saturating_mul(limit.0)
    }

    /// Pages that `count` rows fill.
    pub fn pages(self, count: i64, limit: Limit) -> i64 {
        if limit.0 > 0 { (count + limit.0 - 1) / limit.0 } else { 0 }
    }
}

impl Input for Page {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let page = i64::parse(value, errors)?;
        check::ge(&page, 1, value, errors)?;
        Some(Page(page))
    }

    fn absent() -> Option<Self> {
        Some(Page(1))
    }
}

impl Described for Page {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "integer", "minimum": 1, "default": 1 })
    }
}
