//! Events: what happened to a resource, as its observer tells it (reference: `server/events/schemas/events.py`).
//! What the server itself tells of is in [`lifecycle`], what may be asked in [`filter`].

pub mod counts;
pub mod filter;
pub mod lifecycle;
pub mod pools;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use wire::{Described, Errors, Input, Json, RawObject, Schema, Schemas, Time};

use crate::EventId;
use crate::policies::refuse;

/// Characters the name of an event may have.
pub const LONGEST_NAME: usize = 1024;
/// Labels a resource may have.
pub const MOST_LABELS: usize = 500;
/// Resources an event may relate to.
pub const MOST_RELATED: usize = 100;
/// Bytes an event may have as JSON.
pub const LARGEST: usize = 1_500_000;

const TOO_MANY_LABELS: &str = "The maximum number of labels per resource is 500";
const ID: &str = "prefect.resource.id";
const ROLE: &str = "prefect.resource.role";

/// The client's view of something that happened to a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Input)]
pub struct Event {
    /// When the event happened from the sender's perspective
    pub occurred: Time,
    /// The name of the event that happened
    #[input(with = name)]
    pub event: String,
    /// The primary Resource this event concerns
    pub resource: Resource,
    /// A list of additional Resources involved in this event
    #[input(default, with = related)]
    pub related: Vec<Resource>,
    /// An open-ended set of data describing what happened
    #[input(default)]
    pub payload: RawObject,
    /// The client-provided identifier of this event
    pub id: EventId,
    /// The ID of an event that is known to have occurred prior to this one. If set, this may be used to establish a more
    /// precise ordering of causally-related events when they occur close enough together in time that the system may
    /// receive them out-of-order.
    pub follows: Option<EventId>,
}

/// An event with the time it was stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReceivedEvent {
    #[serde(flatten)]
    pub event: Event,
    pub received: Time,
}

impl Described for ReceivedEvent {
    fn schema(schemas: &mut Schemas) -> Schema {
        let event = Event::schema(schemas);
        let mut whole = schemas.resolve(&event);
        whole["title"] = json!("ReceivedEvent");
        whole["description"] = json!("An event with the time it was stored.");
        whole["properties"]["received"] = Time::schema(schemas);
        whole["required"] = json!(["occurred", "event", "resource", "related", "payload", "id", "follows", "received"]);
        schemas.named("ReceivedEvent", |_| whole)
    }
}

impl Event {
    /// Reads an event that came as a message of its own. Characters that no column can hold (U+0000) are left out, as the
    /// sender cannot be told. The error says what is wrong with it, for whoever looks into the quarantine.
    pub fn of_message(text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("an event of {} bytes is larger than {LARGEST}", text.len()));
        }
        let text = without_nul(text);
        let value = wire::json::parse(text.as_bytes()).map_err(|why| format!("not JSON: {why:?}"))?;
        let mut errors = Errors::of("event");
        match Self::parse(&value, &mut errors) {
            Some(event) if errors.is_empty() => Ok(event),
            _ => Err(complaints(&errors)),
        }
    }

    /// Bytes of what it says, about.
    pub fn weight(&self) -> usize {
        let label = |(name, value): &(String, String)| name.len() + value.len();
        let of = |resource: &Resource| resource.0.iter().map(label).sum::<usize>();
        let related = self.related.iter().map(of).sum::<usize>();
        self.event.len() + of(&self.resource) + related + self.payload.0.text().len()
    }

    /// The first related resource in a role.
    pub fn related_as(&self, role: &str) -> Option<&Resource> {
        self.related.iter().find(|resource| resource.get(ROLE) == Some(role))
    }
}

/// All complaints in one line.
pub fn complaints(errors: &Errors) -> String {
    let line = |item: &wire::Item| {
        let steps: Vec<String> = item
            .loc
            .iter()
            .map(|step| match step {
                wire::Loc::Field(name) => name.to_string(),
                wire::Loc::Index(index) => index.to_string(),
            })
            .collect();
        format!("{}: {}", steps.join("."), item.msg)
    };
    errors.items().iter().map(line).collect::<Vec<_>>().join("; ")
}

/// JSON text without the escapes of U+0000.
fn without_nul(text: &str) -> std::borrow::Cow<'_, str> {
    const NUL: &str = "\\u0000";
    if !text.contains(NUL) {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix(NUL) {
            rest = after;
            continue;
        }
        // An escape is a backslash and one character at least; a second backslash is that character.
        let end = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
        kept.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    (kept + rest).into()
}

