//! The states of flow runs and task runs: their types, their details, and the named states that the rules make.
//!
//! [`State`] serialises to the reference's JSON, field for field in its order. It is a value: nothing here reads a clock
//! or makes an id, both are handed in.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;
use wire::{RawJson, Time};

use crate::ids::{FlowRunId, LeaseId, StateId, TaskRunId};

/// What a state means to the rules. The discriminant is the `smallint` of the column, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, wire::Input)]
#[serde(rename_all = "UPPERCASE")]
#[repr(i16)]
pub enum StateType {
    Scheduled = 0,
    Pending = 1,
    Running = 2,
    Completed = 3,
    Failed = 4,
    Cancelled = 5,
    Crashed = 6,
    Paused = 7,
    Cancelling = 8,
}

impl StateType {
    /// All of them, in the reference's order; the position is the column's number.
    pub const ALL: [StateType; 9] = [
        Self::Scheduled,
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Crashed,
        Self::Paused,
        Self::Cancelling,
    ];

    /// The states a run ends in.
    pub const TERMINAL: [StateType; 4] = [Self::Completed, Self::Cancelled, Self::Failed, Self::Crashed];

    /// The column's number.
    pub const fn number(self) -> i16 {
        self as i16
    }

    pub fn from_number(number: i16) -> Option<Self> {
        usize::try_from(number).ok().and_then(|n| Self::ALL.get(n)).copied()
    }

    /// As the protocol writes it: `SCHEDULED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Crashed => "CRASHED",
            Self::Paused => "PAUSED",
            Self::Cancelling => "CANCELLING",
        }
    }

    /// The name of a state that was given none: `Scheduled`.
    pub const fn default_name(self) -> &'static str {
        match self {
            Self::Scheduled => names::SCHEDULED,
            Self::Pending => names::PENDING,
            Self::Running => names::RUNNING,
            Self::Completed => names::COMPLETED,
            Self::Failed => names::FAILED,
            Self::Cancelled => names::CANCELLED,
            Self::Crashed => names::CRASHED,
            Self::Paused => names::PAUSED,
            Self::Cancelling => names::CANCELLING,
        }
    }

    /// Whether a run in such a state has ended.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed | Self::Crashed)
    }
}

impl fmt::Display for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StateType {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|t| t.as_str() == text).ok_or(())
    }
}

/// Names of states that somebody looks for: the SDK, the UI, automations or the rules themselves.
pub mod names {
    pub const SCHEDULED: &str = "Scheduled";
    pub const PENDING: &str = "Pending";
    pub const RUNNING: &str = "Running";
    pub const COMPLETED: &str = "Completed";
    pub const FAILED: &str = "Failed";
    pub const CANCELLED: &str = "Cancelled";
    pub const CRASHED: &str = "Crashed";
    pub const PAUSED: &str = "Paused";
    pub const CANCELLING: &str = "Cancelling";
    pub const LATE: &str = "Late";
    pub const AWAITING_RETRY: &str = "AwaitingRetry";
    pub const AWAITING_CONCURRENCY_SLOT: &str = "AwaitingConcurrencySlot";
    pub const RETRYING: &str = "Retrying";
    pub const RERUNNING: &str = "Rerunning";
    pub const NOT_READY: &str = "NotReady";
    pub const RESUMING: &str = "Resuming";
    pub const SUSPENDED: &str = "Suspended";
    pub const SUBMITTING: &str = "Submitting";
    pub const INFRASTRUCTURE_PENDING: &str = "InfrastructurePending";
    pub const CACHED: &str = "Cached";
}

/// What rules and clients write beside a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, wire::Input)]
#[serde(default)]
pub struct StateDetails {
    pub flow_run_id: Option<FlowRunId>,
    pub task_run_id: Option<TaskRunId>,
    /// For a task run that stands for a subflow: the run of the subflow.
    pub child_flow_run_id: Option<FlowRunId>,
    pub scheduled_time: Option<Time>,
    pub cache_key: Option<String>,
    pub cache_expiration: Option<Time>,
    /// A task run that waits for a task worker.
    #[input(default = Some(false))]
    pub deferred: Option<bool>,
    #[serde(deserialize_with = "null_is_default")]
    #[input(default)]
    pub untrackable_result: bool,
    pub pause_timeout: Option<Time>,
    /// The process ends at the pause, and the run is scheduled anew when it resumes.
    #[serde(deserialize_with = "null_is_default")]
    #[input(default)]
    pub pause_reschedule: bool,
    pub pause_key: Option<String>,
    pub run_input_keyset: Option<BTreeMap<String, String>>,
    pub refresh_cache: Option<bool>,
    pub retriable: Option<bool>,
    pub transition_id: Option<Uuid>,
    pub task_parameters_id: Option<Uuid>,
    /// W3C trace context of the span the state was made in.
    pub traceparent: Option<String>,
    /// The lease that holds the run's slot of its deployment's concurrency limit.
    pub deployment_concurrency_lease_id: Option<LeaseId>,
}

