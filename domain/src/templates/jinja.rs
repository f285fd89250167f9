//! The engine, as much like Jinja's own as it can be made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Rest, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, escape_formatter, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::DEEPEST;
use crate::python_json;

const MOST_IN_RANGE: usize = 100;

/// What the engine has beyond Jinja.
const FILTERS_BEYOND: [&str; 6] = ["bool", "chain", "lines", "pluralize", "split", "zip"];
/// What it has that is something else in Jinja: an attribute is no item there, and long values are laid out in other lines.
const FILTERS_UNLIKE: [&str; 2] = ["attr", "pprint"];
const TESTS_BEYOND: [&str; 3] = ["containing", "endingwith", "startingwith"];
const GLOBALS_LEFT_OUT: [&str; 3] = ["debug", "lipsum", "randrange"];

pub(super) static JINJA: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut jinja = Environment::new();
    jinja.set_recursion_limit(DEEPEST);
    jinja.set_undefined_behavior(UndefinedBehavior::Chainable);
    jinja.set_auto_escape_callback(|_| AutoEscape::None);
    jinja.set_unknown_method_callback(unknown_method_callback);
    minijinja_contrib::add_to_environment(&mut jinja);
    FILTERS_BEYOND.iter().chain(&FILTERS_UNLIKE).for_each(|name| jinja.remove_filter(name));
    TESTS_BEYOND.iter().for_each(|name| jinja.remove_test(name));
    GLOBALS_LEFT_OUT.iter().for_each(|name| jinja.remove_global(name));
    jinja.add_function("cycler", |items: Rest<Value>| minijinja_contrib::globals::cycler(items.0));
    jinja.add_function("range", range);
    jinja.set_formatter(|out, state, value| match number(value) {
        Some(number) => Ok(out.write_str(&number)?),
        None => escape_formatter(out, state, value),
    });
    for name in ["default", "d"] {
        jinja.add_filter(name, |state: &State, value: &Value, places: Rest<Value>, options: Kwargs| {
            let [other, lax] = in_order(["default_value", "boolean"], places, options)?;
            let (other, lax) = (other.unwrap_or_else(|| Value::from("")), lax.unwrap_or_else(|| Value::from(false)));
            filters::default(state, value, Rest(vec![other, lax]))
        });
    }
    jinja.add_filter("batch", |state: &State, value: Value, places: Rest<Value>, options: Kwargs| {
        let (count, fill_with) = parts("linecount", places, options)?;
        filters::batch(state, value, count, fill_with)
    });
    jinja.add_filter("slice", |state: &State, value: Value, places: Rest<Value>, options: Kwargs| {
        let (count, fill_with) = parts("slices", places, options)?;
        filters::slice(state, value, count, fill_with)
    });
    jinja.add_filter("sort", |state: &State, value: Value, places: Rest<Value>, options: Kwargs| {
        filters::sort(state, value, by_name(["reverse", "case_sensitive", "attribute"], places, options)?)
    });
    jinja.add_filter("dictsort", |value: &Value, places: Rest<Value>, options: Kwargs| {
        filters::dictsort(value, by_name(["case_sensitive", "by", "reverse"], places, options)?)
    });
    type OfAll = fn(&State, Value, Kwargs) -> Result<Value, Error>;
    for (name, filter) in [("unique", filters::unique as OfAll), ("min", filters::min), ("max", filters::max)] {
        jinja.add_filter(name, move |state: &State, value: Value, places: Rest<Value>, options: Kwargs| {
            filter(state, value, by_name(["case_sensitive", "attribute"], places, options)?)
        });
    }
    jinja.add_filter("center", center);
    jinja.add_filter("e", escape);
    jinja.add_filter("escape", escape);
    jinja.add_filter("float", float);
    jinja.add_filter("forceescape", |value: &Value| escaped(value));
    jinja.add_filter("indent", indent);
    jinja.add_filter("int", int);
    jinja.add_filter("string", |state: &State, value: &Value| match number(value) {
        Some(number) => Ok(Value::from(number)),
        None => filters::string(state, value),
    });
    jinja.add_filter("tojson", tojson);
    jinja.add_filter("truncate", |state: &mut State, text: &Value, places: Rest<Value>, options: Kwargs| {
        let options = by_name(["length", "killwords", "end", "leeway"], places, options)?;
        minijinja_contrib::filters::truncate(state, text, options)
    });
    jinja.add_filter("urlencode", urlencode);
    jinja.add_filter("wordwrap", |text: &Value, places: Rest<Value>, options: Kwargs| {
        let options = by_name(["width", "break_long_words", "wrapstring", "break_on_hyphens"], places, options)?;
        minijinja_contrib::filters::wordwrap(text, options)
    });
    jinja
});

