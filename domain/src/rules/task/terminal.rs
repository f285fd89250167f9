//! Leaving a final state: not for a state that only a live run can have, and not so that a kept result is lost. A run that
//! is taken up again has all its retries before it.

use crate::rules::Guard;
use crate::rules::decision::ResultData;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::{Cancelling, Crashed, Paused};
use crate::state::names;

pub struct HandleTaskTerminalStateTransitions;

impl Guard<TaskRunCore> for HandleTaskTerminalStateTransitions {
    fn from(&self) -> States {
        States::TERMINAL
    }

    fn to(&self) -> States {
        States::ALL
    }

    fn enter(&self, t: &mut Transition<'_, TaskRunCore>) -> Kept {
        let original = Kept::RunCount(t.run.progress.run_count);
        let Some((initial, proposed)) = t.both() else { return original };
        if matches!(proposed.type_, Cancelling | Paused | Crashed) {
            let reason = format!("Run is already {}.", initial.type_);
            t.abort(reason);
            return original;
        }
        if initial.is_completed() && ResultData::of(initial.data.as_ref()) == ResultData::Persisted {
            t.reject("This run is already completed.");
            return original;
        }
        let (to_final, to_running) = (proposed.is_final(), proposed.is_running());
        if !to_final {
            t.run.progress.run_count = 0;
        }
        let flow_retries = t.run.flow_run_id.is_some()
            && t.facts.flow_run.is_some_and(|flow_run| t.run.flow_run_run_count < flow_run.run_count);
        if to_running && flow_retries {
            t.rename(names::RETRYING);
        }
        original
    }

    fn cleanup(&self, t: &mut Transition<'_, TaskRunCore>, kept: Kept) {
        if let Kept::RunCount(original) = kept {
            t.run.progress.run_count = original;
        }
    }
}
