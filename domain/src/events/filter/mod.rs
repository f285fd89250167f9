//! What may be asked of events (reference: `server/events/filters.py`), as it is asked, and whether an event that just
//! happened is asked for. The store asks the same of what it keeps.
//!
//! All criteria must hold; an empty list asks nothing, but an empty list of a label's values matches nothing. The criteria
//! of one [`EventRelatedFilter`] or [`EventAnyResourceFilter`] hold of one and the same resource.

mod bounds;
mod effort;
mod labels;
mod parts;

use serde::Serialize;
use wire::{Input, Time};

use super::{Event, Resource};
use crate::EventId;

pub use bounds::{LONGEST_VALUE, MOST_SEARCHES, MOST_VALUES};
pub use effort::Effort;
pub use labels::{Glob, Labelled};
pub use parts::{Query, Related, RoleOf};

/// How far back is looked where nothing is said, before the day that it is.
const DAYS_BACK: i64 = 180;
const DAY: i64 = 24 * 3600 * 1_000_000;

/// Filter events by when they occurred.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Input)]
#[input(forbid_extra)]
pub struct EventOccurredFilter {
    /// Only include events after this time (inclusive)
    #[input(default, with = parts::given)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Only include events prior to this time (inclusive)
    #[input(default, with = parts::given)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Filter events by their name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Input)]
#[input(forbid_extra)]
pub struct EventNameFilter {
    /// Only include events matching one of these prefixes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Vec<String>>,
    /// Exclude events matching one of these prefixes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_prefix: Option<Vec<String>>,
    /// Only include events matching one of these names exactly
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Vec<String>>,
    /// Exclude events matching one of these names exactly
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_name: Option<Vec<String>>,
}

/// Filter events by the resource that they are about.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Input)]
#[input(forbid_extra)]
pub struct EventResourceFilter {
    /// Only include events for resources with these IDs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Vec<String>>,
    /// Only include events for resources with IDs starting with these prefixes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_prefix: Option<Vec<String>>,
    /// Only include events for resources with these labels
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labelled>,
    /// Only include events for distinct resources
    #[input(default)]
    pub distinct: bool,
}

/// Filter events by a resource that they relate to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Input)]
#[input(forbid_extra)]
pub struct EventRelatedFilter {
    /// Only include events for related resources with these IDs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Vec<String>>,
    /// Only include events for related resources in these roles
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Vec<String>>,
    /// Only include events with specific related resources in specific roles
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources_in_roles: Option<Vec<RoleOf>>,
    /// Only include events for related resources with these labels
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labelled>,
}

/// Filter events by a resource that has to do with them, the primary one or a related one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Input)]
#[input(forbid_extra)]
pub struct EventAnyResourceFilter {
    /// Only include events for resources with these IDs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Vec<String>>,
    /// Only include events for resources with IDs starting with these prefixes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_prefix: Option<Vec<String>>,
    /// Only include events for related resources with these labels
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labelled>,
}

/// Filter events by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Input)]
#[input(forbid_extra)]
pub struct EventIDFilter {
    /// Only include events with one of these IDs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Vec<EventId>>,
}

/// Filter by text search across event content.
#[derive(Debug, Clone, PartialEq, Serialize, Input)]
#[input(forbid_extra)]
pub struct EventTextFilter {
    /// Text search query string
    pub query: Query,
}

/// The order in which events are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Input)]
pub enum EventOrder {
    #[input(rename = "ASC")]
    #[serde(rename = "ASC")]
    Asc,
    #[default]
    #[input(rename = "DESC")]
    #[serde(rename = "DESC")]
    Desc,
}

/// Which events are asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Input)]
#[input(forbid_extra, before = bounds::bounded)]
pub struct EventFilter {
    /// Filter criteria for when the events occurred
    #[input(default)]
    pub occurred: EventOccurredFilter,
    /// Filter criteria for the event name
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<EventNameFilter>,
    /// Filter criteria for the resource of the event
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<EventResourceFilter>,
    /// Filter criteria for the related resources of the event
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related: Option<Related<EventRelatedFilter>>,
    /// Filter criteria for any resource involved in the event
    #[serde(skip_serializing_if = "Option::is_none")]
    pub any_resource: Option<Related<EventAnyResourceFilter>>,
    /// Filter criteria for the events' ID
    #[input(default)]
    pub id: EventIDFilter,
    /// Filter criteria for text search across event content
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<EventTextFilter>,
    /// The order to return filtered events
    #[input(default)]
    pub order: EventOrder,
}

impl EventFilter {
    /// With the times that are meant where none are given: from half a year before the beginning of the day until now.
    pub fn resolved(mut self, now: Time) -> Self {
        let midnight = now.micros() - now.micros().rem_euclid(DAY);
        self.occurred.since.get_or_insert(Time::from_micros(midnight - DAYS_BACK * DAY));
        self.occurred.until.get_or_insert(now);
        self
    }

