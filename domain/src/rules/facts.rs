//! What the store must know and lock before the rules decide. The rules trust it: nothing here may change between reading
//! and writing, so the rows behind it are read `FOR UPDATE`, in the order flow run, task run (by id), limit (by id).

use std::collections::BTreeSet;
use std::time::Duration;

use wire::Time;

use crate::ids::{FlowRunId, LeaseId, LimitId};
use crate::run::TaskRunCore;
use crate::state::{State, StateType};

/// Facts about a flow run that changes state. What is marked with a proposed type is read for that type alone;
/// [`Default`] is a run without deployment, parent or anything else around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowFacts {
    /// The run's deployment; `None` where the run has none or it was deleted.
    pub deployment: Option<DeploymentFacts>,
    /// Whether the lease named by the current state still stands, its row locked. RUNNING alone needs it.
    pub lease_stands: bool,
    /// Timestamps at or after the proposed one that states of this run have already.
    pub taken_timestamps: BTreeSet<Time>,
    /// The task run that `parent_task_run_id` names, locked.
    pub parent_task: Option<Box<OtherTask>>,
    /// The FAILED task runs of this run, locked; only for FAILED and callers that do not speak
    /// [`TASKS_RETRY_THEMSELVES`](super::caller::TASKS_RETRY_THEMSELVES).
    pub failed_tasks: Vec<OtherTask>,
}

/// A task run that changes along with a flow run.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherTask {
    pub run: TaskRunCore,
    pub facts: TaskFacts,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentFacts {
    /// Its limit, by name alone.
    pub limit_id: Option<LimitId>,
    /// Its limit's row, locked. PENDING and RUNNING need it, and SCHEDULED where runs are marked late.
    pub limit: Option<LimitFacts>,
    /// `concurrency_options`, where the deployment has them.
    pub options: Option<ConcurrencyOptions>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConcurrencyOptions {
    pub collision_strategy: CollisionStrategy,
    /// How long a slot is held for infrastructure that has not started.
    pub grace_period: Option<Duration>,
}

/// What happens to a run that finds its deployment's limit full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollisionStrategy {
    Enqueue,
    CancelNew,
}

/// A concurrency limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitFacts {
    pub id: LimitId,
    /// `tag:x` for the limit of a tag.
    pub name: String,
    pub active: bool,
    pub limit: i64,
    /// Slots in use now, decay taken off.
    pub active_slots: i64,
    pub avg_slot_occupancy_seconds: f64,
}

impl LimitFacts {
    /// Whether a slot can be taken. A limit that is switched off hands out none, as in the reference.
    pub fn has_room(&self) -> bool {
        self.active && self.active_slots < self.limit
    }

    /// The tag, for a tag's limit.
    pub fn tag(&self) -> &str {
        self.name.strip_prefix("tag:").unwrap_or(&self.name)
    }
}

/// Facts about a task run that changes state; [`Default`] is one without flow run or limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskFacts {
    /// The flow run it belongs to. RUNNING alone needs it.
    pub flow_run: Option<EnclosingRun>,
    /// The state cached under the proposed state's `cache_key`: newest first, expiration absent or ahead. RUNNING alone
    /// needs it, and only with a key and without `refresh_cache`.
    pub cached: Option<State>,
    /// The limits of the run's tags, locked by id. RUNNING alone needs them.
    pub tag_limits: Vec<LimitFacts>,
    /// The leases on tags' limits that this run holds, locked. Every type but RUNNING and CANCELLING needs them.
    pub held_leases: Vec<LeaseId>,
}

/// The flow run around a task run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnclosingRun {
    pub id: FlowRunId,
    pub run_count: i64,
    /// `None` for a run without a state.
    pub state_type: Option<StateType>,
    /// Of its current state.
    pub pause_timeout: Option<Time>,
    /// Of its current state.
    pub pause_reschedule: bool,
}
