//! Pausing and suspending: only a running flow, each pause once an attempt, and suspension only where somebody can start
//! the run again.

use crate::rules::Guard;
use crate::rules::decision::Effect;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::state::StateType::Paused;
use crate::state::names;

pub struct HandlePausingFlows;

impl Guard<FlowRunCore> for HandlePausingFlows {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Paused])
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        let Some(proposed) = &t.proposed else { return Kept::Nothing };
        let verb = if proposed.name.as_deref() == Some(names::SUSPENDED) { "suspend" } else { "pause" };
        let reschedules = proposed.state_details.pause_reschedule;
        let key = proposed.state_details.pause_key.clone();
        let Some(initial) = &t.initial else {
            t.abort(format!("Cannot {verb} flows with no state."));
            return Kept::Nothing;
        };
        if !initial.is_running() {
            t.reject(format!("Cannot {verb} flows that are not currently running."));
            return Kept::Nothing;
        }
        let key = key.unwrap_or_else(|| t.chance.uuid().to_string());
        if t.run.empirical_policy.pause_keys.as_ref().is_some_and(|fired| fired.contains(&key)) {
            t.reject(format!("This {verb} has already fired."));
        } else if reschedules && t.run.parent_task_run_id.is_some() {
            t.abort(format!("Cannot {verb} subflows."));
        } else if reschedules && t.run.deployment_id.is_none() {
            t.abort(format!("Cannot {verb} flows without a deployment."));
        }
        Kept::PauseKey(key)
    }

    fn after(&self, t: &mut Transition<'_, FlowRunCore>, kept: Kept) {
        if let Kept::PauseKey(key) = kept {
            t.run.empirical_policy.pause_keys.get_or_insert_default().insert(key);
        }
        // This pause fires for the first time in this attempt, so what stands under its keys was given in an earlier one.
        let keyset = t.validated.as_ref().and_then(|state| state.state_details.run_input_keyset.as_ref());
        let keys: Vec<String> = keyset.into_iter().flat_map(|keyset| keyset.values().cloned()).collect();
        if !keys.is_empty() {
            t.effects.push(Effect::ForgetInputs { keys });
        }
    }
}
