//! What is told of deployments.

use uuid::Uuid;

use super::{Action, Change, Telling, updates};
use crate::events::Resource;
use crate::{DeploymentId, FlowId, LimitId, WorkPoolId, WorkQueueId};

/// A deployment with what stands around it.
#[derive(Debug, Clone, Copy)]
pub struct Deployment<'a> {
    pub id: DeploymentId,
    pub name: &'a str,
    pub flow: Option<(FlowId, &'a str)>,
    pub queue: Option<(WorkQueueId, &'a str)>,
    /// Of the queue: id, name, type.
    pub pool: Option<(WorkPoolId, &'a str, &'a str)>,
    pub storage_document: Option<Uuid>,
    pub infrastructure_document: Option<Uuid>,
    pub limit: Option<LimitId>,
}

impl Deployment<'_> {
    fn told(&self, what: &str) -> Telling {
        let Self { id, name, flow, queue, pool, storage_document, infrastructure_document, limit } = self;
        let named = |kind: &str, id: Uuid, name: &str| Resource::of(format!("prefect.{kind}.{id}")).named(name);
        let in_role = |kind: &str, id: Uuid, role: &str| Resource::of(format!("prefect.{kind}.{id}")).in_role(role);
        let pool = pool.map(|(id, name, type_)| {
            named("work-pool", id.0, name).labelled("prefect.work-pool.type", type_).in_role("work-pool")
        });
        let related = [
            flow.map(|(id, name)| named("flow", id.0, name).in_role("flow")),
            queue.map(|(id, name)| named("work-queue", id.0, name).in_role("work-queue")),
            pool,
            storage_document.map(|id| in_role("block-document", id, "storage")),
            infrastructure_document.map(|id| in_role("block-document", id, "infrastructure")),
            limit.map(|id| in_role("concurrency-limit", id.0, "concurrency-limit")),
        ];
        let resource = named("deployment", id.0, name);
        let telling = Telling::of(format!("prefect.deployment.{what}"), resource);
        related.into_iter().flatten().fold(telling, Telling::relating)
    }
}

/// A deployment was made or deleted.
pub fn deployment(action: Action, deployment: &Deployment<'_>) -> Telling {
    deployment.told(action.as_str())
}

/// Some fields have other values.
pub fn deployment_updated(deployment: &Deployment<'_>, changes: &[Change]) -> Telling {
    deployment.told("updated").with(&updates(changes))
}

/// A deployment is `ready` or `not-ready` now.
pub fn deployment_status(deployment: &Deployment<'_>, status: &str) -> Telling {
    deployment.told(status)
}

#[cfg(test)]
mod tests {
    use wire::Time;

    use super::*;

    #[test]
    fn what_stands_around_a_deployment_is_related_in_the_references_order() {
        let nil = Uuid::nil();
        let all = Deployment {
            id: DeploymentId(nil),
            name: "d",
            flow: Some((FlowId(nil), "f")),
            queue: Some((WorkQueueId(nil), "q")),
            pool: Some((WorkPoolId(nil), "p", "process")),
            storage_document: Some(nil),
            infrastructure_document: Some(nil),
            limit: Some(LimitId(nil)),
        };
        let event = serde_json::to_value(deployment_status(&all, "ready").at(Time::default())).unwrap();
        assert_eq!(event["event"], "prefect.deployment.ready");
        let roles: Vec<_> =
            event["related"].as_array().unwrap().iter().map(|one| &one["prefect.resource.role"]).collect();
        assert_eq!(roles, ["flow", "work-queue", "work-pool", "storage", "infrastructure", "concurrency-limit"]);
    }
}
