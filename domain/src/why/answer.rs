//! What is answered.

use serde::Serialize;
use uuid::Uuid;
use wire::{Output, Time};

use crate::state::StateType;
use crate::{FlowRunId, TaskRunId};

/// Holders of slots that one reason names; `slots_taken` counts all.
pub const HOLDERS_SHOWN: i64 = 20;

/// Why a flow run does not run yet, or what it does instead.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct FlowRunWhy {
    pub flow_run_id: FlowRunId,
    pub name: String,
    pub state_type: Option<StateType>,
    pub state_name: Option<String>,
    /// When it entered its state.
    pub since: Option<Time>,
    pub seconds_in_state: Option<f64>,
    pub expected_start_time: Option<Time>,
    pub next_scheduled_start_time: Option<Time>,
    /// Seconds that it began behind its time, or is behind it now.
    pub seconds_late: f64,
    /// The code of the first reason that keeps it from starting; null when none does.
    pub waits_for: Option<ReasonCode>,
    /// The most important reason, as a sentence.
    pub summary: String,
    /// What must go first comes first.
    pub reasons: Vec<Reason>,
}

/// One thing that keeps the run from starting, or that is good to know.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Reason {
    /// For programs: it does not change.
    pub code: ReasonCode,
    /// Whether the run cannot start while this is so.
    pub blocks: bool,
    /// For people.
    pub message: String,
    pub facts: ReasonFacts,
}

/// What a reason is about. Each reason has those that belong to it; the others are null or empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Output)]
pub struct ReasonFacts {
    /// The work pool, queue, deployment, schedule or limit.
    pub about: Option<Thing>,
    /// When this ends by itself.
    pub until: Option<Time>,
    /// The last poll, or the last heartbeat of a worker; null when there was none.
    pub last_seen: Option<Time>,
    pub seconds_since_seen: Option<f64>,
    /// Slots that there are.
    pub limit: Option<i64>,
    pub slots_taken: Option<i64>,
    /// Who takes them, at most 20.
    pub holders: Vec<SlotHolder>,
    /// Runs of its queue that are due before it; 1000 stands for as many or more.
    pub runs_ahead: Option<i64>,
    /// Task runs of this run that wait for it.
    pub waiting: Vec<Thing>,
}

/// A run that takes a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct SlotHolder {
    pub flow_run_id: Option<FlowRunId>,
    pub flow_run_name: Option<String>,
    /// Where a task run takes it.
    pub task_run_id: Option<TaskRunId>,
    pub task_run_name: Option<String>,
    /// Of the run that takes it.
    pub state_name: Option<String>,
    pub since: Option<Time>,
}

/// An object by name.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Thing {
    pub kind: ThingKind,
    pub id: Uuid,
    pub name: Option<String>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Output)]
        pub enum $name { $($(#[$of])* #[serde(rename = $word)] #[input(rename = $word)] $variant),+ }
    };
}

words! {
    /// What a thing is.
    ThingKind {
        WorkPool "work-pool",
        WorkQueue "work-queue",
        Deployment "deployment",
        Schedule "schedule",
        ConcurrencyLimit "concurrency-limit",
        TaskRun "task-run",
    }
}

words! {
    /// Why.
    ReasonCode {
        /// It has no state.
        NoState "no_state",
        /// Its time has not come.
        NotDue "not_due",
        /// It failed and is tried again at a time.
        AwaitingRetry "awaiting_retry",
        /// It found no slot, and asks again at a time.
        AwaitingSlot "awaiting_concurrency_slot",
        /// The process that ran it runs it again; nobody else may.
        RetriesInProcess "retries_in_process",
        /// It has neither deployment nor queue: only who made it starts it.
        NotDeployed "not_deployed",
        DeploymentDeleted "deployment_deleted",
        WorkQueueDeleted "work_queue_deleted",
        WorkPoolPaused "work_pool_paused",
        WorkQueuePaused "work_queue_paused",
        WorkPoolLimit "work_pool_limit",
        WorkQueueLimit "work_queue_limit",
        DeploymentLimit "deployment_limit",
        /// No worker of its pool is online, and nobody polled its queue.
        NoWorker "no_worker",
        /// Workers are online, but none polled its queue.
        WorkQueueNotPolled "work_queue_not_polled",
        /// It is for a served flow, and none polled.
        NotServed "not_served",
        /// Makes no new runs; this one starts all the same.
        DeploymentPaused "deployment_paused",
        /// Makes no new runs; this one starts all the same.
        SchedulePaused "schedule_paused",
        /// Nothing keeps it: who polls next takes it.
        AwaitingPoll "awaiting_poll",
        /// Somebody took it and starts what it runs in.
        Submitted "submitted",
        /// Somebody must resume it.
        Paused "paused",
        Running "running",
        /// Task runs of it wait for slots of a tag.
        TagLimit "tag_limit",
        Cancelling "cancelling",
        Ended "ended",
    }
}

impl Reason {
    pub(super) fn blocking(code: ReasonCode, message: impl Into<String>) -> Self {
        Self { code, blocks: true, message: message.into(), facts: ReasonFacts::default() }
    }

    pub(super) fn telling(code: ReasonCode, message: impl Into<String>) -> Self {
        Self { blocks: false, ..Self::blocking(code, message) }
    }

    pub(super) fn with(self, facts: ReasonFacts) -> Self {
        Self { facts, ..self }
    }
}

impl Thing {
    pub fn new(kind: ThingKind, id: Uuid, name: &str) -> Self {
        Self { kind, id, name: Some(name.to_owned()) }
    }
}