/// A resource by its labels, in the order they were sent. The label `prefect.resource.id` is always there.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource(pub(crate) Vec<(String, String)>);

impl Resource {
    /// A resource of this id, which is not empty.
    pub fn of(id: impl Into<String>) -> Self {
        Self(vec![(ID.to_owned(), id.into())])
    }

    pub fn named(self, name: impl Into<String>) -> Self {
        self.labelled("prefect.resource.name", name)
    }

    /// What it is to the event that relates to it.
    pub fn in_role(self, role: &str) -> Self {
        self.labelled(ROLE, role)
    }

    /// With one more label; each label is given once.
    pub fn labelled(mut self, label: &str, value: impl Into<String>) -> Self {
        self.0.push((label.to_owned(), value.into()));
        self
    }

    pub fn id(&self) -> &str {
        // Without it the resource was refused.
        self.get(ID).unwrap_or_default()
    }

    pub fn get(&self, label: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == label).map(|(_, value)| value.as_str())
    }

    pub fn labels(&self) -> &[(String, String)] {
        &self.0
    }

    /// The id of a Prefect object of this kind (`prefect.task-run`).
    pub fn object_id(&self, kind: &str) -> Result<uuid::Uuid, String> {
        let id = self.id();
        let after = id.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.'));
        let after = after.ok_or_else(|| format!("the resource {id:?} is no {kind}"))?;
        uuid::Uuid::try_parse(after).map_err(|_| format!("the resource {id:?} has no id"))
    }
}

impl Input for Resource {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Object(fields) = value else {
            errors.push("dict_type", "Input should be a valid dictionary", value);
            return None;
        };
        if fields.len() > MOST_LABELS {
            refuse(value, TOO_MANY_LABELS, errors);
            return None;
        }
        let mut labels: Option<Vec<(String, String)>> = Some(Vec::with_capacity(fields.len()));
        for (label, item) in fields.iter() {
            let label = label.clone().into_owned();
            let read = errors.at(label.clone(), |e| {
                let label = String::parse(&Json::Str(label.into()), e);
                Some((label?, String::parse(item, e)?))
            });
            match (read, &mut labels) {
                // A label sent twice has its last value.
                (Some((label, text)), Some(labels)) => match labels.iter_mut().find(|(known, _)| *known == label) {
                    Some((_, known)) => *known = text,
                    None => labels.push((label, text)),
                },
                _ => labels = None,
            }
        }
        let resource = Resource(labels?);
        let why = match resource.get(ID) {
            None => "Resources must include the prefect.resource.id label",
            Some("") => "The prefect.resource.id label must be non-empty",
            Some(_) => return Some(resource),
        };
        refuse(value, why, errors);
        None
    }
}

impl Described for Resource {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

/// From stored text.
impl<'de> Deserialize<'de> for Resource {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Labels;
        impl<'de> Visitor<'de> for Labels {
            type Value = Resource;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("labels of a resource")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Resource, A::Error> {
                let mut labels = Vec::with_capacity(map.size_hint().unwrap_or_default());
                while let Some(label) = map.next_entry()? {
                    labels.push(label);
                }
                Ok(Resource(labels))
            }
        }
        d.deserialize_map(Labels)
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (label, value) in &self.0 {
            map.serialize_entry(label, value)?;
        }
        map.end()
    }
}

fn name(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    let name = String::parse(value, errors)?;
    if name.chars().count() > LONGEST_NAME {
        refuse(value, "Event name must be at most 1024 characters", errors);
        return None;
    }
    Some(name)
}

