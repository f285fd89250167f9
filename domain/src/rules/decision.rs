//! What the rules answer: a verdict for the client, a state to write or none, the run as it is afterwards, and what else
//! must be done in the same transaction.

use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use uuid::Uuid;
use wire::{RawJson, Time};

use crate::ids::{FlowRunId, LeaseId, LimitId, StateId, TaskRunId};
use crate::run::TaskRunCore;
use crate::state::State;

/// What became of the proposal.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Verdict {
    #[default]
    Accept,
    /// Another state was written instead, or none and the current one stays.
    Reject { reason: String },
    /// The input given to a paused run does not do, and the run stays as it is. No rule says so, but the API where it
    /// resumes a run; the reference answers it as REJECT with the details of an abort.
    RejectInput { reason: String },
    /// The client shall give up on this run.
    Abort { reason: String },
    /// The client shall ask again after some seconds.
    Wait { delay_seconds: i64, reason: String },
}

impl Verdict {
    /// The protocol's word: `ACCEPT`.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Reject { .. } | Self::RejectInput { .. } => "REJECT",
            Self::Abort { .. } => "ABORT",
            Self::Wait { .. } => "WAIT",
        }
    }
}

/// The `details` of an orchestration result.
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut fields = s.serialize_struct("Details", 3)?;
        match self {
            Self::Accept => fields.serialize_field("type", "accept_details")?,
            Self::Reject { reason } => {
                fields.serialize_field("type", "reject_details")?;
                fields.serialize_field("reason", reason)?;
            }
            Self::Abort { reason } | Self::RejectInput { reason } => {
                fields.serialize_field("type", "abort_details")?;
                fields.serialize_field("reason", reason)?;
            }
            Self::Wait { delay_seconds, reason } => {
                fields.serialize_field("type", "wait_details")?;
                fields.serialize_field("delay_seconds", delay_seconds)?;
                fields.serialize_field("reason", reason)?;
            }
        }
        fields.end()
    }
}

/// The body of the answer to `set_state`.
#[derive(Clone, Debug, PartialEq)]
pub struct OrchestrationResult {
    pub state: Option<State>,
    pub verdict: Verdict,
}

impl Serialize for OrchestrationResult {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut fields = s.serialize_struct("OrchestrationResult", 3)?;
        fields.serialize_field("state", &self.state)?;
        fields.serialize_field("status", self.verdict.status())?;
        fields.serialize_field("details", &self.verdict)?;
        fields.end()
    }
}

/// The outcome of a proposed transition.
///
/// The answer's status is 201 where `written` is there and 200 where it is not: the reference compares the answered
/// state's timestamp with the time the request came in, which is the same, because every state that is written is stamped
/// no earlier than that and every other one was there before.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<R> {
    pub result: OrchestrationResult,
    /// The state before, whatever became of the proposal.
    pub initial: Option<State>,
    /// What to insert; `None` leaves the run in its state.
    pub written: Option<Written>,
    /// The run afterwards, its `progress.state` being the state it is in then.
    pub run: R,
    /// Whether `run` must be stored. True wherever a state is written; rules may also change a run whose transition they
    /// refuse.
    pub run_changed: bool,
    /// To be carried out in this order, in the same transaction.
    pub effects: Vec<Effect>,
    /// Whether this change of state is told as an event (see [`event`](super::event)).
    pub announced: bool,
}

impl<R> Decision<R> {
    /// Whether the transaction has nothing to write at all.
    pub fn changes_nothing(&self) -> bool {
        self.written.is_none() && !self.run_changed && self.effects.is_empty()
    }
}

/// A state to insert.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// As it is stored. Its `data` differs from the answered one where the result is not to be kept.
    pub state: State,
    /// The artifact that holds `state.data`, where there is any; the reference keeps results there.
    pub artifact: Option<ResultArtifact>,
}

/// The artifact of a result. `data` is the written state's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultArtifact {
    pub flow_run_id: Option<FlowRunId>,
    pub task_run_id: Option<TaskRunId>,
    pub key: Option<String>,
    pub type_: Option<String>,
    pub description: Option<String>,
}

/// What else a transition does.
///
/// A lease that a [`Effect::Release`] names may be gone. Then whoever removed it has given its slots back, and nothing is
/// left to do: slots are given back with their lease, never by guess. The reference, which keeps leases in memory and
/// loses them, takes a slot off the deployment's limit in that case, and so frees one that another run has taken since.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Take a slot of each limit and insert the lease that holds them. The rules have seen that there is room.
    Secure(NewLease),
    /// The lease ends that much later than now.
    Renew { lease: LeaseId, ttl: Duration },
    /// The lease ends with the run and not before, because the client will not renew it. (The reference drops the lease
    /// and keeps the slot.)
    Hold { lease: LeaseId },
    /// Delete the lease and give its slots back.
    Release { lease: LeaseId },
    /// Give back slots that no lease tells of, as many as there are: who holds a lease keeps its slots.
    GiveBack { limit: LimitId, slots: i64 },
    /// Delete the run's inputs of these keys.
    ForgetInputs { keys: Vec<String> },
    /// Insert a cache entry for the written state.
    Cache { key: String, expiration: Option<Time>, state: StateId },
    /// Offer the run to the task workers that wait for this key; `retry` puts it before those that are new.
    Offer { run: TaskRunId, task_key: String, retry: bool },
    /// Carry out the decision about another run.
    Task(Box<Decision<TaskRunCore>>),
}

