//! Two workers must not submit the same run: who finds it PENDING or RUNNING already is told to give up.
//!
//! A cancelled run goes to SCHEDULED before it is submitted again. Steps within PENDING (`Submitting`,
//! `InfrastructurePending`) are no second submission: they bear another name, and none of them is called `Pending`.

use crate::rules::Guard;
use crate::rules::transition::{Kept, Run, States, Transition};
use crate::state::StateType::{Cancelled, Cancelling, Pending, Running};
use crate::state::names;

pub struct PreventPendingTransitions;

impl<R: Run> Guard<R> for PreventPendingTransitions {
    fn from(&self) -> States {
        States::of(&[Pending, Cancelling, Running, Cancelled])
    }

    fn to(&self) -> States {
        States::of(&[Pending])
    }

    fn enter(&self, t: &mut Transition<'_, R>) -> Kept {
        let Some((initial, proposed)) = t.both() else { return Kept::Nothing };
        if initial.is_pending() && initial.name != proposed.name && proposed.name.as_deref() != Some(names::PENDING) {
            proposed.state_details.scheduled_time = initial.state_details.scheduled_time;
            proposed.state_details.deployment_concurrency_lease_id =
                initial.state_details.deployment_concurrency_lease_id;
            return Kept::Nothing;
        }
        let reason = format!("This run is in a {} state and cannot transition to a PENDING state.", initial.type_);
        t.abort(reason);
        Kept::Nothing
    }
}
