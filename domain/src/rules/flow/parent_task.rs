//! The task run that stands for a subflow follows it from state to state.

use crate::rules::decision::Effect;
use crate::rules::transition::Transition;
use crate::rules::{Proposal, TaskPolicy, Transform, decide_task};
use crate::run::FlowRunCore;
use crate::state::State;

/// Sets a copy of the subflow's new state on the task run, by force.
pub struct UpdateSubflowParentTask;

impl Transform<FlowRunCore> for UpdateSubflowParentTask {
    fn after(&self, t: &mut Transition<'_, FlowRunCore>) {
        if t.proposed.is_none() || t.run.parent_task_run_id.is_none() {
            return;
        }
        let facts = t.facts;
        let (Some(parent), Some(validated)) = (facts.parent_task.as_deref(), t.validated.clone()) else { return };
        let mut state = State { id: t.next_state_id(), timestamp: t.now, ..validated };
        state.state_details.child_flow_run_id = Some(t.run.id);
        let proposal = Proposal {
            run: parent.run.clone(),
            state,
            facts: &parent.facts,
            caller: t.caller,
            now: t.now,
            settings: t.settings,
            seed: t.chance.number(),
        };
        t.effects.push(Effect::Task(Box::new(decide_task(proposal, TaskPolicy::Minimal))));
    }
}

/// The subflow's state names that task run.
pub struct UpdateSubflowStateDetails;

impl Transform<FlowRunCore> for UpdateSubflowStateDetails {
    fn before(&self, t: &mut Transition<'_, FlowRunCore>) {
        if let (Some(parent), Some(proposed)) = (t.run.parent_task_run_id, &mut t.proposed) {
            proposed.state_details.task_run_id = Some(parent);
        }
    }
}