/// How long a slot is held for whoever cannot renew a lease: the reference's hundred years.
pub const HELD_FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);

#[derive(Clone, Debug, PartialEq)]
pub struct NewLease {
    pub id: LeaseId,
    pub limits: Vec<LimitId>,
    /// Slots of each limit.
    pub slots: i64,
    pub ttl: Duration,
    pub holder: Option<Holder>,
}

/// Whose lease it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    FlowRun(FlowRunId),
    TaskRun(TaskRunId),
}

impl Holder {
    /// The protocol's word for the kind: `flow_run`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::FlowRun(_) => "flow_run",
            Self::TaskRun(_) => "task_run",
        }
    }

    pub fn id(&self) -> Uuid {
        match self {
            Self::FlowRun(id) => id.0,
            Self::TaskRun(id) => id.0,
        }
    }
}

/// What a state's data says of the result it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResultData {
    /// No data, or data that Python takes for false.
    Nothing,
    /// Data that is no description of a result.
    Plain,
    /// A description of a result that is kept somewhere.
    Persisted,
    /// A description of a result that was never kept.
    Unpersisted,
}

impl ResultData {
    pub(super) fn of(data: Option<&RawJson>) -> Self {
        let Some(data) = data else { return Self::Nothing };
        let text = data.text().trim();
        if matches!(text, "null" | "false" | "\"\"") {
            return Self::Nothing;
        }
        if let Some(items) = text.strip_prefix('[') {
            return if items.trim_start().starts_with(']') { Self::Nothing } else { Self::Plain };
        }
        if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return if text.parse() == Ok(0.0) { Self::Nothing } else { Self::Plain };
        }
        let Some(fields) = text.strip_prefix('{') else { return Self::Plain };
        if fields.trim_start().starts_with('}') {
            return Self::Nothing;
        }
        match is_unpersisted(data) {
            true => Self::Unpersisted,
            false => Self::Persisted,
        }
    }
}

/// Whether data is of the kind that is shown once and never stored: an object of type `unpersisted`.
pub(super) fn is_unpersisted(data: &RawJson) -> bool {
    #[derive(serde::Deserialize)]
    struct Tagged<'a> {
        #[serde(borrow, rename = "type")]
        type_: Option<&'a serde_json::value::RawValue>,
    }
    let tagged: Result<Tagged<'_>, _> = serde_json::from_str(data.text());
    data.text().trim_start().starts_with('{')
        && tagged.is_ok_and(|t| {
            t.type_.is_some_and(|t| serde_json::from_str::<String>(t.get()).is_ok_and(|t| t == "unpersisted"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_apart() {
        for (text, expected) in [
            ("null", ResultData::Nothing),
            ("0", ResultData::Nothing),
            ("-0.0", ResultData::Nothing),
            ("\"\"", ResultData::Nothing),
            ("[ ]", ResultData::Nothing),
            ("{ }", ResultData::Nothing),
            ("1", ResultData::Plain),
            ("true", ResultData::Plain),
            ("\"x\"", ResultData::Plain),
            ("[0]", ResultData::Plain),
            (r#"{"type":"unpersisted"}"#, ResultData::Unpersisted),
            (r#"{"type":"reference","a":{"type":"unpersisted"}}"#, ResultData::Persisted),
            (r#"{"a":1}"#, ResultData::Persisted),
            (r#"{"type":["unpersisted"]}"#, ResultData::Persisted),
        ] {
            assert_eq!(ResultData::of(RawJson::from_text(text.into()).as_ref()), expected, "{text}");
        }
        assert_eq!(ResultData::of(None), ResultData::Nothing);
    }

    #[test]
    fn answers_are_written_as_the_reference_writes_them() {
        for (verdict, expected) in [
            (Verdict::Accept, r#"{"state":null,"status":"ACCEPT","details":{"type":"accept_details"}}"#),
            (
                Verdict::Reject { reason: "r".into() },
                r#"{"state":null,"status":"REJECT","details":{"type":"reject_details","reason":"r"}}"#,
            ),
            (
                Verdict::RejectInput { reason: "r".into() },
                r#"{"state":null,"status":"REJECT","details":{"type":"abort_details","reason":"r"}}"#,
            ),
            (
                Verdict::Abort { reason: "r".into() },
                r#"{"state":null,"status":"ABORT","details":{"type":"abort_details","reason":"r"}}"#,
            ),
            (
                Verdict::Wait { delay_seconds: 3, reason: "r".into() },
                r#"{"state":null,"status":"WAIT","details":{"type":"wait_details","delay_seconds":3,"reason":"r"}}"#,
            ),
        ] {
            let result = OrchestrationResult { state: None, verdict };
            assert_eq!(serde_json::to_string(&result).ok().as_deref(), Some(expected));
        }
    }
}
