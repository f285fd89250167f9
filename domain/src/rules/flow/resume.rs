//! Leaving a pause: in time, and only to run, to be scheduled, or to end.

use crate::rules::Guard;
use crate::rules::caller::PAUSES_ARE_TRACKED;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::{FlowRunCore, RetryType};
use crate::state::StateType::{self, Cancelling, Paused, Pending};
use crate::state::{State, names};

pub struct HandleResumingPausedFlows;

impl Guard<FlowRunCore> for HandleResumingPausedFlows {
    fn from(&self) -> States {
        States::of(&[Paused])
    }

    fn to(&self) -> States {
        States::ALL
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        let Some((initial, proposed)) = t.both() else { return Kept::Nothing };
        let to = proposed.type_;
        let verb = if proposed.name.as_deref() == Some(names::SUSPENDED) { "suspend" } else { "pause" };
        // An empty name counts as none.
        let name = proposed.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(to.as_str()).to_lowercase();
        let reschedules = initial.state_details.pause_reschedule;
        let timeout = initial.state_details.pause_timeout;
        if matches!(to, Pending | Paused) {
            t.reject(format!(
                "This run cannot transition to the {} state from the {} state.",
                quoted(to),
                quoted(Paused)
            ));
        } else if reschedules && t.run.deployment_id.is_none() {
            t.reject(format!("Cannot reschedule a {name} flow run without a deployment."));
        } else if to == Cancelling {
            // The process is alive in a pause that blocks: cancellation must reach it even after the deadline.
        } else if timeout.is_some_and(|timeout| timeout < t.now) {
            let failed =
                State::failed(t.next_state_id(), t.now).saying(format!("The flow was {name} and never resumed."));
            t.reject_with(failed, format!("The flow run {verb} has timed out and can no longer resume."));
        }
        Kept::Nothing
    }

    /// Runs after a refusal, too: the reference marks the run as resuming whenever somebody tried.
    fn after(&self, t: &mut Transition<'_, FlowRunCore>, _: Kept) {
        let blocked = t.initial.as_ref().is_some_and(|state| !state.state_details.pause_reschedule);
        let scheduled = t.validated.as_ref().is_some_and(|state| state.is_scheduled());
        if blocked && scheduled && t.caller.speaks(PAUSES_ARE_TRACKED) {
            // A blocking pause resumes in its process. Leaving it for SCHEDULED means that the process is gone and the run
            // begins anew, so its pauses must fire again.
            t.run.empirical_policy.begin_attempt(Some(RetryType::Reschedule));
        } else {
            t.run.empirical_policy.resuming = Some(true);
        }
    }
}

/// The type as the reference's message shows it, which is its enumeration's name for it.
fn quoted(type_: StateType) -> String {
    format!("StateType.{type_}")
}
