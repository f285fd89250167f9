//! Templates in values that users send: Jinja, in a sandbox.
//!
//! What one may use is what the reference's environment has (`prefect.server.utilities.user_templates`): Jinja's own filters,
//! tests and globals, no access to anything outside, at most ten loops, two deep, over ranges of at most a hundred. What is
//! missing here refuses the template: the filters `humanize_*`, `urlize` and `xmlattr`, the test `callable`, `lipsum` and
//! `namespace`, `%` of a text and `str.format`, a unary plus, integers beyond 128 bits. What prints otherwise than in Python:
//! floats from 1e16 on, views of dictionaries. Comparing what has no order is false and no error. Work and memory are bounded
//! by [`Fuel`].

use std::sync::LazyLock;

use minijinja::machinery::ast::Stmt;
use minijinja::value::{Kwargs, Rest, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

/// What is left to do templates with: one for an instruction, one for every 64 bytes that a template makes or goes through,
/// and [`A_TEMPLATE`] for each.
#[derive(Debug)]
pub struct Fuel(u64);

impl Default for Fuel {
    /// Enough for a loop over a hundred items in another one.
    fn default() -> Self {
        Self(100_000)
    }
}

impl Fuel {
    fn take(&mut self, amount: u64) -> Result<(), String> {
        self.0 = self.0.checked_sub(amount).ok_or("templates ask for too much work")?;
        Ok(())
    }
}

const A_TEMPLATE: u64 = 500;
const MOST_LOOPS: usize = 10;
const MOST_NESTED_LOOPS: usize = 2;
const MOST_IN_RANGE: usize = 100;
/// The engine goes down a level of the stack for each step of a chain (`a.b.c`, `a + b + c`, `elif`), for each call of a
/// macro or a block within one, and for each list in a list when it shows or drops them. These bounds keep it within
/// [`STACK`]; `namespace`, by which a value could hold itself, is left out.
const MOST_TOKENS: usize = 1000;
const DEEPEST: usize = 20;
/// Bytes, of a stack of its own: the caller's may be deep already.
const STACK: usize = 8 << 20;
/// Characters that a text is centred in.
const WIDEST: usize = 1 << 16;

/// What the engine has beyond Jinja.
const FILTERS_BEYOND: [&str; 6] = ["bool", "chain", "lines", "pluralize", "split", "zip"];
const TESTS_BEYOND: [&str; 3] = ["containing", "endingwith", "startingwith"];
const GLOBALS_LEFT_OUT: [&str; 4] = ["debug", "lipsum", "namespace", "randrange"];

static JINJA: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut jinja = Environment::new();
    jinja.set_recursion_limit(DEEPEST);
    jinja.set_undefined_behavior(UndefinedBehavior::Chainable);
    jinja.set_auto_escape_callback(|_| AutoEscape::None);
    jinja.set_unknown_method_callback(method);
    minijinja_contrib::add_to_environment(&mut jinja);
    FILTERS_BEYOND.iter().for_each(|name| jinja.remove_filter(name));
    TESTS_BEYOND.iter().for_each(|name| jinja.remove_test(name));
    GLOBALS_LEFT_OUT.iter().for_each(|name| jinja.remove_global(name));
    jinja.add_function("cycler", |items: Rest<Value>| minijinja_contrib::globals::cycler(items.0));
    jinja.add_function("range", range);
    jinja.add_filter("center", center);
    jinja.add_filter("float", float);
    jinja.add_filter("forceescape", filters::escape);
    jinja.add_filter("int", int);
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

/// Whether a text may be rendered; why not otherwise.
pub fn check(template: &str, fuel: &mut Fuel) -> Result<(), String> {
    if !holds_any(template, &["{{", "{%", "{#"]) {
        return Ok(());
    }
    fuel.take(A_TEMPLATE)?;
    stacker::grow(STACK, || checked(template))
}

/// What becomes of a template where there is nothing to refer to. A text without an expression or a statement stays as it is,
/// comments too.
pub fn render(template: &str, fuel: &mut Fuel) -> Result<String, String> {
    check(template, fuel)?;
    if !holds_any(template, &["{{", "{%"]) {
        return Ok(template.to_owned());
    }
    let mut jinja = JINJA.clone();
    jinja.set_fuel(Some(fuel.0));
    // How far one came that fails is not told.
    fuel.0 = 0;
    // Jinja knows one kind of line end.
    let template = template.replace("\r\n", "\n").replace('\r', "\n");
    stacker::grow(STACK, || {
        let rendered = jinja.template_from_str(&template).and_then(|template| template.render_captured(()));
        let done = rendered.map_err(|why| format!("Failed to render template due to the following error: {why}"))?;
        fuel.0 = done.state().fuel_levels().map_or(0, |(_, left)| left);
        Ok(done.into_output())
    })
}

fn holds_any(template: &str, marks: &[&str]) -> bool {
    marks.iter().any(|mark| template.contains(mark))
}

fn checked(template: &str) -> Result<(), String> {
    if is_long(template) {
        return Err(format!("Contains more than {MOST_TOKENS} words and signs."));
    }
    let parsed =
        minijinja::machinery::parse(template, "<string>", Default::default()).map_err(|why| why.to_string())?;
    let mut loops = Loops::default();
    loops.count(&parsed, 0);
    let Loops { all, deepest } = loops;
    if all > MOST_LOOPS {
        return Err(format!("Contains {all} for loops. Templates can contain no more than {MOST_LOOPS} for loops."));
    }
    if deepest > MOST_NESTED_LOOPS {
        return Err(format!(
            "Contains nested for loops at a depth of {deepest}. Templates can nest for loops no more than \
             {MOST_NESTED_LOOPS} loops deep."
        ));
    }
    Ok(())
}

/// Whether there are too many tokens, up to the first that is none.
fn is_long(template: &str) -> bool {
    let tokens = minijinja::machinery::tokenize(template, false, Default::default());
    tokens.map_while(Result::ok).nth(MOST_TOKENS).is_some()
}

#[derive(Default)]
struct Loops {
    all: usize,
    deepest: usize,
}

impl Loops {
    fn count(&mut self, statement: &Stmt, depth: usize) {
        let mut within = |bodies: &[&[Stmt]], depth| {
            bodies.iter().flat_map(|body| body.iter()).for_each(|statement| self.count(statement, depth));
        };
        match statement {
            Stmt::Template(all) => within(&[&all.children], depth),
            Stmt::ForLoop(each) => {
                self.all += 1;
                self.deepest = self.deepest.max(depth + 1);
                let mut within = |body: &[Stmt]| body.iter().for_each(|statement| self.count(statement, depth + 1));
                within(&each.body);
                within(&each.else_body);
            }
            Stmt::IfCond(one) => within(&[&one.true_body, &one.false_body], depth),
            Stmt::WithBlock(one) => within(&[&one.body], depth),
            Stmt::SetBlock(one) => within(&[&one.body], depth),
            Stmt::AutoEscape(one) => within(&[&one.body], depth),
            Stmt::FilterBlock(one) => within(&[&one.body], depth),
            Stmt::Block(one) => within(&[&one.body], depth),
            Stmt::Macro(one) => within(&[&one.body], depth),
            Stmt::CallBlock(one) => within(&[&one.macro_decl.body], depth),
            _ => {}
        }
    }
}

fn refused(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

fn range(first: i64, end: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (first, end) = end.map_or((0, first), |end| (first, end));
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(refused("range() arg 3 must not be zero"));
    }
    let way = i128::from(end) - i128::from(first);
    let items: Vec<i64> = match way.signum() == i128::from(step.signum()) {
        false => Vec::new(),
        true if way.unsigned_abs().div_ceil(u128::from(step.unsigned_abs())) > MOST_IN_RANGE as u128 => {
            return Err(refused(format!("Range too big. The sandbox blocks ranges larger than {MOST_IN_RANGE}.")));
        }
        true => std::iter::successors(Some(first), |at| at.checked_add(step))
            .take_while(|at| if step > 0 { *at < end } else { *at > end })
            .collect(),
    };
    Ok(Value::from(items))
}

/// Methods of Python's types. `str.format` may ask for any width, and is left out.
fn method(state: &mut State, value: &Value, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    match name {
        "format" => Err(Error::from(ErrorKind::UnknownMethod)),
        _ => unknown_method_callback(state, value, name, arguments),
    }
}

/// Of what is left over, the left side takes the larger half where the width is odd, as Python's `str.center` does.
fn center(text: &Value, width: Option<usize>) -> Result<String, Error> {
    let (text, width) = (text.to_string(), width.unwrap_or(80));
    if width > WIDEST {
        return Err(refused(format!("a text is centred in at most {WIDEST} characters")));
    }
    let over = width.saturating_sub(text.chars().count());
    let left = over / 2 + (over & width & 1);
    Ok(format!("{}{text}{}", " ".repeat(left), " ".repeat(over - left)))
}

/// What is no number is 0 if nothing else is asked for.
fn int(
    state: &State,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    options: Kwargs,
) -> Result<Value, Error> {
    filters::int(state, value, Some(or_option(default, &options, Value::from(0))?), base, options)
}

fn float(state: &State, value: &Value, default: Option<Value>, options: Kwargs) -> Result<Value, Error> {
    filters::float(state, value, Some(or_option(default, &options, Value::from(0.0))?), options)
}

fn or_option(given: Option<Value>, options: &Kwargs, otherwise: Value) -> Result<Value, Error> {
    Ok(given.or(options.get("default")?).unwrap_or(otherwise))
}

/// JSON in ASCII, as Python writes it.
fn tojson(value: &Value, indent: Option<Value>, options: Kwargs) -> Result<Value, Error> {
    let written = filters::tojson(value, indent, options)?;
    let mut json = String::new();
    for unit in written.to_string().chars() {
        match unit {
            ascii if ascii.is_ascii() => json.push(ascii),
            other => other.encode_utf16(&mut [0; 2]).iter().for_each(|unit| json.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    Ok(Value::from_safe_string(json))
}

/// A space in a pair is a plus, and in a text it is not, as in Python's `urllib`.
fn urlencode(value: &Value) -> Result<String, Error> {
    let encoded = filters::urlencode(value)?;
    Ok(if value.as_str().is_some() { encoded } else { encoded.replace("%20", "+") })
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
    // The filters trust these numbers.
    match all.iter().any(|(_, value)| value.as_usize().is_some_and(|number| number > WIDEST)) {
        true => Err(refused(format!("a number of characters is at most {WIDEST}"))),
        false => Ok(all.into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> Result<String, String> {
        render(template, &mut Fuel::default())
    }

    #[test]
    fn it_is_jinja() {
        for (template, expected) in [
            ("plain", "plain"),
            ("{# as it is #}", "{# as it is #}"),
            ("a\r\n{{ x.y.z }}b\n", "a\nb"),
            ("{{ true }} {{ none }} {{ [1, 'a', 1.5] }} {{ 7 // 2 }} {{ 1 / 2 }}", "True None [1, 'a', 1.5] 3 0.5"),
            ("{% for i in range(3) if i %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2"),
            ("{{ range(5, 0, -2)|list }}{{ range(3, 3)|list }}", "[5, 3, 1][]"),
            (
                "{{ 'ab'|center(5) }}|{{ 'abc'|center(6) }}|{{ 'abc'|center }}|",
                &format!("  ab | abc  |{0:38}abc{0:39}|", ""),
            ),
            ("{{ 'x'|int }} {{ 'x'|int(5) }} {{ 'x'|float }} {{ '1.5'|float(default=2) }}", "0 5 0.0 1.5"),
            ("{{ {'a': 'ü😀<'}|tojson }}", r#"{"a": "\u00fc\ud83d\ude00\u003c"}"#),
            ("{{ 'foo bar baz qux'|truncate(9, true) }}", "foo ba..."),
            ("{{ 'a b'|urlencode }} {{ {'a': 'b c'}|urlencode }}", "a%20b a=b+c"),
            ("{{ cycler('a', 'b').next() }}{{ 'a-b'.split('-') }}", "a['a', 'b']"),
        ] {
            assert_eq!(rendered(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn what_is_refused() {
        let for_each = |n: usize| "{% for i in [1] %}".repeat(n) + &"{% endfor %}".repeat(n);
        for (template, expected) in [
            ("{{", "syntax error"),
            ("{# open", "syntax error"),
            (&for_each(3), "Contains nested for loops at a depth of 3."),
            (&for_each(1).repeat(11), "Contains 11 for loops."),
            ("{{ range(101) }}", "Range too big."),
            ("{{ range(-9223372036854775807, 9223372036854775807) }}", "Range too big."),
            ("{{ 'x'|center(65537) }}", "65536 characters"),
            ("{{ 'x'|truncate(18446744073709551615) }}", "65536"),
            ("{{ 'x'|lines }}", "unknown filter"),
            ("{{ '{:999999999}'.format(1) }}", "unknown method"),
            ("{% set x = namespace() %}{% set x.x = x %}{{ x }}", "namespace is unknown"),
            ("{{ 'a' * 99999999 }}", "out of fuel"),
            ("{% include 'a' %}", "template not found"),
            ("{% macro f(a) %}{{ f([[a]]) }}{% endmacro %}{{ f(1) }}", "recursion limit"),
            ("{% block a %}{{ self.a() }}{% endblock %}", "recursion limit"),
        ] {
            let why = rendered(template).expect_err(template);
            assert!(why.contains(expected), "{template}: {why}");
        }
        assert_eq!(check("{{ range(101) }}", &mut Fuel::default()), Ok(()));
        assert!(check("{# open", &mut Fuel::default()).is_err());
    }

    /// What is deep takes the process along where nothing holds it.
    #[test]
    fn nothing_is_too_deep() {
        let tokens = MOST_TOKENS - 10;
        for template in [
            format!("{{{{ {}1 }}}}", "-".repeat(tokens)),
            format!("{{{{ 1{} }}}}", " + 1".repeat(tokens / 2)),
            format!("{{{{ x{} }}}}", ".a".repeat(tokens / 2)),
            format!("{{{{ [1]{} }}}}", "|batch(1)".repeat(tokens / 5)),
            format!("{{% set x = 1 %}}{}{{{{ x }}}}{{{{ x|tojson }}}}", "{% set x = [x] %}".repeat(tokens / 9)),
            format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(tokens / 4)),
        ] {
            assert!(rendered(&template).is_ok(), "{template}");
            let longer = rendered(&template.repeat(3));
            assert!(longer.is_err_and(|why| why.starts_with("Contains more than 1000 words")), "{template}");
        }
    }

    #[test]
    fn fuel_is_for_all_of_them() {
        let mut fuel = Fuel::default();
        let busy = "{% for i in range(100) %}{% for j in range(100) %}{{ i }}{% endfor %}{% endfor %}";
        assert!(render(busy, &mut fuel).is_ok());
        assert!((0..3).any(|_| render(busy, &mut fuel).is_err()));
        assert_eq!(render("{{ 1 }}", &mut fuel), Err("templates ask for too much work".into()));
        let mut fuel = Fuel::default();
        assert!((0..1000).any(|_| check("{{ 1 }}", &mut fuel).is_err()));
    }
}
