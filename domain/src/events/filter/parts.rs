//! The less usual parts of a filter: one or many, pairs, a search.

use serde::{Serialize, Serializer};
use serde_json::json;
use wire::{Described, Errors, Input, Json, Schema, Schemas, Time};

use crate::events::Event;
use crate::text_search::TextSearch;

/// A time that, if it is given, is no null.
pub fn given(value: &Json<'_>, errors: &mut Errors) -> Option<Option<Time>> {
    Time::parse(value, errors).map(Some)
}

/// One filter or several, all of which must hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Related<T>(pub Vec<T>);

/// What the reference calls a type, in its complaints.
trait Called {
    const NAME: &'static str;
    const LIST: &'static str;
}

impl Called for super::EventRelatedFilter {
    const NAME: &'static str = "EventRelatedFilter";
    const LIST: &'static str = "list[EventRelatedFilter]";
}

impl Called for super::EventAnyResourceFilter {
    const NAME: &'static str = "EventAnyResourceFilter";
    const LIST: &'static str = "list[EventAnyResourceFilter]";
}

impl<T: Input + Called> Input for Related<T> {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let mut scratch = Errors::default();
        let read = match value {
            Json::Array(_) => Vec::<T>::parse(value, &mut scratch),
            _ => T::parse(value, &mut scratch).map(|one| vec![one]),
        };
        if let Some(filters) = read.filter(|_| scratch.is_empty()) {
            return Some(Self(filters));
        }
        // Each way of reading it complains.
        errors.at(T::NAME, |e| T::parse(value, e));
        errors.at(T::LIST, |e| Vec::<T>::parse(value, e));
        None
    }
}

impl<T: Described> Described for Related<T> {
    fn schema(schemas: &mut Schemas) -> Schema {
        let one = T::schema(schemas);
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// A resource's id, and the role it must have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleOf(pub String, pub String);

impl Input for RoleOf {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let Json::Array(items) = value else {
            errors.push("tuple_type", "Input should be a valid tuple", value);
            return None;
        };
        if items.len() > 2 {
            let msg = format!("Tuple should have at most 2 items after validation, not {}", items.len());
            let ctx = json!({ "field_type": "Tuple", "max_length": 2, "actual_length": items.len() });
            errors.push_with("too_long", msg, value, Some(ctx));
            return None;
        }
        let mut read = |at: usize| {
            errors.at(at, |e| match items.get(at) {
                Some(item) => String::parse(item, e),
                None => {
                    e.push("missing", "Field required", value);
                    None
                }
            })
        };
        let (id, role) = (read(0), read(1));
        Some(Self(id?, role?))
    }
}

impl Described for RoleOf {
    fn schema(_: &mut Schemas) -> Schema {
        let text = json!({ "type": "string" });
        json!({ "type": "array", "prefixItems": [text, text], "minItems": 2, "maxItems": 2 })
    }
}

/// A search through everything that an event says; at most 200 characters.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    text: String,
    pub search: TextSearch,
}

impl Query {
    pub fn finds(&self, event: &Event) -> bool {
        let Event { event: name, resource, related, payload, .. } = event;
        let values = std::iter::once(resource).chain(related).flat_map(|resource| resource.labels());
        let mut text = name.clone();
        for value in values.map(|(_, value)| value.as_str()).chain([payload.0.text()]) {
            text.push(' ');
            text.push_str(value);
        }
        self.search.finds(&text)
    }
}

impl Input for Query {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        let text = String::parse(value, errors)?;
        wire::check::max_length(&text, 200, value, errors)?;
        Some(Self { search: TextSearch::parse(&text), text })
    }
}

impl Described for Query {
    fn schema(_: &mut Schemas) -> Schema {
        json!({ "type": "string", "maxLength": 200 })
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(s)
    }
}