impl Default for StateDetails {
    fn default() -> Self {
        Self {
            flow_run_id: None,
            task_run_id: None,
            child_flow_run_id: None,
            scheduled_time: None,
            cache_key: None,
            cache_expiration: None,
            deferred: Some(false),
            untrackable_result: false,
            pause_timeout: None,
            pause_reschedule: false,
            pause_key: None,
            run_input_keyset: None,
            refresh_cache: None,
            retriable: None,
            transition_id: None,
            task_parameters_id: None,
            traceparent: None,
            deployment_concurrency_lease_id: None,
        }
    }
}

impl StateDetails {
    /// From stored `jsonb`. Missing fields take their defaults and unknown ones are passed over, so that rows of the next
    /// version can be read; a field of the wrong type is an error.
    pub fn from_stored(json: &RawJson) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json.text())
    }
}

fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

/// A state of a run. `name` is never empty of meaning: whoever makes one gives it at least its type's default name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, wire::Output)]
pub struct State {
    pub id: StateId,
    #[serde(rename = "type")]
    #[input(rename = "type")]
    pub type_: StateType,
    pub name: Option<String>,
    pub timestamp: Time,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default, deserialize_with = "data_from_stored")]
    pub data: Option<RawJson>,
    #[serde(default)]
    pub state_details: StateDetails,
}

fn data_from_stored<'de, D: Deserializer<'de>>(d: D) -> Result<Option<RawJson>, D::Error> {
    let raw = Option::<Box<serde_json::value::RawValue>>::deserialize(d)?;
    Ok(raw.and_then(|raw| RawJson::from_text(raw.get().to_owned())))
}

impl State {
    /// A state of a type under its default name. A SCHEDULED one is due at once until [`State::due`] says otherwise.
    pub fn new(id: StateId, type_: StateType, now: Time) -> Self {
        let scheduled_time = (type_ == StateType::Scheduled).then_some(now);
        Self {
            id,
            type_,
            name: Some(type_.default_name().to_owned()),
            timestamp: now,
            message: None,
            data: None,
            state_details: StateDetails { scheduled_time, ..StateDetails::default() },
        }
    }

    /// The state a client proposes: what it sent, with the defaults of its type. Name and due time are filled in here, the
    /// timestamp is ours whatever the client thinks of the time, and data of `null` is no data.
    pub fn proposed(
        id: StateId,
        now: Time,
        type_: StateType,
        name: Option<String>,
        message: Option<String>,
        data: Option<RawJson>,
        mut state_details: StateDetails,
    ) -> Self {
        if type_ == StateType::Scheduled {
            state_details.scheduled_time.get_or_insert(now);
        }
        let name = Some(name.unwrap_or_else(|| type_.default_name().to_owned()));
        let data = data.filter(|data| !data.is_null());
        Self { id, type_, name, timestamp: now, message, data, state_details }
    }

    /// From stored JSON of the whole state.
    pub fn from_stored(json: &RawJson) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json.text())
    }

    pub fn scheduled(id: StateId, now: Time, due: Time) -> Self {
        Self::new(id, StateType::Scheduled, now).due(due)
    }

    pub fn late(id: StateId, now: Time, due: Time) -> Self {
        Self::scheduled(id, now, due).named(names::LATE)
    }

    pub fn awaiting_retry(id: StateId, now: Time, due: Time) -> Self {
        Self::scheduled(id, now, due).named(names::AWAITING_RETRY)
    }

    pub fn awaiting_concurrency_slot(id: StateId, now: Time, due: Time) -> Self {
        Self::scheduled(id, now, due).named(names::AWAITING_CONCURRENCY_SLOT)
    }

    pub fn pending(id: StateId, now: Time) -> Self {
        Self::new(id, StateType::Pending, now)
    }

    pub fn submitting(id: StateId, now: Time) -> Self {
        Self::pending(id, now).named(names::SUBMITTING)
    }

    pub fn infrastructure_pending(id: StateId, now: Time) -> Self {
        Self::pending(id, now).named(names::INFRASTRUCTURE_PENDING)
    }

    pub fn running(id: StateId, now: Time) -> Self {
        Self::new(id, StateType::Running, now)
    }

    pub fn retrying(id: StateId, now: Time) -> Self {
        Self::running(id, now).named(names::RETRYING)
    }

    pub fn completed(id: StateId, now: Time) -> Self {
        Self::new(id, StateType::Completed, now)
    }

    pub fn failed(id: StateId, now: Time) -> Self {
        Self::new(id, StateType::Failed, now)
    }

    pub fn crashed(id: StateId, now: Time) -> Self {
        Self::new(id, StateType::Crashed, now)
    }

    pub fn cancelling(id: StateId, now: Time) -> Self {
        Self::new(id, StateType::Cancelling, now)
    }

    pub fn cancelled(id: StateId, now: Time) -> Self {
        Self::new(id, StateType::Cancelled, now)
    }

    /// A pause in process, until `expires` if that is given.
    pub fn paused(id: StateId, now: Time, expires: Option<Time>, key: Option<String>) -> Self {
        let mut state = Self::new(id, StateType::Paused, now);
        state.state_details.pause_timeout = expires;
        state.state_details.pause_key = key;
        state
    }

    /// A pause that ends the process; resuming schedules the run anew.
    pub fn suspended(id: StateId, now: Time, expires: Option<Time>, key: Option<String>) -> Self {
        let mut state = Self::paused(id, now, expires, key).named(names::SUSPENDED);
        state.state_details.pause_reschedule = true;
        state
    }

    /// The same state under a name.
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The same state with a message.
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same state, due at a time.
    pub fn due(mut self, time: Time) -> Self {
        self.state_details.scheduled_time = Some(time);
        self
    }

    /// The name, or the type's when it has none.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.type_.default_name())
    }

    pub fn is_scheduled(&self) -> bool {
        self.type_ == StateType::Scheduled
    }

    pub fn is_pending(&self) -> bool {
        self.type_ == StateType::Pending
    }

    pub fn is_running(&self) -> bool {
        self.type_ == StateType::Running
    }

    pub fn is_completed(&self) -> bool {
        self.type_ == StateType::Completed
    }

    pub fn is_failed(&self) -> bool {
        self.type_ == StateType::Failed
    }

    pub fn is_crashed(&self) -> bool {
        self.type_ == StateType::Crashed
    }

    pub fn is_cancelled(&self) -> bool {
        self.type_ == StateType::Cancelled
    }

    pub fn is_cancelling(&self) -> bool {
        self.type_ == StateType::Cancelling
    }

    pub fn is_paused(&self) -> bool {
        self.type_ == StateType::Paused
    }

    pub fn is_final(&self) -> bool {
        self.type_.is_final()
    }
}

