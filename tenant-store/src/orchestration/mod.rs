//! Changes of state, in two round trips: the facts, read and locked by one statement that travels with `BEGIN`; and the
//! outcome, written by one statement that travels with `COMMIT`.
//!
//! Between the two stand the pure rules ([`domain::rules`]). What they decide is collected as [`Changes`], whole columns at
//! a time, so that one statement carries out one decision or many. Lock order: flow run, task run (by id), limit (by id).

mod apply;
mod cells;
mod changes;
#[cfg(test)]
mod tests;

use domain::rules::caller::Caller;
use domain::rules::decision::OrchestrationResult;
use domain::rules::event::StateChange;
use domain::settings::Settings;

pub(crate) use apply::{Stands, apply_flow, apply_task, count, due, flow_falls_due};
pub(crate) use cells::{Cells, StoredFlow, StoredTask, flow_columns, task_columns};
#[cfg(test)]
pub(crate) use changes::LooseSlots;
pub(crate) use changes::{Changes, NewCleanup, NewFlowRun, NewInput, NewTaskRun};

/// Who asks for a change of state, and under which settings.
#[derive(Debug, Clone, Default)]
pub struct Asks {
    pub caller: Caller,
    pub settings: Settings,
}

/// What became of a proposal, once it is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub result: OrchestrationResult,
    /// Whether a state was written: 201 instead of 200.
    pub written: bool,
    pub aftermath: Aftermath,
}

/// Whom to tell after the commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Aftermath {
    /// Events that were stored, for those who listen.
    pub events: Vec<StateChange>,
    /// Tasks of which a run was offered to task workers.
    pub offered: Vec<String>,
}