    /// The names of which an event must have one; `None` where other names may do.
    pub fn names(&self) -> Option<&[String]> {
        self.event.as_ref()?.name.as_deref().filter(|names| !names.is_empty())
    }

    /// Whether the event is asked for.
    pub fn includes(&self, event: &Event) -> bool {
        let Self { occurred, event: name, resource, related, any_resource, id, text, order: _ } = self;
        occurred.since.is_none_or(|since| since <= event.occurred)
            && occurred.until.is_none_or(|until| event.occurred <= until)
            && name.as_ref().is_none_or(|name| name.includes(&event.event))
            && resource.as_ref().is_none_or(|filter| filter.includes(&event.resource))
            && related.as_ref().is_none_or(|all| all.0.iter().all(|filter| filter.includes(event)))
            && any_resource.as_ref().is_none_or(|all| all.0.iter().all(|filter| filter.includes(event)))
            && id.id.as_ref().is_none_or(|ids| ids.is_empty() || ids.contains(&event.id))
            && text.as_ref().is_none_or(|text| text.query.finds(event))
    }
}

/// Whether a list asks nothing, or one of it holds.
fn any<T>(asked: &Option<Vec<T>>, holds: impl Fn(&T) -> bool) -> bool {
    asked.as_ref().is_none_or(|asked| asked.is_empty() || asked.iter().any(holds))
}

impl EventNameFilter {
    fn includes(&self, name: &str) -> bool {
        let Self { prefix, exclude_prefix, name: names, exclude_name } = self;
        any(prefix, |prefix| name.starts_with(prefix.as_str()))
            && !exclude_prefix.iter().flatten().any(|prefix| name.starts_with(prefix.as_str()))
            && any(names, |one| one == name)
            && !exclude_name.iter().flatten().any(|one| one == name)
    }
}

impl EventResourceFilter {
    fn includes(&self, resource: &Resource) -> bool {
        let Self { id, id_prefix, labels, distinct: _ } = self;
        any(id, |id| id == resource.id())
            && any(id_prefix, |prefix| resource.id().starts_with(prefix.as_str()))
            && labels.as_ref().is_none_or(|labels| labels.fit(resource))
    }
}

impl EventRelatedFilter {
    /// Whether it asks anything.
    pub fn asks(&self) -> bool {
        let Self { id, role, resources_in_roles, labels } = self;
        let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        some(id)
            || some(role)
            || resources_in_roles.as_ref().is_some_and(|pairs| !pairs.is_empty())
            || labels.as_ref().is_some_and(|labels| !labels.0.is_empty())
    }

    fn includes(&self, event: &Event) -> bool {
        !self.asks() || event.related.iter().any(|resource| self.fits(resource))
    }

    fn fits(&self, resource: &Resource) -> bool {
        let Self { id, role, resources_in_roles, labels } = self;
        let own = resource.get("prefect.resource.role").unwrap_or_default();
        any(id, |id| id == resource.id())
            && any(role, |role| role == own)
            && any(resources_in_roles, |RoleOf(id, role)| id == resource.id() && role == own)
            && labels.as_ref().is_none_or(|labels| labels.fit(resource))
    }
}

impl EventAnyResourceFilter {
    /// Whether it asks anything.
    pub fn asks(&self) -> bool {
        let Self { id, id_prefix, labels } = self;
        let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        some(id) || some(id_prefix) || labels.as_ref().is_some_and(|labels| !labels.0.is_empty())
    }

    fn includes(&self, event: &Event) -> bool {
        !self.asks() || std::iter::once(&event.resource).chain(&event.related).any(|resource| self.fits(resource))
    }

    fn fits(&self, resource: &Resource) -> bool {
        let Self { id, id_prefix, labels } = self;
        any(id, |id| id == resource.id())
            && any(id_prefix, |prefix| resource.id().starts_with(prefix.as_str()))
            && labels.as_ref().is_none_or(|labels| labels.fit(resource))
    }
}

#[cfg(test)]
mod tests;
