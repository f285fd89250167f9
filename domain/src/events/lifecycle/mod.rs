//! Events that the server tells of by itself when an object is made, changed or deleted
//! (reference: `server/events/schemas/lifecycle.py`).
//!
//! A [`Telling`] is such an event before its transaction gives it a time and an id. What it says is pure: names, resources
//! and payload are the reference's. The store takes it by `Tx::tell`.
//!
//! * [`blocks`], [`deployments`], [`limits`]: what is told of these; variables, flows and artifacts are here

pub mod blocks;
pub mod deployments;
pub mod limits;

use serde::Serialize;
use serde_json::{Map, Value, json};
use wire::{RawJson, RawObject, Time};

use super::{Event, Resource};
use crate::EventId;
use crate::artifacts::ArtifactCollection;
use crate::flows::Flow;
use crate::variables::Variable;

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Created,
    Updated,
    Deleted,
}

impl Action {
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Created => "created",
            Action::Updated => "updated",
            Action::Deleted => "deleted",
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    event: String,
    resource: Resource,
    related: Vec<Resource>,
    payload: RawObject,
    id: Option<EventId>,
    follows: Option<EventId>,
}

impl Telling {
    /// Something happened to a resource.
    pub fn of(event: impl Into<String>, resource: Resource) -> Self {
        let (related, payload) = (Vec::new(), RawObject::default());
        Self { event: event.into(), resource, related, payload, id: None, follows: None }
    }

    /// `prefect.KIND.ACTION` of the resource `prefect.KIND.ID`, which may have a name.
    pub fn lifecycle(kind: &str, action: Action, id: impl std::fmt::Display, name: Option<&str>) -> Self {
        let resource = Resource::of(format!("prefect.{kind}.{id}"));
        let resource = match name {
            Some(name) => resource.named(name),
            None => resource,
        };
        Self::of(format!("prefect.{kind}.{}", action.as_str()), resource)
    }

    /// Relates to a resource too, which has a role.
    pub fn relating(mut self, resource: Resource) -> Self {
        self.related.push(resource);
        self
    }

    /// Says this of it; `payload` is an object.
    pub fn with(mut self, payload: &impl Serialize) -> Self {
        self.payload = RawObject(RawJson::of(payload));
        self
    }

    /// Has this id, where somebody keeps it to say what follows it.
    pub fn known_as(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// Is told after this one, in whatever order they arrive.
    pub fn following(mut self, id: Option<EventId>) -> Self {
        self.follows = id;
        self
    }

    /// The event, once its time is known.
    pub fn at(self, occurred: Time) -> Event {
        let Self { event, resource, related, payload, id, follows } = self;
        let id = id.unwrap_or_else(|| EventId::new(occurred));
        Event { occurred, event, resource, related, payload, id, follows }
    }
}

/// A field that has another value now.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub field: &'static str,
    pub from: Value,
    pub to: Value,
}

impl Change {
    /// `None` where the value is as it was.
    pub fn of(field: &'static str, from: &impl Serialize, to: &impl Serialize) -> Option<Self> {
        let (from, to) = (RawJson::of(from).to_value(), RawJson::of(to).to_value());
        (from != to).then_some(Self { field, from, to })
    }
}

/// The payload of an update that says what was changed.
fn updates(changes: &[Change]) -> Value {
    let fields: Vec<&str> = changes.iter().map(|change| change.field).collect();
    let updates: Map<String, Value> = changes
        .iter()
        .map(|Change { field, from, to }| ((*field).to_owned(), json!({ "from": from, "to": to })))
        .collect();
    json!({ "updated_fields": fields, "updates": updates })
}

/// A variable was made, changed or deleted.
pub fn variable(action: Action, variable: &Variable) -> Telling {
    #[derive(Serialize)]
    struct Payload<'a> {
        name: &'a str,
        value: &'a RawJson,
        tags: &'a [String],
    }
    let Variable { id, created: _, updated: _, name, value, tags } = variable;
    Telling::lifecycle("variable", action, id, Some(name)).with(&Payload { name, value, tags })
}

/// A flow was made, changed or deleted.
pub fn flow(action: Action, flow: &Flow) -> Telling {
    #[derive(Serialize)]
    struct Payload<'a> {
        name: &'a str,
        tags: &'a [String],
        labels: &'a Option<crate::labels::Labels>,
    }
    let Flow { id, created: _, updated: _, name, tags, labels } = flow;
    Telling::lifecycle("flow", action, id, Some(name)).with(&Payload { name, tags, labels })
}

/// A key of artifacts has its first, has another latest one, or has none any more. Artifacts without a key are not told of.
pub fn artifact_collection(action: Action, collection: &ArtifactCollection) -> Telling {
    #[derive(Serialize)]
    struct Payload<'a> {
        key: &'a str,
        r#type: &'a Option<String>,
        data: &'a Option<RawJson>,
        description: &'a Option<String>,
    }
    let ArtifactCollection { id, key, latest_id, type_, description, data, flow_run_id, task_run_id, .. } = collection;
    let mut telling = Telling::lifecycle("artifact-collection", action, id, Some(key))
        .with(&Payload { key, r#type: type_, data, description })
        .relating(Resource::of(format!("prefect.artifact.{latest_id}")).in_role("latest"));
    if let Some(run) = flow_run_id {
        telling = telling.relating(Resource::of(format!("prefect.flow-run.{run}")).in_role("flow-run"));
    }
    if let Some(run) = task_run_id {
        telling = telling.relating(Resource::of(format!("prefect.task-run.{run}")).in_role("task-run"));
    }
    telling
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{ArtifactCollectionId, ArtifactId, FlowRunId, VariableId};

    fn told(telling: Telling) -> serde_json::Value {
        serde_json::to_value(telling.known_as(EventId(Uuid::nil())).at(Time::from_micros(0))).unwrap()
    }

    #[test]
    fn a_variable_is_told_of_with_its_value() {
        let variable = Variable {
            id: VariableId(Uuid::nil()),
            created: Time::default(),
            updated: Time::default(),
            name: "n".into(),
            value: RawJson::of(&json!({"a": 1})),
            tags: vec!["t".into()],
        };
        let nil = Uuid::nil();
        let expected = json!({
            "occurred": "1970-01-01T00:00:00Z", "event": "prefect.variable.updated",
            "resource": {"prefect.resource.id": format!("prefect.variable.{nil}"), "prefect.resource.name": "n"},
            "related": [], "payload": {"name": "n", "value": {"a": 1}, "tags": ["t"]}, "id": nil, "follows": null,
        });
        assert_eq!(told(super::variable(Action::Updated, &variable)), expected);
    }

    #[test]
    fn a_key_of_artifacts_relates_to_its_latest_and_its_runs() {
        let nil = Uuid::nil();
        let collection = ArtifactCollection {
            id: ArtifactCollectionId(nil),
            created: Time::default(),
            updated: Time::default(),
            key: "k".into(),
            latest_id: ArtifactId(nil),
            type_: None,
            description: None,
            data: Some(RawJson::of("d")),
            metadata_: None,
            flow_run_id: Some(FlowRunId(nil)),
            task_run_id: None,
        };
        let told = told(artifact_collection(Action::Created, &collection));
        assert_eq!(told["event"], "prefect.artifact-collection.created");
        assert_eq!(told["payload"], json!({"key": "k", "type": null, "data": "d", "description": null}));
        let role = |at: usize| told["related"][at]["prefect.resource.role"].clone();
        assert_eq!((role(0), role(1), role(2)), (json!("latest"), json!("flow-run"), json!(null)));
    }
}
