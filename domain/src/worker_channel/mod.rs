//! The channel between a worker and the server (`work_pool_worker_channel.v1`): what a worker says on it, and what it is
//! told ([`frames`]). It carries heartbeats, the pool as it changes, and clean-ups; runs are asked for by REST all the same.
//!
//! Both sides refuse what they do not know: a frame with a field too many ends the channel.

pub mod frames;

use uuid::Uuid;
use wire::{Errors, Input, Json, Patch, RawObject, Time, check};

use crate::cleanups::{CleanupKind, Operation};

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
    /// About a clean-up.
    Cleanup(Word),
}

/// What a worker says of a clean-up that it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The frame that says it.
    pub frame: Uuid,
    pub message: Uuid,
    pub token: String,
    pub operation: Operation,
    /// Why it is released.
    pub reason: Option<String>,
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
    #[input(with = concurrency)]
    max_cleanup_concurrency: Patch<i64>,
    #[input(default)]
    pub create_pool_if_not_found: bool,
    #[input(default)]
    pub default_base_job_template: RawObject,
    pub worker_metadata: Option<RawObject>,
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
    payload: Reserved,
}

#[derive(Debug, Input)]
#[input(forbid_extra)]
struct Reserved {
    message_id: Uuid,
    #[input(min_length = 1)]
    reservation_token: String,
}

#[derive(Debug, Input)]
#[input(forbid_extra)]
struct OfRelease {
    #[input(rename = "type")]
    _type: String,
    id: Uuid,
    #[input(rename = "sent_at")]
    _sent_at: Time,
    payload: Released,
}

#[derive(Debug, Input)]
#[input(forbid_extra)]
struct Released {
    message_id: Uuid,
    #[input(min_length = 1)]
    reservation_token: String,
    #[input(min_length = 1)]
    reason: String,
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
            "cleanup.ack.v1" => of_cleanup(&frame, Operation::Ack),
            "cleanup.renew.v1" => of_cleanup(&frame, Operation::Renew),
            "cleanup.release.v1" => of_release(&frame),
            _ => None,
        }
    }
}

fn whole<T: Input>(frame: &Json<'_>) -> Option<T> {
    let mut errors = Errors::default();
    T::parse(frame, &mut errors).filter(|_| errors.is_empty())
}

fn of_cleanup(frame: &Json<'_>, operation: Operation) -> Option<Said> {
    let OfCleanup { id, payload: Reserved { message_id, reservation_token }, .. } = whole(frame)?;
    Some(Said::Cleanup(Word { frame: id, message: message_id, token: reservation_token, operation, reason: None }))
}

fn of_release(frame: &Json<'_>) -> Option<Said> {
    let OfRelease { id, payload: Released { message_id, reservation_token, reason }, .. } = whole(frame)?;
    let (operation, reason) = (Operation::Release, Some(reason));
    Some(Said::Cleanup(Word { frame: id, message: message_id, token: reservation_token, operation, reason }))
}

impl Hello {
    /// What is needed is asked for, and nothing about clean-ups without asking for them.
    fn is_consistent(&self) -> bool {
        let cleans = !self.handled_cleanup_kinds.is_empty() || self.max_cleanup_concurrency() > 0;
        self.asks_for(HEARTBEAT) && self.asks_for(SNAPSHOT) && (self.asks_for(CLEANUP) || !cleans)
    }

    fn asks_for(&self, capability: &str) -> bool {
        self.requested_capabilities.iter().any(|asked| asked == capability)
    }

    /// How many clean-ups it takes at once. Who does not say, and handles some, takes one.
    fn max_cleanup_concurrency(&self) -> i64 {
        let handles = self.asks_for(CLEANUP) && !self.handled_cleanup_kinds.is_empty();
        self.max_cleanup_concurrency.value().copied().unwrap_or(i64::from(handles))
    }

