//! A task run knows in which attempt of its flow it last ran.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::Running;

pub struct UpdateFlowRunTrackerOnTasks;

impl Guard<TaskRunCore> for UpdateFlowRunTrackerOnTasks {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Running])
    }

    fn after(&self, t: &mut Transition<'_, TaskRunCore>, _: Kept) {
        if let Some(flow_run) = t.facts.flow_run {
            t.run.flow_run_run_count = flow_run.run_count;
        }
    }
}