fn refused(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// A list that prints as a range.
#[derive(Debug)]
struct Range {
    first: i64,
    end: i64,
    step: i64,
    items: Vec<i64>,
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items.get(key.as_usize()?).copied().map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, end, step, .. } = **self;
        match step {
            1 => write!(out, "range({first}, {end})"),
            _ => write!(out, "range({first}, {end}, {step})"),
        }
    }
}

fn range(first: i64, end: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (first, end) = end.map_or((0, first), |end| (first, end));
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(refused("range() arg 3 must not be zero"));
    }
    let way = i128::from(end) - i128::from(first);
    let items = match way.signum() == i128::from(step.signum()) {
        false => Vec::new(),
        true if way.unsigned_abs().div_ceil(u128::from(step.unsigned_abs())) > MOST_IN_RANGE as u128 => {
            return Err(refused(format!("Range too big. The sandbox blocks ranges larger than {MOST_IN_RANGE}.")));
        }
        true => std::iter::successors(Some(first), |at| at.checked_add(step))
            .take_while(|at| if step > 0 { *at < end } else { *at > end })
            .collect(),
    };
    Ok(Value::from_object(Range { first, end, step, items }))
}

/// Of what is left over, the left side takes the larger half where the width is odd, as Python's `str.center` does.
fn center(text: &Value, width: Option<usize>) -> String {
    let (text, width) = (text.to_string(), width.unwrap_or(80));
    let over = width.saturating_sub(text.chars().count());
    let left = over / 2 + (over & width & 1);
    format!("{}{text}{}", " ".repeat(left), " ".repeat(over - left))
}

/// As Python writes a float; `None` if it is none. In a list or a dictionary the engine writes it.
fn number(value: &Value) -> Option<String> {
    let float =
        (value.kind() == ValueKind::Number && !value.is_integer()).then(|| f64::try_from(value.clone()).ok())??;
    let mut out = String::new();
    match float {
        nan if nan.is_nan() => out.push_str("nan"),
        endless if endless.is_infinite() => out.push_str(if endless > 0.0 { "inf" } else { "-inf" }),
        _ => python_json::write_float(float, &mut out),
    }
    Some(out)
}

/// What is escaped already stays.
fn escape(value: &Value) -> Value {
    match value.is_safe() {
        true => value.clone(),
        false => escaped(value),
    }
}

/// As Python's `markupsafe` does it.
fn escaped(value: &Value) -> Value {
    let mut out = String::new();
    for c in number(value).unwrap_or_else(|| value.to_string()).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    Value::from_safe_string(out)
}

fn indent(text: &Value, places: Rest<Value>, options: Kwargs) -> Result<Value, Error> {
    let options = by_name(["width", "first", "blank"], places, options)?;
    let width: Option<Value> = options.get("width")?;
    let (first, blank): (Option<bool>, Option<bool>) = (options.get("first")?, options.get("blank")?);
    options.assert_all_used()?;
    let width = match width.as_ref().map(|width| (width.as_str(), width.as_usize())) {
        None => " ".repeat(4),
        Some((Some(text), _)) => text.to_owned(),
        Some((_, Some(width))) => " ".repeat(width),
        Some(_) => return Err(refused("a width is a number or a text")),
    };
    let mut out = String::new();
    // As Jinja does it: a line end more, and one at the end is none of a line.
    for (at, line) in text.to_string().split('\n').enumerate() {
        out.push_str(if at > 0 { "\n" } else { "" });
        let indented = if at == 0 { first.unwrap_or(false) } else { blank.unwrap_or(false) || !line.is_empty() };
        out.push_str(if indented { &width } else { "" });
        out.push_str(line);
    }
    Ok(Value::from(out))
}

