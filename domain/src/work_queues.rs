//! Work queues: the lines in which runs wait, each of a work pool.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::{Errors, Input, Json, Output, Patch, Time, check};

use crate::pulse::{POLLED_SECONDS, Readiness};
use crate::stored::Stored;
use crate::work_pools::{bounded, new_limit, not_negative};
use crate::{WorkPoolId, WorkQueueId};

/// A work queue, known by its name in its pool.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct WorkQueue {
    pub id: WorkQueueId,
    pub created: Time,
    pub updated: Time,
    /// The name of the work queue.
    pub name: String,
    /// An optional description for the work queue.
    pub description: Option<String>,
    /// Whether or not the work queue is paused.
    pub is_paused: bool,
    /// An optional concurrency limit for the work queue.
    pub concurrency_limit: Option<i32>,
    /// The queue's priority. Lower values are higher priority (1 is the highest).
    pub priority: i32,
    /// The work pool with which the queue is associated.
    pub work_pool_id: Option<WorkPoolId>,
    /// DEPRECATED: Filter criteria for the work queue.
    pub filter: Option<Stored<QueueFilter>>,
    /// The last time an agent polled this queue for work.
    pub last_polled: Option<Time>,
    /// The name of the work pool the work pool resides within.
    pub work_pool_name: Option<String>,
    /// The queue status.
    pub status: Option<Readiness>,
    /// The number of concurrency slots currently in use. Null without a concurrency limit.
    pub active_slots: Option<i64>,
}

/// Which runs a queue is about, from before there were pools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Input)]
pub struct QueueFilter {
    /// Only include flow runs with these tags in the work queue.
    pub tags: Option<Vec<String>>,
    /// Only include flow runs from these deployments in the work queue.
    pub deployment_ids: Option<Vec<Uuid>>,
}

/// Data used by the Prefect REST API to create a work queue.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct WorkQueueCreate {
    /// The name of the work queue.
    #[input(pattern = "^[^/%&><]+$")]
    pub name: String,
    /// An optional description for the work queue.
    #[input(default = Some(String::new()))]
    pub description: Option<String>,
    /// Whether or not the work queue is paused.
    #[input(default)]
    pub is_paused: bool,
    /// The work queue's concurrency limit.
    #[input(with = not_negative)]
    pub concurrency_limit: Option<i32>,
    /// The queue's priority. Lower values are higher priority (1 is the highest).
    #[input(with = positive)]
    pub priority: Option<i32>,
    /// DEPRECATED: Filter criteria for the work queue.
    pub filter: Option<QueueFilter>,
}

impl WorkQueueCreate {
    /// One with nothing but a name.
    pub fn named(name: String, priority: Option<i32>) -> Self {
        Self {
            name,
            description: Some(String::new()),
            is_paused: false,
            concurrency_limit: None,
            priority,
            filter: None,
        }
    }
}

/// Data used by the Prefect REST API to update a work queue. Null where a column has none is a conflict, as in the
/// reference.
#[derive(Debug, Clone, Default, Input)]
#[input(forbid_extra)]
pub struct WorkQueueUpdate {
    pub name: Patch<Option<String>>,
    pub description: Patch<Option<String>>,
    /// Whether or not the work queue is paused.
    pub is_paused: Patch<bool>,
    #[input(with = new_limit)]
    pub concurrency_limit: Patch<Option<i32>>,
    #[input(with = new_priority)]
    pub priority: Patch<Option<i32>>,
    pub last_polled: Patch<Option<Time>>,
    /// DEPRECATED: Filter criteria for the work queue.
    pub filter: Patch<Option<QueueFilter>>,
}

/// The health of a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct WorkQueueStatusDetail {
    /// Whether or not the work queue is healthy.
    pub healthy: bool,
    /// The number of late flow runs in the work queue.
    pub late_runs_count: i64,
    /// The last time an agent polled this queue for work.
    pub last_polled: Option<Time>,
    /// The policy used to determine whether or not the work queue is healthy.
    pub health_check_policy: WorkQueueHealthPolicy,
}

/// When a queue is healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct WorkQueueHealthPolicy {
    /// The maximum number of late runs in the work queue before it is deemed unhealthy.
    pub maximum_late_runs: i64,
    /// Seconds since the last poll before it is deemed unhealthy.
    pub maximum_seconds_since_last_polled: i64,
}

impl WorkQueueStatusDetail {
    pub fn of(late_runs_count: i64, last_polled: Option<Time>, now: Time) -> Self {
        let policy = WorkQueueHealthPolicy { maximum_late_runs: 0, maximum_seconds_since_last_polled: POLLED_SECONDS };
        let healthy = late_runs_count <= policy.maximum_late_runs && is_recent(last_polled, now);
        Self { healthy, late_runs_count, last_polled, health_check_policy: policy }
    }
}

