//! The channel between a worker and the server (`work_pool_worker_channel.v1`): what is said on it. It carries heartbeats
//! and the pool as it changes; runs are asked for by REST all the same.
//!
//! Both sides refuse what they do not know: a frame with a field too many ends the channel.

use serde::Serialize;
use uuid::Uuid;
use wire::{Errors, Input, Json, RawObject, Time, check};

use crate::WorkQueueId;
use crate::work_pools::WorkPool;

pub const VERSION: &str = "work_pool_worker_channel.v1";
const HEARTBEAT: &str = "worker_heartbeat.v1";
const SNAPSHOT: &str = "work_pool_snapshot.v1";
const CLEANUP: &str = "cleanup_delivery.v1";

/// Why a channel is closed, in the words that workers know, and with which code: after 1008 and 1002 they do not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    AuthorizationFailed,
    UnsupportedVersion,
    ProtocolError,
    HeartbeatPersistenceFailed,
    TransientServerError,
}

impl Closing {
    pub const fn code(self) -> u16 {
        match self {
            Self::AuthorizationFailed | Self::UnsupportedVersion => 1008,
            Self::ProtocolError => 1002,
            Self::HeartbeatPersistenceFailed | Self::TransientServerError => 1011,
        }
    }

    pub const fn reason(self) -> &'static str {
        match self {
            Self::AuthorizationFailed => "authorization_failed",
            Self::UnsupportedVersion => "unsupported_version",
            Self::ProtocolError => "protocol_error",
            Self::HeartbeatPersistenceFailed => "heartbeat_persistence_failed",
            Self::TransientServerError => "transient_server_error",
        }
    }
}

/// What a worker says.
#[derive(Debug)]
pub enum Said {
    /// First. Boxed: it is much larger than the rest.
    Hello(Box<Hello>),
    Heartbeat(Heartbeat),
    /// About a clean-up, of which none was delivered.
    Cleanup {
        frame: Uuid,
        message: Uuid,
        operation: &'static str,
    },
}

/// A worker says who it is and what it can.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct Hello {
    pub consumer_id: Uuid,
    #[input(min_length = 1)]
    pub worker_name: String,
    #[input(min_length = 1)]
    pub worker_type: String,
    #[input(gt = 0)]
    pub heartbeat_interval_seconds: i32,
    #[input(with = some_texts)]
    pub supported_channel_versions: Vec<String>,
    #[input(with = some_texts)]
    pub requested_capabilities: Vec<String>,
    #[input(default, with = texts)]
    pub work_queue_names: Vec<String>,
    #[input(default)]
    pub handled_cleanup_kinds: Vec<CleanupKind>,
    #[input(default, ge = 0)]
    pub max_cleanup_concurrency: i64,
    #[input(default)]
    pub create_pool_if_not_found: bool,
    #[input(default)]
    pub default_base_job_template: RawObject,
    pub worker_metadata: Option<RawObject>,
}

/// What a worker can clean up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Input)]
pub enum CleanupKind {
    #[input(rename = "cancelling_timeout_teardown.v1")]
    CancellingTimeout,
    #[input(rename = "pending_claim_teardown.v1")]
    PendingClaim,
}

/// A worker says that it is there.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct Heartbeat {
    pub consumer_id: Uuid,
    #[input(min_length = 1)]
    pub worker_name: String,
    #[input(gt = 0)]
    pub heartbeat_interval_seconds: i32,
}

#[derive(Debug, Input)]
#[input(forbid_extra)]
struct OfHello {
    #[input(rename = "type")]
    _type: String,
    #[input(rename = "id")]
    _id: Uuid,
    #[input(rename = "sent_at")]
    _sent_at: Time,
    payload: Hello,
}

#[derive(Debug, Input)]
#[input(forbid_extra)]
struct OfHeartbeat {
    #[input(rename = "type")]
    _type: String,
    #[input(rename = "id")]
    _id: Uuid,
    #[input(rename = "sent_at")]
    _sent_at: Time,
    payload: Heartbeat,
}

#[derive(Debug, Input)]
#[input(forbid_extra)]
struct OfCleanup {
    #[input(rename = "type")]
    _type: String,
    id: Uuid,
    #[input(rename = "sent_at")]
    _sent_at: Time,
    payload: Operation,
}

#[derive(Debug, Input)]
#[input(forbid_extra)]
struct Operation {
    message_id: Uuid,
    #[input(rename = "reservation_token", min_length = 1)]
    _reservation_token: String,
    #[input(rename = "reason")]
    _reason: Option<String>,
}

impl Said {
    /// Reads a frame; `None` for what is none, or one that a worker does not send.
    pub fn read(text: &str) -> Option<Said> {
        let frame = wire::json::parse(text.as_bytes()).ok()?;
        let Json::Object(fields) = &frame else { return None };
        let Json::Str(type_) = fields.iter().rev().find(|(name, _)| name == "type").map(|(_, value)| value)? else {
            return None;
        };
        match type_.as_ref() {
            "worker.hello.v1" => {
                let hello = whole::<OfHello>(&frame)?.payload;
                hello.is_consistent().then(|| Said::Hello(Box::new(hello)))
            }
            "worker.heartbeat.v1" => whole::<OfHeartbeat>(&frame).map(|frame| Said::Heartbeat(frame.payload)),
            "cleanup.ack.v1" => cleanup(&frame, "ack"),
            "cleanup.release.v1" => cleanup(&frame, "release"),
            "cleanup.renew.v1" => cleanup(&frame, "renew"),
            _ => None,
        }
    }
}

