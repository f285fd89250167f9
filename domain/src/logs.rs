//! Log lines of runs.

use serde::Serialize;
use uuid::Uuid;
use wire::{Errors, Input, Json, Output, Time};

use crate::{FlowRunId, LogId, TaskRunId};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Log {
    pub id: LogId,
    pub created: Time,
    pub updated: Time,
    /// The logger's name.
    pub name: String,
    /// The level, as Python's `logging` counts: 10 debug to 50 critical.
    pub level: i32,
    pub message: String,
    pub timestamp: Time,
    pub flow_run_id: Option<FlowRunId>,
    pub task_run_id: Option<TaskRunId>,
}

/// A line to store.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct LogCreate {
    /// The logger's name.
    #[input(with = without_nul)]
    pub name: String,
    /// The log level.
    pub level: i32,
    /// The log message.
    #[input(with = without_nul)]
    pub message: String,
    /// The log timestamp.
    pub timestamp: Time,
    pub flow_run_id: Option<FlowRunId>,
    pub task_run_id: Option<TaskRunId>,
}

/// Text of a program that logs what it read may hold U+0000: the rest of the line is kept (reference:
/// `models/logs.py`, `_sanitize_log_strings`).
fn without_nul(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    match value {
        Json::Str(text) if text.contains('\0') => Some(text.replace('\0', "")),
        value => String::parse(value, errors),
    }
}

/// The body of a request that stores lines. Not a list: complained of in the reference's words.
#[derive(Debug)]
pub struct LogLines(pub Vec<LogCreate>);

impl Input for LogLines {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        match value {
            Json::Array(_) => Vec::parse(value, errors).map(LogLines),
            Json::Str(_) => {
                let ctx = Some(serde_json::json!({ "type_name": "str" }));
                errors.push_with("sequence_str", "'str' instances are not allowed as a Sequence value", value, ctx);
                None
            }
            _ => {
                let ctx = Some(serde_json::json!({ "class": "Sequence" }));
                errors.push_with("is_instance_of", "Input should be an instance of Sequence", value, ctx);
                None
            }
        }
    }
}

impl wire::Described for LogLines {
    fn schema(schemas: &mut wire::Schemas) -> wire::Schema {
        Vec::<LogCreate>::schema(schemas)
    }
}

impl LogLines {
    /// The lines as they will be read: with ids that keep their order.
    pub fn into_logs(self, now: Time) -> Vec<Log> {
        let line = |line: LogCreate| {
            let LogCreate { name, level, message, timestamp, flow_run_id, task_run_id } = line;
            // Ordered also within one millisecond, so that lines of one time are read in the order they were written.
            let id = LogId(Uuid::now_v7());
            Log { id, created: now, updated: now, name, level, message, timestamp, flow_run_id, task_run_id }
        };
        self.0.into_iter().map(line).collect()
    }
}
