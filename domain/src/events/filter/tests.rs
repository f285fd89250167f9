use serde_json::json;
use uuid::Uuid;
use wire::{Errors, RawJson, RawObject};

use super::*;

fn event() -> Event {
    Event {
        occurred: Time::from_micros(5),
        event: "prefect.flow-run.Running".into(),
        resource: Resource::of("prefect.flow-run.1").named("lazy-fox"),
        related: vec![
            Resource::of("prefect.flow.2").in_role("flow").named("etl"),
            Resource::of("prefect.tag.a").in_role("tag"),
        ],
        payload: RawObject(RawJson::of(&json!({"why": "Timeout of the pump"}))),
        id: EventId(Uuid::from_u128(9)),
        follows: None,
    }
}

fn filter(text: &str) -> EventFilter {
    let value = wire::json::parse(text.as_bytes()).unwrap();
    let mut errors = Errors::of("filter");
    EventFilter::parse(&value, &mut errors).unwrap_or_else(|| panic!("{text}: {:?}", errors.items()))
}

#[test]
fn an_event_is_asked_for_or_not() {
    for (text, included) in [
        ("{}", true),
        (r#"{"occurred":{"since":0,"until":1}}"#, true),
        (r#"{"occurred":{"since":1}}"#, false),
        (r#"{"event":{"name":["x","prefect.flow-run.Running"]}}"#, true),
        (r#"{"event":{"name":["x"]}}"#, false),
        (r#"{"event":{"name":[]}}"#, true),
        (r#"{"event":{"prefix":["prefect.flow-run."],"exclude_prefix":["prefect.flow-run.P"]}}"#, true),
        (r#"{"event":{"exclude_name":["prefect.flow-run.Running"]}}"#, false),
        (r#"{"resource":{"id":["prefect.flow-run.1"]}}"#, true),
        (r#"{"resource":{"id_prefix":["prefect.task-run."]}}"#, false),
        (r#"{"resource":{"labels":{"prefect.resource.name":"lazy-*"}}}"#, true),
        (r#"{"related":{"id":["prefect.flow.2"],"role":["flow"]}}"#, true),
        (r#"{"related":{"id":["prefect.flow.2"],"role":["tag"]}}"#, false),
        (r#"{"related":[{"id":["prefect.flow.2"]},{"role":["tag"]}]}"#, true),
        (r#"{"related":{}}"#, true),
        (r#"{"related":{"id":["prefect.flow-run.1"]}}"#, false),
        (r#"{"related":{"resources_in_roles":[["prefect.flow.2","flow"]]}}"#, true),
        (r#"{"any_resource":{"id":["prefect.flow-run.1"]}}"#, true),
        (r#"{"any_resource":{"id_prefix":["prefect.tag."]}}"#, true),
        (r#"{"any_resource":{"id":["prefect.flow.2"],"labels":{"prefect.resource.name":"lazy-fox"}}}"#, false),
        (r#"{"id":{"id":["00000000-0000-0000-0000-000000000009"]}}"#, true),
        (r#"{"id":{"id":["00000000-0000-0000-0000-000000000008"]}}"#, false),
        (r#"{"text":{"query":"timeout -debug"}}"#, true),
        (r#"{"text":{"query":"+etl +\"flow-run\" -pump"}}"#, false),
    ] {
        assert_eq!(filter(text).includes(&event()), included, "{text}");
    }
}

#[test]
fn the_times_that_are_meant() {
    let now = Time::from_micros(1_700_000_000_000_000);
    let meant = EventFilter::default().resolved(now).occurred;
    assert_eq!(meant.until, Some(now));
    assert_eq!(meant.since.map(|time| time.to_string()).as_deref(), Some("2023-05-18T00:00:00Z"));
    let given = filter(r#"{"occurred":{"since":7}}"#).resolved(now).occurred;
    assert_eq!(given.since.map(Time::micros), Some(7_000_000));
}

#[test]
fn a_filter_is_read_as_it_was_written() {
    for text in [
        "{}",
        r#"{"event":{"name":["x"]},"order":"ASC","occurred":{"since":"2024-01-01T00:00:00Z"}}"#,
        r#"{"related":{"labels":{"a":"b"}},"any_resource":[{"id":["r"]}],"resource":{"distinct":true},"text":{"query":"a"}}"#,
        r#"{"related":{"resources_in_roles":[["a","b"]]},"id":{"id":["00000000-0000-0000-0000-000000000009"]}}"#,
    ] {
        let read = filter(text);
        assert_eq!(filter(&serde_json::to_string(&read).unwrap()), read, "{text}");
    }
}

#[test]
fn what_is_no_filter_is_told_by_each_way_of_reading_it() {
    let value = wire::json::parse(br#"{"related":5,"any_resource":{"labels":{"a":1}},"occurred":null}"#).unwrap();
    let mut errors = Errors::default();
    assert!(EventFilter::parse(&value, &mut errors).is_none());
    let told = super::super::complaints(&errors);
    for part in ["related.EventRelatedFilter", "related.list[EventRelatedFilter]", "labels.a.str", "labels.a.list[str]"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(told.starts_with("occurred: "), "{told}");
}

fn refused(filter: serde_json::Value) -> Option<String> {
    let text = filter.to_string();
    let mut errors = Errors::of("filter");
    let read = EventFilter::parse(&wire::json::parse(text.as_bytes()).unwrap(), &mut errors);
    read.is_none().then(|| super::super::complaints(&errors))
}

#[test]
fn a_filter_has_bounds() {
    let texts = |number: usize, of: &dyn Fn(usize) -> String| (0..number).map(of).collect::<Vec<_>>();
    let ids = |number| json!({ "resource": { "id": texts(number, &|n| format!("r.{n}")) } });
    let labels = |number| {
        let labels = texts(number, &|n| format!("l{n}")).into_iter().map(|label| (label, json!("v")));
        json!({ "resource": { "labels": labels.collect::<serde_json::Map<_, _>>() } })
    };
    let globs = |number, glob: &str| json!({ "related": [{ "labels": { "l": vec![glob; number] } }] });
    for good in [ids(1_990), labels(990), globs(MOST_SEARCHES, "*a*"), globs(1_990, "!a*b"), globs(20, "*a?????*")] {
        assert_eq!(refused(good), None);
    }
    for (large, why) in [
        (ids(2_001), "A filter may hold 2000 names and values, not 2003"),
        (labels(20_000), "A filter may hold 2000 names and values, not 40002"),
        (
            globs(MOST_SEARCHES + 1, "*a*b"),
            "A filter may hold 200 patterns that look for text anywhere (*text*), not 201",
        ),
        (globs(30, "*a?????*"), "not 210"),
        (
            ids(1).as_object().map(|_| json!({ "event": { "name": ["x".repeat(2_001)] } })).unwrap(),
            "2000 bytes, not 2001",
        ),
    ] {
        let told = refused(large).expect("it is too large");
        assert!(told.contains(why) && told.len() < 200, "{told}");
    }
}

#[test]
fn effort_grows_with_the_filter_and_the_event() {
    let (small, mut large) = (event(), event());
    large.resource = large.resource.labelled("l", "v".repeat(100_000));
    let effort = |text: &str, event: &Event| filter(text).effort().of(event);
    let exact = r#"{"resource":{"labels":{"l":["a","b*"]}}}"#;
    let anywhere = r#"{"resource":{"labels":{"l":["*a*","*b*"]}}}"#;
    assert!(effort("{}", &large) < 100 && effort(exact, &large) < 200);
    assert!(effort(anywhere, &small) < 1_000 && effort(anywhere, &large) > 200_000);
    assert!(effort(r#"{"text":{"query":"a b"}}"#, &large) > 500_000);
}
