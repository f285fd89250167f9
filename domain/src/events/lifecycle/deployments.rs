//! What is told of deployments.

use serde_json::Value;
use uuid::Uuid;

use super::{Action, Change, Telling, updates};
use crate::events::Resource;
use crate::pulse::Readiness;
use crate::{DeploymentId, FlowId, LimitId, WorkPoolId, WorkQueueId};

/// A deployment with what stands around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    pub id: DeploymentId,
    pub name: String,
    pub flow: Option<(FlowId, String)>,
    pub queue: Option<(WorkQueueId, String)>,
    /// Of the queue: id, name, type.
    pub pool: Option<(WorkPoolId, String, String)>,
    pub storage_document: Option<Uuid>,
    pub infrastructure_document: Option<Uuid>,
    pub limit: Option<LimitId>,
}

/// The fields of which a change is told, as the reference calls them.
pub const FIELDS: [&str; 15] = [
    "description",
    "tags",
    "parameters",
    "parameter_openapi_schema",
    "enforce_parameter_schema",
    "entrypoint",
    "path",
    "pull_steps",
    "work_queue_id",
    "infra_overrides",
    "paused",
    "labels",
    "version",
    "concurrency_limit_id",
    "concurrency_options",
];

impl Deployment {
    fn told(&self, what: &str) -> Telling {
        let Self { id, name, flow, queue, pool, storage_document, infrastructure_document, limit } = self;
        let named = |kind: &str, id: Uuid, name: &str| Resource::of(format!("prefect.{kind}.{id}")).named(name);
        let in_role = |kind: &str, id: Uuid, role: &str| Resource::of(format!("prefect.{kind}.{id}")).in_role(role);
        let pool = pool.as_ref().map(|(id, name, type_)| {
            named("work-pool", id.0, name).labelled("prefect.work-pool.type", type_).in_role("work-pool")
        });
        let related = [
            flow.as_ref().map(|(id, name)| named("flow", id.0, name).in_role("flow")),
            queue.as_ref().map(|(id, name)| named("work-queue", id.0, name).in_role("work-queue")),
            pool,
            storage_document.map(|id| in_role("block-document", id, "storage")),
            infrastructure_document.map(|id| in_role("block-document", id, "infrastructure")),
            limit.map(|id| in_role("concurrency-limit", id.0, "concurrency-limit")),
        ];
        let telling = Telling::of(format!("prefect.deployment.{what}"), named("deployment", id.0, name));
        related.into_iter().flatten().fold(telling, Telling::relating)
    }
}

/// A deployment was made or deleted.
pub fn deployment(action: Action, deployment: &Deployment) -> Telling {
    deployment.told(action.as_str())
}

/// What its [`FIELDS`] were and are, as objects; `None` when none has another value.
pub fn deployment_updated(deployment: &Deployment, before: &Value, after: &Value) -> Option<Telling> {
    let change = |field: &'static str| Change::of(field, &before[field], &after[field]);
    let changes: Vec<Change> = FIELDS.into_iter().filter_map(change).collect();
    (!changes.is_empty()).then(|| deployment.told("updated").with(&updates(&changes)))
}

/// A deployment is ready now, or is not any more.
pub fn deployment_status(deployment: &Deployment, status: Readiness) -> Telling {
    deployment.told(status.in_events())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::Time;

    use super::*;

    fn some() -> Deployment {
        let nil = Uuid::nil();
        Deployment {
            id: DeploymentId(nil),
            name: "d".into(),
            flow: Some((FlowId(nil), "f".into())),
            queue: Some((WorkQueueId(nil), "q".into())),
            pool: Some((WorkPoolId(nil), "p".into(), "process".into())),
            storage_document: Some(nil),
            infrastructure_document: Some(nil),
            limit: Some(LimitId(nil)),
        }
    }

    #[test]
    fn what_stands_around_a_deployment_is_related_in_the_references_order() {
        let event = serde_json::to_value(deployment_status(&some(), Readiness::Ready).at(Time::default())).unwrap();
        assert_eq!(event["event"], "prefect.deployment.ready");
        let related = event["related"].as_array().unwrap();
        let roles: Vec<_> = related.iter().map(|one| &one["prefect.resource.role"]).collect();
        assert_eq!(roles, ["flow", "work-queue", "work-pool", "storage", "infrastructure", "concurrency-limit"]);
    }

    #[test]
    fn an_update_says_what_was_and_what_is() {
        let before = json!({"tags": ["a"], "version": null, "paused": false});
        assert_eq!(deployment_updated(&some(), &before, &before), None);
        let after = json!({"tags": ["a"], "version": "2", "paused": false});
        let told = deployment_updated(&some(), &before, &after).unwrap().at(Time::default());
        let expected = json!({"updated_fields": ["version"], "updates": {"version": {"from": null, "to": "2"}}});
        assert_eq!(told.payload.0.to_value(), expected);
    }
}
