//! A transition that is asked for twice, because the answer was lost, happens once.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;

pub struct PreventDuplicateTransitions;

impl Guard<FlowRunCore> for PreventDuplicateTransitions {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::ALL
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        let Some((initial, proposed)) = t.both() else { return Kept::Nothing };
        let id = proposed.state_details.transition_id;
        if id.is_some() && id == initial.state_details.transition_id {
            t.reject("This run has already made this state transition.");
        }
        Kept::Nothing
    }
}
