//! What a worker is told by its channel.

use serde::Serialize;
use uuid::Uuid;
use wire::{RawObject, Time};

use super::{Hello, VERSION, Word};
use crate::WorkQueueId;
use crate::cleanups::{Became, Reservation};
use crate::work_pools::WorkPool;

/// A queue that a worker takes runs from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResolvedWorkQueue {
    pub id: WorkQueueId,
    pub name: String,
}

#[derive(Serialize)]
struct Frame<P> {
    r#type: &'static str,
    id: Uuid,
    sent_at: Time,
    payload: P,
}

fn framed(type_: &'static str, sent_at: Time, payload: impl Serialize) -> String {
    let frame = Frame { r#type: type_, id: crate::EventId::new(sent_at).0, sent_at, payload };
    // Plain data.
    serde_json::to_string(&frame).unwrap_or_default()
}

#[derive(Serialize)]
struct Snapshot<'a> {
    snapshot_sequence: u64,
    reason: &'a str,
    work_pool: &'a WorkPool,
}

/// The answer to a hello.
pub fn ready(hello: &Hello, queues: &[ResolvedWorkQueue], pool: &WorkPool, now: Time) -> String {
    #[derive(Serialize)]
    struct Ready<'a> {
        consumer_id: Uuid,
        worker_id: Option<Uuid>,
        selected_channel_version: &'static str,
        effective_heartbeat_interval_seconds: i32,
        accepted_capabilities: Vec<&'static str>,
        rejected_capabilities: Vec<&'a str>,
        effective_max_cleanup_concurrency: i64,
        resolved_work_queues: &'a [ResolvedWorkQueue],
        initial_snapshot: Snapshot<'a>,
    }
    let payload = Ready {
        consumer_id: hello.consumer_id,
        worker_id: None,
        selected_channel_version: VERSION,
        effective_heartbeat_interval_seconds: hello.heartbeat_interval_seconds,
        accepted_capabilities: hello.accepted(),
        rejected_capabilities: hello.rejected(),
        effective_max_cleanup_concurrency: hello.cleanups(),
        resolved_work_queues: queues,
        initial_snapshot: Snapshot { snapshot_sequence: 1, reason: "initial", work_pool: pool },
    };
    framed("worker.ready.v1", now, payload)
}

/// The pool as it is now.
pub fn snapshot(sequence: u64, reason: &str, pool: &WorkPool, now: Time) -> String {
    framed("work_pool.snapshot.v1", now, Snapshot { snapshot_sequence: sequence, reason, work_pool: pool })
}

/// A clean-up is delivered.
pub fn cleanup(reservation: &Reservation, now: Time) -> String {
    #[derive(Serialize)]
    struct Message<'a> {
        message_id: Uuid,
        kind: &'static str,
        reservation_token: &'a str,
        lease_expires_at: Time,
        delivery_count: i32,
        work_queue_id: Option<WorkQueueId>,
        target: &'a RawObject,
        data: RawObject,
    }
    let payload = Message {
        message_id: reservation.message_id,
        kind: reservation.kind.name(),
        reservation_token: &reservation.token,
        lease_expires_at: reservation.lease_expires_at,
        delivery_count: reservation.deliveries,
        work_queue_id: reservation.work_queue_id,
        target: &reservation.target,
        data: RawObject::default(),
    };
    framed("cleanup.message.v1", now, payload)
}

/// The answer to a word about a clean-up; where it was renewed, with its new end.
pub fn cleanup_result(word: &Word, became: Became, lease_expires_at: Option<Time>, now: Time) -> String {
    #[derive(Serialize)]
    struct Outcome {
        request_frame_id: Uuid,
        message_id: Uuid,
        operation: &'static str,
        status: &'static str,
        lease_expires_at: Option<Time>,
        reason: Option<&'static str>,
        detail: Option<String>,
    }
    let (status, reason) = became.told();
    let payload = Outcome {
        request_frame_id: word.frame,
        message_id: word.message,
        operation: word.operation.name(),
        status,
        lease_expires_at,
        reason,
        detail: None,
    };
    framed("cleanup.operation_result.v1", now, payload)
}