/// What is no number is 0 if nothing else is asked for.
fn int(
    state: &State,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    options: Kwargs,
) -> Result<Value, Error> {
    filters::int(state, &digits(value), Some(or_option(default, &options, Value::from(0))?), base, options)
}

fn float(state: &State, value: &Value, default: Option<Value>, options: Kwargs) -> Result<Value, Error> {
    filters::float(state, &digits(value), Some(or_option(default, &options, Value::from(0.0))?), options)
}

/// Python reads numbers with blanks around and an underscore between two digits.
fn digits(value: &Value) -> Value {
    let Some(text) = value.as_str().map(str::trim) else { return value.clone() };
    let signs: Vec<char> = text.chars().collect();
    let between = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| signs.get(at)).is_some_and(char::is_ascii_alphanumeric);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let kept = signs.iter().enumerate().filter(|(at, sign)| **sign != '_' || !between(*at)).map(|(_, sign)| *sign);
    Value::from(kept.collect::<String>())
}

fn or_option(given: Option<Value>, options: &Kwargs, otherwise: Value) -> Result<Value, Error> {
    Ok(given.or(options.get("default")?).unwrap_or(otherwise))
}

/// JSON in ASCII with sorted keys, as Python writes it, with what HTML takes for its own escaped.
fn tojson(value: &Value, indent: Option<usize>, options: Kwargs) -> Result<Value, Error> {
    let indent = indent.or(options.get("indent")?);
    options.assert_all_used()?;
    let written = filters::tojson(value, None, Kwargs::from_iter::<[(&str, Value); 0]>([]))?.to_string();
    let parsed = wire::json::parse(written.as_bytes()).map_err(|_| refused("a value that JSON has no place for"))?;
    let mut json = String::new();
    python_json::write(&parsed, indent, &mut json);
    let marks = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\'', "\\u0027")];
    Ok(Value::from_safe_string(marks.iter().fold(json, |json, (mark, escaped)| json.replace(*mark, escaped))))
}

/// A space in a pair is a plus, and in a text it is not, as in Python's `urllib`. Pairs may stand in a list, too.
fn urlencode(value: &Value) -> Result<String, Error> {
    if value.kind() == ValueKind::Seq {
        let pairs = value.try_iter()?.map(|pair| {
            let pair = (pair.get_item_by_index(0)?, pair.get_item_by_index(1)?);
            urlencode(&Value::from(BTreeMap::from([pair])))
        });
        return Ok(pairs.collect::<Result<Vec<_>, Error>>()?.join("&"));
    }
    let encoded = filters::urlencode(value)?;
    Ok(if value.as_str().is_some() { encoded } else { encoded.replace("%20", "+") })
}

/// How many, and what fills up the last one.
fn parts(count: &'static str, places: Rest<Value>, options: Kwargs) -> Result<(usize, Option<Value>), Error> {
    let [count, fill_with] = in_order([count, "fill_with"], places, options)?;
    let count = count.and_then(|count| count.as_usize()).ok_or_else(|| refused("a number of parts is missing"))?;
    Ok((count, fill_with.filter(|fill_with| !fill_with.is_none())))
}

/// Jinja takes options by their names, too, some of the engine's filters by their places alone.
fn in_order<const N: usize>(
    names: [&'static str; N],
    places: Rest<Value>,
    options: Kwargs,
) -> Result<[Option<Value>; N], Error> {
    let options = by_name(names, places, options)?;
    let mut found = [const { None }; N];
    for (found, name) in found.iter_mut().zip(names) {
        *found = options.get(name)?;
    }
    options.assert_all_used()?;
    Ok(found)
}

/// Jinja takes options by their places, too, the engine's filters by their names alone.
fn by_name<const N: usize>(names: [&str; N], places: Rest<Value>, options: Kwargs) -> Result<Kwargs, Error> {
    if places.len() > N {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let mut all: Vec<(&str, Value)> = names.into_iter().zip(places.0).collect();
    for name in options.args() {
        all.push((name, options.get(name)?));
    }
    Ok(all.into_iter().collect())
}
