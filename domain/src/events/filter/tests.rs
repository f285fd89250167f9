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