fn related(value: &Json<'_>, errors: &mut Errors) -> Option<Vec<Resource>> {
    let Json::Array(items) = value else {
        errors.push("list_type", "Input should be a valid list", value);
        return None;
    };
    let read = |(i, item): (usize, &Json<'_>)| errors.at(i, |e| in_role(item, e));
    let resources: Vec<Option<Resource>> = items.iter().enumerate().map(read).collect();
    let resources: Vec<Resource> = resources.into_iter().collect::<Option<_>>()?;
    if resources.len() > MOST_RELATED {
        refuse(value, "The maximum number of related resources is 100", errors);
        return None;
    }
    Some(resources)
}

fn in_role(value: &Json<'_>, errors: &mut Errors) -> Option<Resource> {
    let resource = Resource::parse(value, errors)?;
    let why = match resource.get(ROLE) {
        None => "Related Resources must include the prefect.resource.role label",
        Some("") => "The prefect.resource.role label must be non-empty",
        Some(_) => return Some(resource),
    };
    refuse(value, why, errors);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fields: &str) -> String {
        let id = "11111111-1111-4111-8111-111111111111";
        format!(
            r#"{{"occurred":"2024-01-01T00:00:00Z","event":"x","resource":{{"prefect.resource.id":"r"}},"id":"{id}"{fields}}}"#
        )
    }

    #[test]
    fn an_event_is_written_as_it_is_shown() {
        let related = r#""related":[{"prefect.resource.id":"a","prefect.resource.role":"b"}]"#;
        let text = event(&format!(r#",{related},"payload":{{"n":1.50}},"extra":1"#));
        let read = Event::of_message(&text).expect("a valid event");
        assert_eq!(read.related_as("b").map(Resource::id), Some("a"));
        assert_eq!(read.related_as("c"), None);
        let received = ReceivedEvent { event: read, received: Time::from_micros(0) };
        let written = serde_json::to_string(&received).expect("plain data");
        let id = "11111111-1111-4111-8111-111111111111";
        let expected = format!(
            r#"{{"occurred":"2024-01-01T00:00:00Z","event":"x","resource":{{"prefect.resource.id":"r"}},{related},"payload":{{"n":1.5}},"id":"{id}","follows":null,"received":"1970-01-01T00:00:00Z"}}"#
        );
        assert_eq!(written, expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("{", "not JSON: Syntax { at: 1, why: \"Expecting property name enclosed in double quotes\" }".to_owned()),
            ("[]", "event: Input should be a valid dictionary or object to extract fields from".into()),
            (
                &event(r#","related":[{"prefect.resource.id":"a"}]"#),
                "event.related.0: Value error, Related Resources must include the prefect.resource.role label".into(),
            ),
            (&event(r#","payload":[]"#), "event.payload: Input should be a valid dictionary".into()),
            (
                &event(r#","follows":"x""#),
                "event.follows: Input should be a valid UUID, invalid character: found `x` at 0".into(),
            ),
        ] {
            assert_eq!(Event::of_message(text), Err(why), "{text}");
        }
        let large = event(&format!(r#","payload":{{"x":"{}"}}"#, "y".repeat(LARGEST)));
        assert!(Event::of_message(&large).is_err_and(|why| why.contains("larger than 1500000")));
    }

    #[test]
    fn limits_are_the_references() {
        let labels = |n: usize| (1..n).map(|i| format!(r#","l{i}":"v""#)).collect::<String>();
        let resource = |n: usize| format!(r#","resource":{{"prefect.resource.id":"r"{}}}"#, labels(n));
        assert!(Event::of_message(&event(&resource(MOST_LABELS))).is_ok());
        assert!(Event::of_message(&event(&resource(MOST_LABELS + 1))).is_err());
        let named = |n: usize| event(&format!(r#","event":"{}""#, "é".repeat(n)));
        assert!(Event::of_message(&named(LONGEST_NAME)).is_ok());
        assert!(Event::of_message(&named(LONGEST_NAME + 1)).is_err());
        let one = r#"{"prefect.resource.id":"a","prefect.resource.role":"b"}"#;
        let relating = |n: usize| event(&format!(r#","related":[{}]"#, vec![one; n].join(",")));
        assert!(Event::of_message(&relating(MOST_RELATED)).is_ok());
        assert!(Event::of_message(&relating(MOST_RELATED + 1)).is_err());
    }

    #[test]
    fn nul_is_left_out_and_a_backslash_before_it_is_not_taken_for_one() {
        for (sent, kept) in [
            (r#"a\u0000b"#, r#"ab"#),
            (r#"a\\u0000b"#, r#"a\\u0000b"#),
            (r#"\\\u0000\n"#, r#"\\\n"#),
            (r#"\u0000\u0000"#, ""),
            (r#"é\"\u0000ü"#, r#"é\"ü"#),
        ] {
            assert_eq!(without_nul(sent), kept, "{sent}");
        }
    }

    #[test]
    fn an_object_of_a_kind() {
        let id = "11111111-1111-4111-8111-111111111111";
        let of = |id: &str| Resource(vec![(ID.into(), id.into())]);
        assert!(of(&format!("prefect.task-run.{id}")).object_id("prefect.task-run").is_ok());
        assert!(of(&format!("prefect.flow-run.{id}")).object_id("prefect.task-run").is_err());
        assert!(of("prefect.task-run.x").object_id("prefect.task-run").is_err());
    }
}
