//! A task runs only while its flow does. One of a paused flow is paused likewise, under the name `NotReady`.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::{Paused, Running};
use crate::state::{State, names};

pub struct PreventRunningTasksFromStoppedFlows;

impl Guard<TaskRunCore> for PreventRunningTasksFromStoppedFlows {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Running])
    }

    fn enter(&self, t: &mut Transition<'_, TaskRunCore>) -> Kept {
        let Some(flow_run) = t.facts.flow_run else { return Kept::Nothing };
        match flow_run.state_type {
            Some(Running) => {}
            Some(Paused) => {
                let mut paused =
                    State::paused(t.next_state_id(), t.now, flow_run.pause_timeout, None).named(names::NOT_READY);
                paused.state_details.pause_reschedule = flow_run.pause_reschedule;
                let reason =
                    format!("The flow is paused, new tasks can execute after resuming flow run: {}.", flow_run.id);
                t.reject_with(paused, reason);
            }
            _ => t.abort("The enclosing flow must be running to begin task execution."),
        }
        Kept::Nothing
    }
}
