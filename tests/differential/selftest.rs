//! The suite's own parts, tried on made-up answers: what must differ differs, what need not does not.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::accepted::{Accepted, Place};
use crate::cases::Step;
use crate::clock;
use crate::compare;
use crate::normalise::Normaliser;
use crate::render::{self, Saved, Start};

/// 2024-01-02T03:04:05Z.
const START: Start = Start(1_704_164_645);
const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";

type Test = fn() -> Result<(), String>;

pub fn trials() -> Vec<Trial> {
    let all: [(&str, Test); 9] = [
        ("ids differ, their relations do not", ids),
        ("moments of the run are alike, others are not", times),
        ("made-up names are alike, given ones are not", names),
        ("durations are compared with tolerance", durations),
        ("lists are ordered unless the step says otherwise", order),
        ("numbers keep their kind", numbers),
        ("placeholders", placeholders),
        ("accepted differences", accepted),
        ("documents and their differences", crate::document::selftest),
    ];
    all.into_iter()
        .map(|(name, test)| Trial::test(format!("suite::{name}"), move || test().map_err(Into::into)))
        .collect()
}

fn step(more: &Value) -> Step {
    let mut whole = json!({"name": "s", "method": "GET", "path": "/"});
    whole.as_object_mut().into_iter().zip(more.as_object()).for_each(|(w, m)| w.extend(m.clone()));
    serde_json::from_value(whole).expect("a step")
}

/// How many differences two series of answers have.
fn different(text: &str, more: &Value, answers: &[(Value, Value)]) -> usize {
    let mut sides = (Normaliser::new(START), Normaliser::new(START));
    sides.0.read(text, START);
    sides.1.read(text, START);
    let step = step(more);
    let numbered = answers.iter().enumerate();
    numbered
        .map(|(n, (left, right))| {
            compare::bodies(&sides.0.answer(n, &step, left), &sides.1.answer(n, &step, right)).len()
        })
        .sum()
}

fn must(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn ids() -> Result<(), String> {
    let same = |left, right| different("", &json!({}), &[(left, right)]) == 0;
    must(same(json!([A, B, A]), json!([B, A, B])), "the same relation")?;
    must(!same(json!([A, B, A]), json!([B, A, A])), "another relation")?;
    must(same(json!(format!("run {A} not found")), json!(format!("run {B} not found"))), "inside a text")?;
    must(different(A, &json!({}), &[(json!(A), json!(B))]) == 1, "an id that the case names")?;
    let later = [(json!(A), json!(B)), (json!([B, A]), json!([A, A]))];
    must(different("", &json!({}), &later) == 1, "a relation across answers")
}

fn times() -> Result<(), String> {
    let of = |left: &str, right: &str| different("{{now-60}}", &json!({}), &[(json!(left), json!(right))]) == 0;
    must(of("2024-01-02T03:04:05Z", "2024-01-02T03:04:06.123456Z"), "both now")?;
    must(!of("2024-01-02T03:04:05Z", "2024-01-02T03:04:05"), "without a zone")?;
    must(!of("2023-01-02T03:04:05Z", "2023-01-02T03:04:06Z"), "long ago")?;
    must(!of("2024-01-02T03:03:05Z", "2024-01-02T03:04:05Z"), "a moment that the case names")?;
    must(different("", &json!({}), &[(json!("2024-01-02T03:04:05Z"), Value::Null)]) == 1, "null is no moment")
}

fn names() -> Result<(), String> {
    let of = |key: &str, left: &str, right: &str| {
        different("given-name", &json!({}), &[(json!({key: left}), json!({key: right}))]) == 0
    };
    must(of("name", "loud-cat", "calm-dog"), "both made up")?;
    must(!of("name", "given-name", "calm-dog"), "one given")?;
    must(!of("other", "loud-cat", "calm-dog"), "no name")
}

fn durations() -> Result<(), String> {
    let of = |left: f64, right: f64| {
        different("", &json!({}), &[(json!({"total_run_time": left}), json!({"total_run_time": right}))]) == 0
    };
    must(of(0.0, 1.5) && !of(0.0, 100.0), "ten seconds")?;
    must(different("", &json!({"seconds": [""]}), &[(json!(3600.0), json!(3601.2))]) == 0, "by pointer")
}

fn order() -> Result<(), String> {
    let lists = [(json!([{"a": 1, "id": A}, {"a": 2, "id": B}]), json!([{"a": 2, "id": A}, {"a": 1, "id": B}]))];
    must(different("", &json!({}), &lists) > 0, "ordered")?;
    must(different("", &json!({"unordered": true}), &lists) == 0, "unordered")?;
    let other = [(json!([{"a": 1}, {"a": 2}]), json!([{"a": 2}, {"a": 2}]))];
    must(different("", &json!({"unordered": true}), &other) > 0, "unordered, but another set")?;
    must(different("", &json!({}), &[(json!([1]), json!([1, 2]))]) == 1, "one more")
}

fn numbers() -> Result<(), String> {
    let of = |left: Value, right: Value| different("", &json!({}), &[(left, right)]);
    must(of(json!(2), json!(2.0)) == 1 && of(json!(1), json!("1")) == 1 && of(json!(1), json!(true)) == 1, "kinds")?;
    must(of(json!({"a": null}), json!({})) == 1, "null is not absent")
}

fn placeholders() -> Result<(), String> {
    let saved = Saved::from([("flow".to_owned(), json!(A)), ("list".to_owned(), json!([1]))]);
    let template = json!({"one": "{{flow}}", "all": "{{list}}", "in": "-{{flow}}-", "then": "{{now-5}}", "x": "{{x*3}}", "sent": "{{ flow }}"});
    let rendered = render::value(&template, &saved, START)?;
    let wanted = json!({"one": A, "all": [1], "in": format!("-{A}-"), "then": "2024-01-02T03:04:00Z", "x": "xxx", "sent": "{{ flow }}"});
    must(rendered == wanted, "values, moments and repetitions")?;
    must(render::text("{{nobody}}", &saved, START).is_err(), "what was not saved")?;
    must(
        clock::text(951_782_400) == "2000-02-29T00:00:00Z" && clock::text(-1) == "1969-12-31T23:59:59Z",
        "the calendar",
    )
}

fn accepted() -> Result<(), String> {
    let lines =
        "# a comment\n\nflows | * | delete* | status 5xx -> 404 | a reason\n* | s | t | body /a/*/b | a reason\n";
    let accepted = Accepted::parse(lines)?;
    let at = |file, scenario, step| Place { file, scenario, step };
    must(accepted.status(at("flows", "s", "delete it"), 503, 404), "a status")?;
    must(!accepted.status(at("flows", "s", "delete it"), 503, 405), "another status")?;
    must(!accepted.status(at("logs", "s", "delete it"), 503, 404), "another file")?;
    must(accepted.unused().len() == 1, "one line has not been used")?;
    must(accepted.body(at("x", "s", "t"), "/a/7/b/c") && !accepted.body(at("x", "s", "t"), "/a/7"), "a pointer")?;
    must(Accepted::parse("a | b | c | status 1 -> 2 |").is_err(), "a line without a reason")
}
