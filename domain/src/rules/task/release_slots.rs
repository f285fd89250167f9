//! A run that is neither RUNNING nor CANCELLING holds no slots of its tags.

use crate::rules::Transform;
use crate::rules::decision::Effect;
use crate::rules::transition::{States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::{Cancelling, Running};

pub struct ReleaseTaskConcurrencySlots;

const HOLDING: States = States::of(&[Running, Cancelling]);

impl Transform<TaskRunCore> for ReleaseTaskConcurrencySlots {
    fn after(&self, t: &mut Transition<'_, TaskRunCore>) {
        let leaves = t.validated.as_ref().is_some_and(|state| !HOLDING.has(Some(state.type_)));
        if t.proposed.is_some() && leaves {
            t.effects.extend(t.facts.held_leases.iter().map(|&lease| Effect::Release { lease }));
        }
    }
}
