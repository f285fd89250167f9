//! What may be asked of flow runs, and in which orders (reference: `server/schemas/filters.py`, `FlowRunFilter…`;
//! `sorting.py`, `FlowRunSort`). The run is `r`.

use domain::state::StateType;
use uuid::Uuid;
use wire::Time;

use crate::filter;
use crate::sql::{Condition, Like, Operator, Order, Part, Sql};

filter! {
    /// Flow runs by id.
    FlowRunFilterId {
        /// Flow runs with one of these ids
        any_: Vec<Uuid> => "r.id = any({})",
        /// Flow runs with none of these ids
        not_any_?: Vec<Uuid> => "r.id <> all({})",
    }
}

filter! {
    /// Flow runs by name.
    FlowRunFilterName {
        /// Flow runs with one of these names
        any_: Vec<String> => "r.name = any({})",
        /// Flow runs whose name has this text in it, whatever its case
        like_?: Like => "r.name ilike {}",
    }
}

filter! {
    /// Flow runs by tags.
    FlowRunFilterTags operator {
        /// Flow runs that have all of these tags
        all_?: Vec<String> => "r.tags @> {}",
        /// Flow runs that have one of these tags
        any_: Vec<String> => "r.tags && {}",
        /// True for flow runs without tags, false for those with
        is_null_: bool => "r.tags = '{}'" | "r.tags <> '{}'",
    }
}

filter! {
    /// Flow runs by deployment.
    FlowRunFilterDeploymentId operator {
        /// Flow runs of one of these deployments
        any_: Vec<Uuid> => "r.deployment_id = any({})",
        /// True for flow runs without a deployment, false for those with one
        is_null_: bool => "r.deployment_id is null" | "r.deployment_id is not null",
    }
}

filter! {
    /// Flow runs by the name of their work queue.
    FlowRunFilterWorkQueueName operator {
        /// Flow runs of work queues with one of these names
        any_: Vec<String> => "r.work_queue_name = any({})",
        /// True for flow runs without a work queue, false for those with one
        is_null_: bool => "r.work_queue_name is null" | "r.work_queue_name is not null",
    }
}

filter! {
    /// Flow runs by the type of their state.
    FlowRunFilterStateType {
        /// Flow runs in a state of one of these types
        any_: Vec<StateType> => "r.state_type = any({})",
        /// Flow runs in a state of none of these types
        not_any_?: Vec<StateType> => "r.state_type <> all({})",
    }
}

filter! {
    /// Flow runs by the name of their state.
    FlowRunFilterStateName {
        /// Flow runs in a state with one of these names
        any_: Vec<String> => "r.state_name = any({})",
        /// Flow runs in a state with none of these names
        not_any_?: Vec<String> => "r.state_name <> all({})",
    }
}

/// Flow runs by type and name of their state. A part that asks nothing is passed over, which tells under `or_`.
#[derive(Debug, Clone, PartialEq, wire::Input)]
#[input(forbid_extra)]
pub struct FlowRunFilterState {
    /// Whether all of the criteria must hold (`and_`) or any (`or_`).
    #[input(default)]
    pub operator: Operator,
    pub r#type: Option<FlowRunFilterStateType>,
    pub name: Option<FlowRunFilterStateName>,
}

impl Condition for FlowRunFilterState {
    fn write<'a>(&'a self, sql: &mut Sql<'a>) {
        let asks = |any: bool, not_any: bool| any || not_any;
        let full = |list: Option<bool>| list.is_some_and(|empty| !empty);
        let kind =
            self.r#type.as_ref().filter(|t| asks(t.any_.is_some(), full(t.not_any_.as_ref().map(Vec::is_empty))));
        let name = self.name.as_ref().filter(|n| asks(n.any_.is_some(), full(n.not_any_.as_ref().map(Vec::is_empty))));
        self.operator.join(sql, kind, name);
    }
}

filter! {
    /// Flow runs by the version of their flow.
    FlowRunFilterFlowVersion {
        /// Flow runs of one of these versions
        any_: Vec<String> => "r.flow_version = any({})",
    }
}

filter! {
    /// Flow runs by when they started, or are expected to while they have not.
    FlowRunFilterStartTime {
        /// Flow runs that start at or before this time
        before_: Time => "coalesce(r.start_time, r.expected_start_time) <= {}",
        /// Flow runs that start at or after this time
        after_: Time => "coalesce(r.start_time, r.expected_start_time) >= {}",
        /// True for flow runs that have not started, false for those that have
        is_null_: bool => "r.start_time is null" | "r.start_time is not null",
    }
}

filter! {
    /// Flow runs by when they ended.
    FlowRunFilterEndTime {
        /// Flow runs that ended at or before this time
        before_: Time => "r.end_time <= {}",
        /// Flow runs that ended at or after this time
        after_: Time => "r.end_time >= {}",
        /// True for flow runs that have not ended, false for those that have
        is_null_: bool => "r.end_time is null" | "r.end_time is not null",
    }
}

filter! {
    /// Flow runs by when they were expected to start.
    FlowRunFilterExpectedStartTime {
        /// Flow runs expected at or before this time
        before_: Time => "r.expected_start_time <= {}",
        /// Flow runs expected at or after this time
        after_: Time => "r.expected_start_time >= {}",
    }
}

filter! {
    /// Flow runs by when they are scheduled next.
    FlowRunFilterNextScheduledStartTime {
        /// Flow runs scheduled at or before this time
        before_: Time => "r.next_scheduled_start_time <= {}",
        /// Flow runs scheduled at or after this time
        after_: Time => "r.next_scheduled_start_time >= {}",
    }
}

