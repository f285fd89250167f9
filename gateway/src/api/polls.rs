//! What goes with a poll of queues and deployments, beside its answer: who was polled is marked so, behind the poller's back.

use domain::pulse::Readiness;
use domain::{DeploymentId, WorkQueueId};
use tenant_store::work_pools::PolledQueue;
use tenant_store::{Lane, Scope, pulse};
use wire::Time;

/// A poll this soon after another one is not marked. Many workers poll one pool, and nobody tells these seconds apart: a
/// queue is ready for a minute after its last poll.
const MARKED_EVERY_MICROS: i64 = 5_000_000;

/// Marks queues as polled, and with them their deployments. Not waited for: the poller's answer does not depend on it.
pub fn of_queues(scope: &Scope, queues: &[PolledQueue]) {
    let now = Time::of_machine();
    if queues.iter().all(|queue| was_just_marked(queue.status, queue.last_polled, now)) {
        return;
    }
    mark(scope.clone(), queues.iter().map(|queue| queue.id).collect());
}

/// The same for one queue.
pub fn of_queue(scope: &Scope, id: WorkQueueId, status: Readiness, last_polled: Option<Time>) {
    if !was_just_marked(status, last_polled, Time::of_machine()) {
        mark(scope.clone(), vec![id]);
    }
}

/// Marks deployments as polled that are served.
pub fn of_deployments(scope: &Scope, deployments: Vec<DeploymentId>) {
    let scope = scope.clone();
    if deployments.is_empty() {
        return;
    }
    tokio::spawn(async move {
        let marked = async { pulse::deployments_polled(scope.write(Lane::Hot).await?, &deployments).await };
        if let Err(error) = marked.await {
            // The next poll marks them.
            tracing::debug!(%error, "a poll was not marked");
        }
    });
}

fn was_just_marked(status: Readiness, last_polled: Option<Time>, now: Time) -> bool {
    let recent = last_polled.is_some_and(|polled| now.micros() - polled.micros() < MARKED_EVERY_MICROS);
    status != Readiness::NotReady && recent
}

fn mark(scope: Scope, queues: Vec<WorkQueueId>) {
    tokio::spawn(async move {
        let marked = async { pulse::queues_polled(scope.write(Lane::Hot).await?, &queues).await };
        if let Err(error) = marked.await {
            // The next poll marks them.
            tracing::debug!(%error, "a poll was not marked");
        }
    });
}
