//! A run that is being cancelled becomes CANCELLED and nothing else.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::state::StateType::{Cancelled, Cancelling};

pub struct EnforceCancellingToCancelledTransition;

impl Guard<FlowRunCore> for EnforceCancellingToCancelledTransition {
    fn from(&self) -> States {
        States::of(&[Cancelling])
    }

    fn to(&self) -> States {
        States::but(&[Cancelled])
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        t.reject("Cannot transition flows that are cancelling to a state other than Cancelled.");
        Kept::Nothing
    }
}