filter! {
    /// Subflow runs by the flow run that called them.
    FlowRunFilterParentFlowRunId operator {
        /// Flow runs called by one of these flow runs
        any_: Vec<Uuid> => "r.parent_task_run_id in (select p.id from task_run p where p.flow_run_id = any({}))",
    }
}

filter! {
    /// Subflow runs by the task run that stands for them in the flow run that called them.
    FlowRunFilterParentTaskRunId operator {
        /// Flow runs that one of these task runs stands for
        any_: Vec<Uuid> => "r.parent_task_run_id = any({})",
        /// True for flow runs that no other called, false for subflow runs
        is_null_: bool => "r.parent_task_run_id is null" | "r.parent_task_run_id is not null",
    }
}

filter! {
    /// Flow runs by idempotency key.
    FlowRunFilterIdempotencyKey {
        /// Flow runs with one of these keys
        any_: Vec<String> => "r.idempotency_key = any({})",
        /// Flow runs with a key that is none of these
        not_any_?: Vec<String> => "r.idempotency_key <> all({})",
    }
}

filter! {
    /// Flow runs by who made them.
    FlowRunFilterCreatedBy operator {
        /// Flow runs made by one with one of these ids
        id_: Vec<Uuid> => "(r.created_by->>'id') = any({}::uuid[]::text[])",
        /// Flow runs made by one of these kinds: `DEPLOYMENT`, `AUTOMATION`
        type_: Vec<String> => "(r.created_by->>'type') = any({})",
        /// True for flow runs whose maker is not known, false for the others
        is_null_: bool => "r.created_by is null" | "r.created_by is not null",
    }
}

filter! {
    /// Flow runs that meet all criteria, or any under `or_`.
    FlowRunFilter operator {
        id: nested FlowRunFilterId,
        name: nested FlowRunFilterName,
        tags: nested FlowRunFilterTags,
        deployment_id: nested FlowRunFilterDeploymentId,
        work_queue_name: nested FlowRunFilterWorkQueueName,
        state: nested FlowRunFilterState,
        flow_version: nested FlowRunFilterFlowVersion,
        start_time: nested FlowRunFilterStartTime,
        end_time: nested FlowRunFilterEndTime,
        expected_start_time: nested FlowRunFilterExpectedStartTime,
        next_scheduled_start_time: nested FlowRunFilterNextScheduledStartTime,
        parent_flow_run_id: nested FlowRunFilterParentFlowRunId,
        parent_task_run_id: nested FlowRunFilterParentTaskRunId,
        idempotency_key: nested FlowRunFilterIdempotencyKey,
        created_by: nested FlowRunFilterCreatedBy,
    }
}

/// Orders of flow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, wire::Input)]
pub enum FlowRunSort {
    #[default]
    IdDesc,
    StartTimeAsc,
    StartTimeDesc,
    ExpectedStartTimeAsc,
    ExpectedStartTimeDesc,
    NameAsc,
    NameDesc,
    NextScheduledStartTimeAsc,
    EndTimeDesc,
}

impl FlowRunSort {
    pub const ALL: [Self; 9] = [
        Self::IdDesc,
        Self::StartTimeAsc,
        Self::StartTimeDesc,
        Self::ExpectedStartTimeAsc,
        Self::ExpectedStartTimeDesc,
        Self::NameAsc,
        Self::NameDesc,
        Self::NextScheduledStartTimeAsc,
        Self::EndTimeDesc,
    ];

    /// Runs without the time that is sorted by come last.
    pub fn order(self) -> Order {
        match self {
            Self::IdDesc => Order::Whole("r.id desc"),
            Self::StartTimeAsc => Order::Whole("coalesce(r.start_time, r.expected_start_time), r.id"),
            Self::StartTimeDesc => Order::Whole("coalesce(r.start_time, r.expected_start_time) desc, r.id desc"),
            Self::ExpectedStartTimeAsc => Order::Whole("r.expected_start_time, r.id"),
            Self::ExpectedStartTimeDesc => Order::Whole("r.expected_start_time desc, r.id desc"),
            Self::NameAsc => Order::Whole("r.name, r.id"),
            Self::NameDesc => Order::Whole("r.name desc, r.id desc"),
            Self::NextScheduledStartTimeAsc => Order::Parts([
                Part { of: "r.next_scheduled_start_time is not null", by: "r.next_scheduled_start_time, r.id" },
                Part { of: "r.next_scheduled_start_time is null", by: "r.id desc" },
            ]),
            Self::EndTimeDesc => Order::Parts([
                Part { of: "r.end_time is not null", by: "r.end_time desc, r.id desc" },
                Part { of: "r.end_time is null", by: "r.id desc" },
            ]),
        }
    }
}

impl FlowRunFilter {
    /// The ids, where they are the only criterion.
    pub fn only_ids(&self) -> Option<&Vec<Uuid>> {
        // Named one by one, so that a new criterion does not go unnoticed here.
        let Self {
            operator: _,
            id: Some(FlowRunFilterId { any_: Some(ids), not_any_ }),
            name: None,
            tags: None,
            deployment_id: None,
            work_queue_name: None,
            state: None,
            flow_version: None,
            start_time: None,
            end_time: None,
            expected_start_time: None,
            next_scheduled_start_time: None,
            parent_flow_run_id: None,
            parent_task_run_id: None,
            idempotency_key: None,
            created_by: None,
        } = self
        else {
            return None;
        };
        (!ids.is_empty() && not_any_.as_ref().is_none_or(Vec::is_empty)).then_some(ids)
    }
}