#[cfg(feature = "sql")]
mod sql {
    use super::StateType;
    use bytes::BytesMut;
    use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
    use std::error::Error;

    impl ToSql for StateType {
        fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
            self.number().to_sql(ty, out)
        }
        accepts!(INT2);
        to_sql_checked!();
    }

    impl<'a> FromSql<'a> for StateType {
        fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
            StateType::from_number(i16::from_sql(ty, raw)?).ok_or_else(|| "unknown state type".into())
        }
        accepts!(INT2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> StateId {
        StateId(Uuid::from_u128(1))
    }

    #[test]
    fn numbers_and_names_of_types_go_both_ways() {
        for (n, t) in StateType::ALL.into_iter().enumerate() {
            assert_eq!(StateType::from_number(t.number()), Some(t));
            assert_eq!(t.number() as usize, n);
            assert_eq!(t.as_str().parse(), Ok(t));
            assert_eq!(t.is_final(), StateType::TERMINAL.contains(&t));
            assert_eq!(serde_json::to_value(t).ok(), Some(t.as_str().into()));
            assert_eq!(t.default_name().to_uppercase(), t.as_str());
        }
        assert_eq!(StateType::from_number(9), None);
        assert_eq!(StateType::from_number(-1), None);
    }

    #[test]
    fn a_state_is_written_as_the_reference_writes_it() {
        let state = State::completed(id(), Time::from_micros(0)).saying("hi");
        let text = serde_json::to_string(&state).unwrap_or_default();
        assert_eq!(
            text,
            concat!(
                r#"{"id":"00000000-0000-0000-0000-000000000001","type":"COMPLETED","name":"Completed","timestamp":"1970-01-01T00:00:00Z","#,
                r#""message":"hi","data":null,"state_details":{"flow_run_id":null,"task_run_id":null,"child_flow_run_id":null,"#,
                r#""scheduled_time":null,"cache_key":null,"cache_expiration":null,"deferred":false,"untrackable_result":false,"#,
                r#""pause_timeout":null,"pause_reschedule":false,"pause_key":null,"run_input_keyset":null,"refresh_cache":null,"#,
                r#""retriable":null,"transition_id":null,"task_parameters_id":null,"traceparent":null,"deployment_concurrency_lease_id":null}}"#
            )
        );
    }

    #[test]
    fn a_state_comes_back_from_its_json() {
        let mut state = State::suspended(id(), Time::from_micros(5), Some(Time::from_micros(9)), Some("k".into()));
        state.data = RawJson::from_text(r#"{"b":1,"a":[2]}"#.into());
        assert_eq!(State::from_stored(&RawJson::of(&state)).ok(), Some(state));
    }

    #[test]
    fn stored_details_are_read_leniently() {
        let read = |text: &str| RawJson::from_text(text.into()).and_then(|raw| StateDetails::from_stored(&raw).ok());
        assert_eq!(read("{}"), Some(StateDetails::default()));
        assert_eq!(read(r#"{"pause_reschedule":null,"of_the_future":1}"#), Some(StateDetails::default()));
        assert_eq!(read(r#"{"deferred":null}"#).and_then(|d| d.deferred), None);
        assert_eq!(read(r#"{"scheduled_time":"yesterday"}"#), None);
    }
}
