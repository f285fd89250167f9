//! Tests of the rules: tables that name the rule they are about, and what the reference was seen to do.

mod flow;
mod recorded;
mod seen;
mod task;
mod world;

use uuid::Uuid;
use wire::Time;

use crate::ids::{DeploymentId, FlowRunId, StateId, TaskRunId};
use crate::run::{FlowRunCore, FlowRunPolicy, Progress, TaskRunCore, TaskRunPolicy};
use crate::state::{State, StateType};

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn at(seconds: i64) -> Time {
    Time::from_micros(seconds * 1_000_000)
}

/// When the transitions of the tables are proposed.
fn now() -> Time {
    at(1_800_000_000)
}

fn state(type_: StateType) -> State {
    State::new(StateId(id(1)), type_, now())
}

/// A flow run of no deployment in a state that it entered ten seconds ago.
fn flow_run(type_: StateType) -> FlowRunCore {
    let state = State { timestamp: at(1_799_999_990), ..state(type_) };
    FlowRunCore {
        id: FlowRunId(id(2)),
        name: "run".into(),
        deployment_id: None,
        parent_task_run_id: None,
        infrastructure_pid: None,
        empirical_policy: FlowRunPolicy::default(),
        progress: Progress { state: Some(state), ..Progress::default() },
    }
}

fn deployed(type_: StateType) -> FlowRunCore {
    FlowRunCore { deployment_id: Some(DeploymentId(id(3))), ..flow_run(type_) }
}

/// A task run of no flow run in a state that it entered ten seconds ago.
fn task_run(type_: StateType) -> TaskRunCore {
    let state = State { timestamp: at(1_799_999_990), ..state(type_) };
    TaskRunCore {
        id: TaskRunId(id(4)),
        flow_run_id: None,
        task_key: "key".into(),
        tags: Vec::new(),
        flow_run_run_count: 0,
        empirical_policy: TaskRunPolicy::default(),
        progress: Progress { state: Some(state), ..Progress::default() },
    }
}
