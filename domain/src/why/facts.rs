//! What must be known of a run and what stands around it, at one moment.

use wire::Time;

use super::answer::{SlotHolder, Thing};
use crate::rules::facts::CollisionStrategy;
use crate::state::{StateDetails, StateType};
use crate::{DeploymentId, FlowRunId, LimitId, ScheduleId, WorkPoolId, WorkQueueId};

#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub now: Time,
    pub run: Run,
    pub deployment: Option<Deployment>,
    pub schedule: Option<Schedule>,
    pub queue: Option<Queue>,
    pub pool: Option<Pool>,
    /// Of the deployment.
    pub limit: Option<Limit>,
    /// Limits without a free slot, of tags of task runs that have not begun.
    pub tag_limits: Vec<TagLimit>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: FlowRunId,
    pub name: String,
    pub state_type: Option<StateType>,
    pub state_name: Option<String>,
    pub since: Option<Time>,
    pub details: StateDetails,
    pub expected_start_time: Option<Time>,
    pub next_scheduled_start_time: Option<Time>,
    pub start_time: Option<Time>,
    /// The process that ran it runs it again, and nobody else does.
    pub retries_in_process: bool,
    /// What it was made for, whether or not that is still there.
    pub deployment_id: Option<DeploymentId>,
    pub work_queue_name: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    pub id: DeploymentId,
    pub name: String,
    pub paused: bool,
    pub last_polled: Option<Time>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub id: ScheduleId,
    pub slug: Option<String>,
    pub active: bool,
}

/// Slots of a pool or a queue, and runs that take some of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    pub limit: i64,
    pub taken: i64,
    pub holders: Vec<SlotHolder>,
}

impl Slots {
    pub fn are_full(&self) -> bool {
        self.taken >= self.limit
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    pub id: WorkQueueId,
    pub name: String,
    pub is_paused: bool,
    pub last_polled: Option<Time>,
    /// `None` without a limit.
    pub slots: Option<Slots>,
    /// Runs of the queue that are due before this one; no more than a bound are counted.
    pub runs_ahead: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    pub id: WorkPoolId,
    pub name: String,
    pub is_paused: bool,
    pub slots: Option<Slots>,
    pub workers: i64,
    pub workers_online: i64,
    pub last_heartbeat: Option<Time>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    pub id: LimitId,
    pub name: String,
    pub active: bool,
    pub strategy: CollisionStrategy,
    pub slots: Slots,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TagLimit {
    pub id: LimitId,
    pub tag: String,
    pub slots: Slots,
    /// Task runs of this run that carry the tag and have not begun.
    pub waiting: Vec<Thing>,
}
