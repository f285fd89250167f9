//! Templates in values that users send: Jinja, in a sandbox.
//!
//! What one may use is what the reference's environment has (`prefect.server.utilities.user_templates`): Jinja's own filters,
//! tests and globals, no access to anything outside, at most ten loops, two deep, over ranges of at most a hundred. What is
//! missing here refuses the template: the filters `humanize_*`, `urlize` and `xmlattr`, the test `callable`, `lipsum`, `%` of
//! a text, a unary plus, integers beyond 128 bits.
//!
//! To [`check`] a template costs no more than to read it. To [`render`] one may cost any amount of memory and time, and end
//! the process: only one that is bounded itself does it.

mod jinja;

use std::collections::HashMap;

use minijinja::machinery::ast::Stmt;

use jinja::JINJA;

/// What became of templates, by their texts: why nothing did.
pub type Rendered = HashMap<String, Result<String, String>>;

const MOST_LOOPS: usize = 10;
const MOST_NESTED_LOOPS: usize = 2;
/// The engine goes down a level of the stack for each step of a chain (`a.b.c`, `a + b + c`, `elif`) and for each call of a
/// macro or a block within one. These bounds keep it within [`STACK`].
const MOST_TOKENS: usize = 1000;
const DEEPEST: usize = 100;
/// The engine's columns end there, and it panics where something is wrong with such a line.
const LONGEST_LINE: usize = 65_000;
/// Bytes, of a stack of its own: the caller's may be deep already.
const STACK: usize = 8 << 20;

/// Whether a text is a template; why not otherwise. That one with a very long line is none only [`render`] says.
pub fn check(template: &str) -> Result<(), String> {
    if !holds_any(template, &["{{", "{%", "{#"]) || template.lines().any(|line| line.len() > LONGEST_LINE) {
        return Ok(());
    }
    stacker::grow(STACK, || checked(template))
}

/// Whether there is anything to render: a text without an expression or a statement stays as it is, comments too.
pub fn renders(template: &str) -> bool {
    holds_any(template, &["{{", "{%"])
}

/// What becomes of a template where there is nothing to refer to.
pub fn render(template: &str) -> Result<String, String> {
    if !renders(template) {
        return check(template).map(|()| template.to_owned());
    }
    stacker::grow(STACK, || checked(template))?;
    // Jinja knows one kind of line end.
    let template = template.replace("\r\n", "\n").replace('\r', "\n");
    stacker::grow(STACK, || JINJA.render_str(&template, ()))
        .map_err(|why| format!("Failed to render template due to the following error: {why}"))
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

#[cfg(test)]
mod tests {
    use super::*;

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
            (
                "{{ none|default('x', boolean=true) }}{{ x|d }}{{ x|default(default_value=1) }}{{ x|d(2, false) }}",
                "x12",
            ),
            (
                "{{ [1, 2, 3]|batch(linecount=2, fill_with=0)|list }}{{ [1, 2]|slice(2)|list }}",
                "[[1, 2], [3, 0]][[1], [2]]",
            ),
            (
                "{{ ['b', 'A']|sort(false, true) }}{{ ['a', 'A']|unique(true)|list }}{{ {'b': 1, 'a': 2}|dictsort(false, 'value') }}",
                "['A', 'b']['a', 'A'][('b', 1), ('a', 2)]",
            ),
            ("{{ ['a', 'B']|min(true) }}{{ [{'n': 2}, {'n': 1}]|max(attribute='n') }}", "B{'n': 2}"),
            ("{% macro f(n) %}{% if n %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(9) }}", "987654321"),
            ("{{ cycler('a', 'b').next() }}{{ 'a-b'.split('-') }}", "a['a', 'b']"),
        ] {
            assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
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
            ("{{ 'x'|lines }}", "unknown filter"),
            ("{% include 'a' %}", "template not found"),
            ("{% macro f(a) %}{{ f([[a]]) }}{% endmacro %}{{ f(1) }}", "recursion limit"),
            ("{% block a %}{{ self.a() }}{% endblock %}", "recursion limit"),
        ] {
            let why = render(template).expect_err(template);
            assert!(why.contains(expected), "{template}: {why}");
        }
        assert_eq!(check("{{ range(101) }}"), Ok(()));
        assert!(check("{# open").is_err());
    }

    #[test]
    fn long_lines_are_read_where_they_are_rendered() {
        let long = "x".repeat(70_000);
        for open in ["{#", "{% raw %}", "{{ '", "{{ 1 }}{{ "] {
            assert_eq!(check(&format!("{open}{long}")), Ok(()), "{open}");
        }
        assert_eq!(render(&format!("{{{{ 1 }}}}{long}")), Ok(format!("1{long}")));
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
            assert!(render(&template).is_ok(), "{template}");
            let longer = render(&template.repeat(3));
            assert!(longer.is_err_and(|why| why.starts_with("Contains more than 1000 words")), "{template}");
        }
    }
}
