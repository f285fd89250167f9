//! What may be asked of task runs (reference: `server/schemas/filters.py`, `TaskRunFilter…`). The run is `t`.

use domain::state::StateType;
use uuid::Uuid;
use wire::Time;

use crate::filter;
use crate::sql::{Condition, Like, Operator, Sql, Write};

/// Task runs by the flow run they belong to. Without criteria it asks for those of any flow run, and a wish for none
/// (`is_null_`) puts the list aside: so the reference has it.
#[derive(Debug, Clone, PartialEq, wire::Input)]
#[input(forbid_extra)]
pub struct TaskRunFilterFlowRunId {
    /// Whether all of the criteria must hold (`and_`) or any (`or_`).
    #[input(default)]
    pub operator: Operator,
    /// Task runs of one of these flow runs
    pub any_: Option<Vec<Uuid>>,
    /// True for task runs of no flow run
    #[input(default = Some(false))]
    pub is_null_: Option<bool>,
}

impl Condition for TaskRunFilterFlowRunId {
    fn write<'a>(&'a self, sql: &mut Sql<'a>) {
        match (self.is_null_, &self.any_) {
            (Some(true), _) => _ = sql.push("t.flow_run_id is null"),
            (_, Some(ids)) => ids.write(sql, "t.flow_run_id = any({})"),
            (Some(false), None) => _ = sql.push("t.flow_run_id is not null"),
            (None, None) => _ = sql.push("true"),
        }
    }
}

filter! {
    /// Task runs by id.
    TaskRunFilterId {
        /// Task runs with one of these ids
        any_: Vec<Uuid> => "t.id = any({})",
    }
}

filter! {
    /// Task runs by name.
    TaskRunFilterName {
        /// Task runs with one of these names
        any_: Vec<String> => "t.name = any({})",
        /// Task runs whose name has this text in it, whatever its case
        like_?: Like => "t.name ilike {}",
    }
}

filter! {
    /// Task runs by tags.
    TaskRunFilterTags operator {
        /// Task runs that have all of these tags
        all_?: Vec<String> => "t.tags @> {}",
        /// True for task runs without tags, false for those with
        is_null_: bool => "t.tags = '{}'" | "t.tags <> '{}'",
    }
}

filter! {
    /// Task runs by the type of their state.
    TaskRunFilterStateType {
        /// Task runs in a state of one of these types
        any_: Vec<StateType> => "t.state_type = any({})",
    }
}

filter! {
    /// Task runs by the name of their state.
    TaskRunFilterStateName {
        /// Task runs in a state with one of these names
        any_: Vec<String> => "t.state_name = any({})",
    }
}

/// Task runs by type and name of their state. A part that asks nothing is passed over, which tells under `or_`.
#[derive(Debug, Clone, PartialEq, wire::Input)]
#[input(forbid_extra)]
pub struct TaskRunFilterState {
    /// Whether all of the criteria must hold (`and_`) or any (`or_`).
    #[input(default)]
    pub operator: Operator,
    pub r#type: Option<TaskRunFilterStateType>,
    pub name: Option<TaskRunFilterStateName>,
}

impl Condition for TaskRunFilterState {
    fn write<'a>(&'a self, sql: &mut Sql<'a>) {
        let kind = self.r#type.as_ref().filter(|t| t.any_.is_some());
        let name = self.name.as_ref().filter(|n| n.any_.is_some());
        self.operator.join(sql, kind, name);
    }
}

filter! {
    /// Task runs that stand for a subflow run, or do not.
    TaskRunFilterSubFlowRuns {
        /// True for task runs that stand for a subflow run, false for the others
        exists_: bool => "exists (select from flow_run s where s.parent_task_run_id = t.id)"
            | "not exists (select from flow_run s where s.parent_task_run_id = t.id)",
    }
}

filter! {
    /// Task runs by when they started.
    TaskRunFilterStartTime {
        /// Task runs that started at or before this time
        before_: Time => "t.start_time <= {}",
        /// Task runs that started at or after this time
        after_: Time => "t.start_time >= {}",
        /// True for task runs that have not started, false for those that have
        is_null_: bool => "t.start_time is null" | "t.start_time is not null",
    }
}

filter! {
    /// Task runs by when they ended.
    TaskRunFilterEndTime {
        /// Task runs that ended at or before this time
        before_: Time => "t.end_time <= {}",
        /// Task runs that ended at or after this time
        after_: Time => "t.end_time >= {}",
        /// True for task runs that have not ended, false for those that have
        is_null_: bool => "t.end_time is null" | "t.end_time is not null",
    }
}

filter! {
    /// Task runs by when they were expected to start.
    TaskRunFilterExpectedStartTime {
        /// Task runs expected at or before this time
        before_: Time => "t.expected_start_time <= {}",
        /// Task runs expected at or after this time
        after_: Time => "t.expected_start_time >= {}",
    }
}

filter! {
    /// Task runs that meet all criteria, or any under `or_`.
    TaskRunFilter operator {
        id: nested TaskRunFilterId,
        name: nested TaskRunFilterName,
        tags: nested TaskRunFilterTags,
        state: nested TaskRunFilterState,
        start_time: nested TaskRunFilterStartTime,
        end_time: nested TaskRunFilterEndTime,
        expected_start_time: nested TaskRunFilterExpectedStartTime,
        subflow_runs: nested TaskRunFilterSubFlowRuns,
        flow_run_id: nested TaskRunFilterFlowRunId,
    }
}

impl TaskRunFilter {
    /// The same of runs that ended, whatever states it asked for.
    pub fn of_ended(self) -> Self {
        let ended = TaskRunFilterStateType { any_: Some(StateType::TERMINAL.to_vec()) };
        let state = TaskRunFilterState { operator: Operator::And, r#type: Some(ended), name: None };
        Self { state: Some(state), ..self }
    }
}
