//! The parts of flow runs and task runs that the rules read and write.
//!
//! These are not the models of the API: those carry more, and the store copies between the two.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Number;
use wire::{RawJson, Time};

use crate::ids::{DeploymentId, FlowRunId, TaskRunId};
use crate::state::State;

/// How a flow run retries, and what the rules remember of its pauses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowRunPolicy {
    /// Of old clients; see [`FlowRunPolicy::normalised`].
    #[serde(deserialize_with = "null_is_default")]
    pub max_retries: i64,
    /// Of old clients, in seconds.
    #[serde(deserialize_with = "null_is_default")]
    pub retry_delay_seconds: f64,
    pub retries: Option<i64>,
    /// Seconds.
    pub retry_delay: Option<i64>,
    /// The pauses that have fired in this attempt.
    pub pause_keys: Option<BTreeSet<String>>,
    /// Left a pause and has not begun to run since: its next RUNNING is no new attempt.
    pub resuming: Option<bool>,
    pub retry_type: Option<RetryType>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryType {
    /// The process that failed begins anew.
    InProcess,
    /// A worker starts another process.
    Reschedule,
}

/// How a task run retries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskRunPolicy {
    /// Of old clients; see [`TaskRunPolicy::normalised`].
    #[serde(deserialize_with = "null_is_default")]
    pub max_retries: i64,
    /// Of old clients, in seconds.
    #[serde(deserialize_with = "null_is_default")]
    pub retry_delay_seconds: f64,
    pub retries: Option<i64>,
    pub retry_delay: Option<RetryDelay>,
    /// How much a delay may stretch, as a fraction of it.
    pub retry_jitter_factor: Option<f64>,
}

/// Seconds before a retry: always the same, or one for each retry, the last repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RetryDelay {
    Always(Number),
    Each(Vec<Number>),
}

impl Default for FlowRunPolicy {
    fn default() -> Self {
        Self {
            max_retries: 0,
            retry_delay_seconds: 0.0,
            retries: None,
            retry_delay: None,
            pause_keys: Some(BTreeSet::new()),
            resuming: Some(false),
            retry_type: None,
        }
    }
}

impl FlowRunPolicy {
    /// With the fields of old clients carried into those that took their place. Whoever parses one calls it.
    pub fn normalised(mut self) -> Self {
        if self.retries.unwrap_or(0) == 0 && self.max_retries != 0 {
            self.retries = Some(self.max_retries);
        }
        if self.retry_delay.unwrap_or(0) == 0 && self.retry_delay_seconds != 0.0 {
            self.retry_delay = Some(self.retry_delay_seconds as i64);
        }
        self
    }

    /// From stored `jsonb`; missing fields take the defaults of a new run.
    pub fn from_stored(json: &RawJson) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Self>(json.text()).map(Self::normalised)
    }

    /// The run begins anew: its pauses may fire again.
    pub fn begin_attempt(&mut self, retry_type: Option<RetryType>) {
        self.resuming = Some(false);
        self.pause_keys = Some(BTreeSet::new());
        self.retry_type = retry_type;
    }
}

impl TaskRunPolicy {
    /// With the fields of old clients carried into those that took their place. Whoever parses one calls it.
    pub fn normalised(mut self) -> Self {
        if self.retries.unwrap_or(0) == 0 && self.max_retries != 0 {
            self.retries = Some(self.max_retries);
        }
        let no_delay = match &self.retry_delay {
            None => true,
            Some(RetryDelay::Always(seconds)) => seconds.as_f64() == Some(0.0),
            Some(RetryDelay::Each(delays)) => delays.is_empty(),
        };
        if no_delay && self.retry_delay_seconds != 0.0 {
            let seconds = self.retry_delay_seconds;
            let whole = (seconds.fract() == 0.0 && seconds.abs() < 1e15).then(|| Number::from(seconds as i64));
            self.retry_delay = whole.or_else(|| Number::from_f64(seconds)).map(RetryDelay::Always);
        }
        self
    }