/// Whether a poll makes its queue ready still.
pub fn is_recent(last_polled: Option<Time>, now: Time) -> bool {
    last_polled.is_some_and(|polled| now.micros() - polled.micros() <= POLLED_SECONDS * 1_000_000)
}

/// What becomes of a queue's status when it is paused or let go on; `None` where it stays.
pub fn after_pause(status: Readiness, paused: bool, last_polled: Option<Time>, now: Time) -> Option<Readiness> {
    match (paused, status) {
        (true, Readiness::Paused) => None,
        (true, _) => Some(Readiness::Paused),
        (false, Readiness::Paused) if is_recent(last_polled, now) => Some(Readiness::Ready),
        (false, Readiness::Paused) => Some(Readiness::NotReady),
        (false, _) => None,
    }
}

/// The priority of a queue that says none: the first that is free.
pub fn free_priority(taken: &[i32]) -> i32 {
    let mut taken = taken.to_vec();
    taken.sort_unstable();
    let gap = (1..).zip(&taken).find(|(rank, priority)| rank != *priority).map(|(rank, _)| rank);
    gap.unwrap_or_else(|| taken.last().copied().unwrap_or(0).max(0).saturating_add(1))
}

/// The priorities that change when one queue is given its own: those at its place and behind move up as far as they must,
/// the others stay (reference: `bulk_update_work_queue_priorities`). `queues` are sorted by priority, the one that was
/// given a priority among them.
pub fn rearranged<K: Copy + PartialEq>(queues: &[(K, i32)], given: Option<(K, i32)>) -> Vec<(K, i32)> {
    let mut line: Vec<(K, i32)> =
        queues.iter().copied().filter(|(key, _)| given.is_none_or(|(k, _)| k != *key)).collect();
    if let Some((key, priority)) = given {
        // Behind all others it is in nobody's way.
        if let Some(at) = line.iter().position(|(_, other)| *other >= priority) {
            line.insert(at, (key, priority));
        }
    }
    let mut last = 0;
    for (_, priority) in &mut line {
        if *priority <= last {
            last += 1;
            *priority = last;
        } else {
            last = *priority;
        }
    }
    line.retain(|entry| !queues.contains(entry));
    line
}

fn positive(value: &Json<'_>, errors: &mut Errors) -> Option<Option<i32>> {
    bounded(value, errors, |n, errors| check::gt(n, 0, value, errors))
}

fn new_priority(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<Option<i32>>> {
    positive(value, errors).map(Patch::Set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_priority_is_taken() {
        for (taken, free) in [(&[][..], 1), (&[1], 2), (&[1, 3], 2), (&[2], 1), (&[3, 1, 2], 4), (&[1, 1], 2)] {
            assert_eq!(free_priority(taken), free, "{taken:?}");
        }
    }

    #[test]
    fn queues_move_as_far_as_they_must() {
        let line = |queues: &[(char, i32)], given: Option<(char, i32)>| rearranged(queues, given);
        // A new second: the old second and third move, the one behind the gap stays.
        let queues = [('a', 1), ('n', 2), ('b', 2), ('c', 3), ('z', 9)];
        assert_eq!(line(&queues, Some(('n', 2))), [('b', 3), ('c', 4)]);
        // Behind everybody.
        assert_eq!(line(&[('a', 1), ('n', 7)], Some(('n', 7))), []);
        // Nobody is given one, and two have the same.
        assert_eq!(line(&[('a', 1), ('b', 1), ('c', 4)], None), [('b', 2)]);
        assert_eq!(line(&[('a', 2), ('b', 5)], None), []);
    }

    #[test]
    fn a_queue_that_goes_on_is_ready_if_it_was_polled_lately() {
        let now = Time::from_micros(1_000_000_000);
        let ago = |seconds: i64| Some(Time::from_micros(now.micros() - seconds * 1_000_000));
        use Readiness as R;
        assert_eq!(after_pause(R::Ready, true, ago(1), now), Some(R::Paused));
        assert_eq!(after_pause(R::Paused, true, ago(1), now), None);
        assert_eq!(after_pause(R::Paused, false, ago(60), now), Some(R::Ready));
        assert_eq!(after_pause(R::Paused, false, ago(61), now), Some(R::NotReady));
        assert_eq!(after_pause(R::Paused, false, None, now), Some(R::NotReady));
        assert_eq!(after_pause(R::NotReady, false, ago(1), now), None);
    }
}