    /// How many clean-ups are delivered to it at once; 0 where it wants none.
    pub fn cleanups(&self) -> i64 {
        let wants = self.asks_for(CLEANUP) && !self.handled_cleanup_kinds.is_empty();
        if wants { self.max_cleanup_concurrency() } else { 0 }
    }

    pub fn speaks_our_version(&self) -> bool {
        self.supported_channel_versions.iter().any(|version| version == VERSION)
    }

    /// What it gets.
    fn accepted(&self) -> Vec<&'static str> {
        let cleanup = (self.cleanups() > 0).then_some(CLEANUP);
        [HEARTBEAT, SNAPSHOT].into_iter().chain(cleanup).collect()
    }

    /// What it asked for and does not get, each once.
    fn rejected(&self) -> Vec<&str> {
        let accepted = self.accepted();
        let mut rejected: Vec<&str> = Vec::new();
        for asked in &self.requested_capabilities {
            if !accepted.contains(&asked.as_str()) && !rejected.contains(&asked.as_str()) {
                rejected.push(asked);
            }
        }
        rejected
    }
}

/// A number of clean-ups.
fn concurrency(value: &Json<'_>, errors: &mut Errors) -> Option<Patch<i64>> {
    let number = i64::parse(value, errors)?;
    check::ge(&number, 0, value, errors)?;
    Some(Patch::Set(number))
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

    fn asking(changes: Value) -> Hello {
        match hello(changes) {
            Some(Said::Hello(hello)) => *hello,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_given_is_said() {
        let asks = json!([HEARTBEAT, SNAPSHOT, CLEANUP, "x", "x"]);
        let kinds = json!(["cancelling_timeout_teardown.v1"]);
        for (changes, cleanups, rejected) in [
            (json!({ "requested_capabilities": asks }), 0, vec![CLEANUP, "x"]),
            (json!({ "requested_capabilities": asks, "handled_cleanup_kinds": kinds }), 1, vec!["x"]),
            (
                json!({ "requested_capabilities": asks, "handled_cleanup_kinds": kinds, "max_cleanup_concurrency": 4 }),
                4,
                vec!["x"],
            ),
            (
                json!({ "requested_capabilities": asks, "handled_cleanup_kinds": kinds, "max_cleanup_concurrency": 0 }),
                0,
                vec![CLEANUP, "x"],
            ),
            (json!({ "requested_capabilities": asks, "max_cleanup_concurrency": 4 }), 0, vec![CLEANUP, "x"]),
        ] {
            let hello = asking(changes.clone());
            assert_eq!((hello.cleanups(), hello.rejected()), (cleanups, rejected), "{changes}");
        }
    }

    #[test]
    fn a_word_on_a_clean_up_is_whole_or_none() {
        let said = |type_: &str, payload: Value| {
            let frame =
                json!({"type": type_, "id": Uuid::nil(), "sent_at": "2026-01-01T00:00:00Z", "payload": payload});
            Said::read(&frame.to_string())
        };
        let reserved = json!({ "message_id": Uuid::nil(), "reservation_token": "t" });
        let mut released = reserved.clone();
        released["reason"] = json!("r");
        for (type_, operation) in [("cleanup.ack.v1", Operation::Ack), ("cleanup.renew.v1", Operation::Renew)] {
            let Some(Said::Cleanup(word)) = said(type_, reserved.clone()) else { panic!("{type_}") };
            assert_eq!((word.operation, word.token.as_str(), word.reason), (operation, "t", None));
            assert!(said(type_, released.clone()).is_none(), "{type_} has no reason");
        }
        let Some(Said::Cleanup(word)) = said("cleanup.release.v1", released) else { panic!("a release") };
        assert_eq!((word.operation, word.reason.as_deref()), (Operation::Release, Some("r")));
        assert!(said("cleanup.release.v1", reserved).is_none(), "a release has a reason");
        assert!(said("cleanup.ack.v1", json!({ "message_id": Uuid::nil(), "reservation_token": "" })).is_none());
    }
}