    pub fn from_stored(json: &RawJson) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Self>(json.text()).map(Self::normalised)
    }

    /// Seconds before the retry that follows the `run_count`-th attempt.
    pub fn delay_after(&self, run_count: i64) -> f64 {
        let seconds = match &self.retry_delay {
            None => return 0.0,
            Some(RetryDelay::Always(seconds)) => Some(seconds),
            // A run that was never counted falls on the last delay, as the reference has it.
            Some(RetryDelay::Each(delays)) => {
                usize::try_from(run_count - 1).ok().and_then(|nth| delays.get(nth)).or_else(|| delays.last())
            }
        };
        seconds.and_then(Number::as_f64).unwrap_or(0.0)
    }
}

fn null_is_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

/// What bookkeeping keeps of every run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The current state; the run's `state_id`, `state_type`, `state_name` and `state_timestamp` are its fields.
    pub state: Option<State>,
    /// How often the run entered RUNNING, resumptions left out.
    pub run_count: i64,
    pub expected_start_time: Option<Time>,
    pub next_scheduled_start_time: Option<Time>,
    pub start_time: Option<Time>,
    pub end_time: Option<Time>,
    /// Microseconds spent in RUNNING states that have ended.
    pub total_run_micros: i64,
}

/// A flow run, as far as the rules go.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowRunCore {
    pub id: FlowRunId,
    pub name: String,
    pub deployment_id: Option<DeploymentId>,
    /// The task run that stands for this run in the run that called it.
    pub parent_task_run_id: Option<TaskRunId>,
    pub infrastructure_pid: Option<String>,
    pub empirical_policy: FlowRunPolicy,
    pub progress: Progress,
}

/// A task run, as far as the rules go.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRunCore {
    pub id: TaskRunId,
    pub flow_run_id: Option<FlowRunId>,
    pub task_key: String,
    pub tags: Vec<String>,
    /// Which attempt of its flow run it last ran in.
    pub flow_run_run_count: i64,
    pub empirical_policy: TaskRunPolicy,
    pub progress: Progress,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
        serde_json::from_str(text).ok()
    }

    #[test]
    fn policies_are_written_as_the_reference_writes_them() {
        assert_eq!(
            serde_json::to_string(&FlowRunPolicy::default()).ok().as_deref(),
            Some(
                r#"{"max_retries":0,"retry_delay_seconds":0.0,"retries":null,"retry_delay":null,"pause_keys":[],"resuming":false,"retry_type":null}"#
            )
        );
        let task = policy::<TaskRunPolicy>(r#"{"retries":2,"retry_delay":[1,2.5],"retry_jitter_factor":0.5}"#);
        assert_eq!(
            serde_json::to_string(&task).ok().as_deref(),
            Some(
                r#"{"max_retries":0,"retry_delay_seconds":0.0,"retries":2,"retry_delay":[1,2.5],"retry_jitter_factor":0.5}"#
            )
        );
    }

    #[test]
    fn fields_of_old_clients_stand_in_for_those_of_new_ones() {
        let flow =
            policy::<FlowRunPolicy>(r#"{"max_retries":3,"retry_delay_seconds":4}"#).map(FlowRunPolicy::normalised);
        assert_eq!(flow.map(|p| (p.retries, p.retry_delay)), Some((Some(3), Some(4))));
        let task = policy::<TaskRunPolicy>(r#"{"max_retries":3,"retries":1,"retry_delay_seconds":0.5}"#)
            .map(TaskRunPolicy::normalised);
        assert_eq!(task.map(|p| (p.retries, p.delay_after(1))), Some((Some(1), 0.5)));
    }

    #[test]
    fn delays_are_taken_in_turn() {
        for (delay, run_count, seconds) in [
            ("null", 1, 0.0),
            ("5", 1, 5.0),
            ("0.25", 9, 0.25),
            ("[1,2,3]", 1, 1.0),
            ("[1,2,3]", 3, 3.0),
            ("[1,2,3]", 9, 3.0),
            ("[1,2,3]", 0, 3.0),
            ("[]", 1, 0.0),
        ] {
            let policy = policy::<TaskRunPolicy>(&format!(r#"{{"retry_delay":{delay}}}"#)).unwrap_or_default();
            assert_eq!(policy.delay_after(run_count), seconds, "{delay} after {run_count}");
        }
    }
}