fn whole<T: Input>(frame: &Json<'_>) -> Option<T> {
    let mut errors = Errors::default();
    T::parse(frame, &mut errors).filter(|_| errors.is_empty())
}

fn cleanup(frame: &Json<'_>, operation: &'static str) -> Option<Said> {
    let OfCleanup { id, payload, .. } = whole(frame)?;
    Some(Said::Cleanup { frame: id, message: payload.message_id, operation })
}

impl Hello {
    /// What is needed is asked for, and nothing about clean-ups without asking for them.
    fn is_consistent(&self) -> bool {
        let asks = |capability: &str| self.requested_capabilities.iter().any(|asked| asked == capability);
        let cleans = !self.handled_cleanup_kinds.is_empty() || self.max_cleanup_concurrency > 0;
        asks(HEARTBEAT) && asks(SNAPSHOT) && (asks(CLEANUP) || !cleans)
    }

    pub fn speaks_our_version(&self) -> bool {
        self.supported_channel_versions.iter().any(|version| version == VERSION)
    }

    /// What it asked for and does not get, each once.
    fn rejected(&self) -> Vec<&str> {
        let mut rejected: Vec<&str> = Vec::new();
        for asked in &self.requested_capabilities {
            let given = [HEARTBEAT, SNAPSHOT].contains(&asked.as_str());
            if !given && !rejected.contains(&asked.as_str()) {
                rejected.push(asked);
            }
        }
        rejected
    }
}

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
        accepted_capabilities: [&'static str; 2],
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
        accepted_capabilities: [HEARTBEAT, SNAPSHOT],
        rejected_capabilities: hello.rejected(),
        effective_max_cleanup_concurrency: 0,
        resolved_work_queues: queues,
        initial_snapshot: Snapshot { snapshot_sequence: 1, reason: "initial", work_pool: pool },
    };
    framed("worker.ready.v1", now, payload)
}

/// The pool as it is now.
pub fn snapshot(sequence: u64, reason: &str, pool: &WorkPool, now: Time) -> String {
    framed("work_pool.snapshot.v1", now, Snapshot { snapshot_sequence: sequence, reason, work_pool: pool })
}

/// The answer to a word about a clean-up where clean-ups are not delivered.
pub fn no_cleanup(frame: Uuid, message: Uuid, operation: &'static str, now: Time) -> String {
    #[derive(Serialize)]
    struct Outcome {
        request_frame_id: Uuid,
        message_id: Uuid,
        operation: &'static str,
        status: &'static str,
        lease_expires_at: Option<Time>,
        reason: &'static str,
        detail: Option<String>,
    }
    let payload = Outcome {
        request_frame_id: frame,
        message_id: message,
        operation,
        status: "unauthorized",
        lease_expires_at: None,
        reason: "cleanup_delivery_not_accepted",
        detail: None,
    };
    framed("cleanup.operation_result.v1", now, payload)
}

/// Texts, none of them empty.
fn texts(value: &Json<'_>, errors: &mut Errors) -> Option<Vec<String>> {
    let texts = Vec::<String>::parse(value, errors)?;
    for text in &texts {
        check::min_length(text, 1, value, errors)?;
    }
    Some(texts)
}

/// At least one, too.
fn some_texts(value: &Json<'_>, errors: &mut Errors) -> Option<Vec<String>> {
    let texts = texts(value, errors)?;
    if texts.is_empty() {
        errors.push("too_short", "List should have at least 1 item after validation, not 0", value);
        return None;
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn hello(changes: Value) -> Option<Said> {
        let mut payload = json!({
            "consumer_id": Uuid::nil(), "worker_name": "w", "worker_type": "process", "heartbeat_interval_seconds": 30,
            "supported_channel_versions": [VERSION], "requested_capabilities": [HEARTBEAT, SNAPSHOT],
        });
        for (name, value) in changes.as_object().unwrap() {
            payload[name] = value.clone();
        }
        let frame = json!({"type": "worker.hello.v1", "id": Uuid::nil(), "sent_at": "2026-01-01T00:00:00Z", "payload": payload});
        Said::read(&frame.to_string())
    }

    #[test]
    fn a_hello_is_whole_or_none() {
        for good in [
            json!({}),
            json!({ "work_queue_names": ["a"], "worker_metadata": {"x": 1}, "create_pool_if_not_found": true }),
            json!({ "requested_capabilities": [HEARTBEAT, SNAPSHOT, CLEANUP], "handled_cleanup_kinds": ["pending_claim_teardown.v1"], "max_cleanup_concurrency": 2 }),
        ] {
            assert!(matches!(hello(good.clone()), Some(Said::Hello(_))), "{good}");
        }
        for bad in [
            json!({ "x": 1 }),
            json!({ "worker_name": "" }),
            json!({ "heartbeat_interval_seconds": 0 }),
            json!({ "supported_channel_versions": [] }),
            json!({ "requested_capabilities": [HEARTBEAT] }),
            json!({ "max_cleanup_concurrency": 1 }),
            json!({ "handled_cleanup_kinds": ["x"] }),
            json!({ "work_queue_names": [""] }),
        ] {
            assert!(hello(bad.clone()).is_none(), "{bad}");
        }
        for text in ["", "[]", "{}", r#"{"type":"worker.ready.v1"}"#, r#"{"type":"worker.hello.v1"}"#] {
            assert!(Said::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_not_given_is_said() {
        let Some(Said::Hello(hello)) =
            hello(json!({ "requested_capabilities": [HEARTBEAT, SNAPSHOT, CLEANUP, "x", "x"] }))
        else {
            panic!("a good hello")
        };
        assert_eq!(hello.rejected(), [CLEANUP, "x"]);
    }
}
