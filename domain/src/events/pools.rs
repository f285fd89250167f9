//! What is told of work pools and work queues (reference: `server/models/events.py`).

use serde_json::{Map, Value, json};

use super::Resource;
use super::lifecycle::{Action, Telling};
use crate::pulse::Readiness;
use crate::work_pools::WorkPool;
use crate::{WorkPoolId, WorkQueueId};

/// A pool, as far as events name it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPool {
    pub id: WorkPoolId,
    pub name: String,
    pub type_: String,
}

/// A queue, and its pool.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedQueue {
    pub id: WorkQueueId,
    pub name: String,
    pub pool: NamedPool,
}

impl From<&WorkPool> for NamedPool {
    fn from(pool: &WorkPool) -> Self {
        Self { id: pool.id, name: pool.name.clone(), type_: pool.type_.clone() }
    }
}

impl NamedPool {
    fn resource(&self) -> Resource {
        let Self { id, name, type_ } = self;
        Resource::of(format!("prefect.work-pool.{id}")).named(name).labelled("prefect.work-pool.type", type_)
    }
}

/// A pool was made or deleted.
pub fn pool(action: Action, pool: &WorkPool) -> Telling {
    let resource = NamedPool::from(pool).resource().in_role("work-pool");
    let mut telling = Telling::of(format!("prefect.work-pool.{}", action.as_str()), resource);
    if let Some(queue) = pool.default_queue_id {
        telling = telling.relating(Resource::of(format!("prefect.work-queue.{queue}")).in_role("default-queue"));
    }
    let storage = pool.storage_configuration.0.to_value();
    if let Some(block) = storage["default_result_storage_block_id"].as_str() {
        telling = telling.relating(Resource::of(format!("prefect.block-document.{block}")).in_role("result-storage"));
    }
    telling
}

/// Fields of a pool were changed; `None` when none was that is told of.
pub fn pool_updated(before: &WorkPool, after: &WorkPool) -> Option<Telling> {
    let shown = |pool: &WorkPool| {
        [
            ("description", json!(pool.description)),
            ("base_job_template", pool.base_job_template.0.to_value()),
            ("concurrency_limit", json!(pool.concurrency_limit)),
            ("storage_configuration", pool.storage_configuration.0.to_value()),
        ]
    };
    let payload = changes(shown(before), shown(after))?;
    Some(
        Telling::of("prefect.work-pool.updated", NamedPool::from(after).resource().in_role("work-pool")).with(&payload),
    )
}

/// A pool became ready, or is ready no more, or is paused.
pub fn pool_status(pool: &NamedPool, status: Readiness) -> Telling {
    Telling::of(format!("prefect.work-pool.{}", status.in_events()), pool.resource())
}

/// A queue was made or deleted.
pub fn queue(action: Action, queue: &NamedQueue) -> Telling {
    of_queue(action.as_str(), queue)
}

/// A queue became ready, or is ready no more, or is paused.
pub fn queue_status(queue: &NamedQueue, status: Readiness) -> Telling {
    of_queue(status.in_events(), queue)
}

/// What a queue's fields were and are; `None` when none was changed that is told of.
pub fn queue_updated<const N: usize>(
    queue: &NamedQueue,
    before: [(&'static str, Value); N],
    after: [(&'static str, Value); N],
) -> Option<Telling> {
    Some(of_queue("updated", queue).with(&changes(before, after)?))
}

fn of_queue(what: &str, queue: &NamedQueue) -> Telling {
    let NamedQueue { id, name, pool } = queue;
    let resource = Resource::of(format!("prefect.work-queue.{id}")).named(name).in_role("work-queue");
    Telling::of(format!("prefect.work-queue.{what}"), resource).relating(pool.resource().in_role("work-pool"))
}

/// `{"updated_fields": […], "updates": {field: {"from": …, "to": …}}}`.
fn changes<const N: usize>(before: [(&str, Value); N], after: [(&str, Value); N]) -> Option<Value> {
    let mut updates = Map::new();
    for ((name, from), (_, to)) in before.into_iter().zip(after) {
        if from != to {
            updates.insert(name.to_owned(), json!({ "from": from, "to": to }));
        }
    }
    let names: Vec<&String> = updates.keys().collect();
    (!updates.is_empty()).then(|| json!({ "updated_fields": names, "updates": updates }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told_of() {
        let before = [("a", json!(1)), ("b", json!({ "x": 1 })), ("c", json!(null))];
        let after = [("a", json!(1)), ("b", json!({ "x": 2 })), ("c", json!("new"))];
        assert_eq!(changes(before.clone(), before.clone()), None);
        let told = changes(before, after).unwrap();
        assert_eq!(told["updated_fields"], json!(["b", "c"]));
        assert_eq!(told["updates"]["b"], json!({ "from": { "x": 1 }, "to": { "x": 2 } }));
    }
}
