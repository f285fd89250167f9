//! Who takes the slots of a work pool or a work queue.

use serde::Serialize;
use wire::{Output, Time};

use crate::state::StateType;
use crate::{FlowRunId, WorkQueueId};

/// A run that takes a slot.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct FlowRunSlotSummary {
    pub id: FlowRunId,
    pub name: String,
    pub state_type: Option<StateType>,
    pub state_name: Option<String>,
    pub start_time: Option<Time>,
    pub state_timestamp: Option<Time>,
    /// Seconds.
    pub time_in_current_state: Option<f64>,
}

/// The slots of one queue of a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct WorkQueueConcurrencyStatusDetail {
    pub queue_id: WorkQueueId,
    pub queue_name: String,
    pub active_slots: i64,
    pub concurrency_limit: Option<i32>,
    pub flow_runs: Vec<FlowRunSlotSummary>,
    /// How many runs there are, however many are shown.
    pub flow_run_count: Option<i64>,
}

/// The slots of a pool, queue by queue.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct WorkPoolConcurrencyStatus {
    pub active_slots: i64,
    pub concurrency_limit: Option<i32>,
    pub queues: Vec<WorkQueueConcurrencyStatusDetail>,
    /// Total number of queues.
    pub count: i64,
    /// Page size.
    pub limit: i64,
    /// Total number of pages.
    pub pages: i64,
    /// Current page number (1-indexed).
    pub page: i64,
}

/// The slots of a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct WorkQueueConcurrencyStatus {
    pub active_slots: i64,
    pub concurrency_limit: Option<i32>,
    pub flow_runs: Vec<FlowRunSlotSummary>,
    /// Total number of slot-holding flow runs.
    pub count: i64,
    /// Page size.
    pub limit: i64,
    /// Total number of pages.
    pub pages: i64,
    /// Current page number (1-indexed).
    pub page: i64,
}
