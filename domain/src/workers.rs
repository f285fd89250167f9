//! Workers: processes that take runs from a work pool.

use serde::Serialize;
use wire::{Input, Output, Time};

use crate::pulse::{HEARTBEAT_SECONDS, HEARTBEATS_MISSED, WorkerStatus};
use crate::{WorkPoolId, WorkerId};

/// A worker, known by its name in its pool.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Worker {
    pub id: WorkerId,
    pub created: Time,
    pub updated: Time,
    /// The name of the worker.
    pub name: String,
    /// The work pool that it takes runs from.
    pub work_pool_id: WorkPoolId,
    /// The last time the worker process sent a heartbeat.
    pub last_heartbeat_time: Option<Time>,
    /// The number of seconds to expect between heartbeats sent by the worker.
    pub heartbeat_interval_seconds: Option<i32>,
    /// Current status of the worker.
    pub status: WorkerStatus,
}

/// A worker says that it is there.
#[derive(Debug, Clone, Input)]
#[input(parameters)]
pub struct WorkerHeartbeat {
    /// The worker process name
    pub name: String,
    /// The worker's heartbeat interval in seconds
    pub heartbeat_interval_seconds: Option<i32>,
}

/// Microseconds of silence after which a worker is offline. An interval of nothing is that of workers that do not say.
pub fn patience(heartbeat_interval_seconds: Option<i32>) -> i64 {
    let interval = heartbeat_interval_seconds.filter(|seconds| *seconds != 0).map_or(HEARTBEAT_SECONDS, i64::from);
    interval * HEARTBEATS_MISSED * 1_000_000
}

impl Worker {
    /// Its status is that of the moment, not of the last look of a service.
    pub fn seen_at(mut self, now: Time) -> Self {
        let horizon = now.micros() - patience(self.heartbeat_interval_seconds);
        self.status = match self.last_heartbeat_time {
            Some(heartbeat) if heartbeat.micros() > horizon => WorkerStatus::Online,
            _ => WorkerStatus::Offline,
        };
        self
    }
}
