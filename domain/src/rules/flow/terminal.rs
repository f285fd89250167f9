//! Leaving a final state: not for a state that only a live run can have, not so that a kept result is lost, and to be
//! scheduled only where a deployment says how. A run that is taken up again begins a new attempt.

use super::prevent_data_loss::{LOSES_RESULT, loses_result};
use crate::rules::Guard;
use crate::rules::caller::PAUSES_ARE_TRACKED;
use crate::rules::decision::ResultData;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::{FlowRunCore, RetryType};
use crate::state::StateType::{Cancelling, Crashed, Paused};

pub struct HandleFlowTerminalStateTransitions;

impl Guard<FlowRunCore> for HandleFlowTerminalStateTransitions {
    fn from(&self) -> States {
        States::TERMINAL
    }

    fn to(&self) -> States {
        States::ALL
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        let original = Kept::Policy(t.run.empirical_policy.clone());
        let Some((initial, proposed)) = t.both() else { return original };
        let (to_final, to_scheduled) = (proposed.is_final(), proposed.is_scheduled());
        if matches!(proposed.type_, Cancelling | Paused | Crashed) {
            let reason = format!("Run is already in terminal state {}.", initial.type_);
            t.abort(reason);
        } else if initial.is_completed() && !to_final && ResultData::of(initial.data.as_ref()) == ResultData::Persisted
        {
            t.reject("Run is already COMPLETED.");
        } else if loses_result(initial, proposed) {
            t.reject(LOSES_RESULT);
        } else if to_scheduled && t.run.deployment_id.is_none() {
            t.abort("Cannot reschedule a run without an associated deployment.");
        } else if !to_final && t.caller.speaks(PAUSES_ARE_TRACKED) {
            t.run.empirical_policy.begin_attempt(to_scheduled.then_some(RetryType::Reschedule));
        }
        original
    }

    fn cleanup(&self, t: &mut Transition<'_, FlowRunCore>, kept: Kept) {
        if let Kept::Policy(original) = kept {
            t.run.empirical_policy = original;
        }
    }
}
