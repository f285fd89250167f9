//! A run without infrastructure is cancelled at once, for there is nothing to stop.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::state::StateType::{Cancelling, Paused, Scheduled};
use crate::state::{State, names};

pub struct BypassCancellingFlowRunsWithNoInfra;

impl Guard<FlowRunCore> for BypassCancellingFlowRunsWithNoInfra {
    fn from(&self) -> States {
        States::of(&[Scheduled, Paused])
    }

    fn to(&self) -> States {
        States::of(&[Cancelling])
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        let Some(initial) = &t.initial else { return Kept::Nothing };
        // A run that awaits its retry may have infrastructure; one that resumes has none yet, whatever its old process was.
        let has_infrastructure = t.run.infrastructure_pid.as_ref().is_some_and(|pid| !pid.is_empty());
        let kind = if initial.is_scheduled() && !has_infrastructure || initial.name.as_deref() == Some(names::RESUMING)
        {
            "Scheduled"
        } else if initial.is_paused() && initial.state_details.pause_reschedule {
            "Suspended"
        } else {
            return Kept::Nothing;
        };
        let cancelled = State::cancelled(t.next_state_id(), t.now);
        t.reject_with(cancelled, format!("{kind} flow run has no infrastructure to terminate."));
        Kept::Nothing
    }
}
