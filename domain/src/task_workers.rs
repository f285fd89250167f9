//! Task workers: processes that run background tasks, and hold a socket open to be given them.

use serde::Serialize;
use wire::{Input, Output, Time};

/// A task worker that is connected.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct TaskWorkerResponse {
    /// As it calls itself: host and process.
    pub identifier: String,
    pub task_keys: Vec<String>,
    /// When it was last seen.
    pub timestamp: Time,
}

/// Which task workers.
#[derive(Debug, Clone, Input)]
pub struct TaskWorkerFilter {
    pub task_keys: Vec<String>,
}
