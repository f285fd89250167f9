//! Only a SCHEDULED run can be late, and only once.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::state::StateType::Scheduled;
use crate::state::names;

pub struct EnsureOnlyScheduledFlowsMarkedLate;

impl Guard<FlowRunCore> for EnsureOnlyScheduledFlowsMarkedLate {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Scheduled])
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        let Some((initial, proposed)) = t.both() else { return Kept::Nothing };
        if proposed.name.as_deref() != Some(names::LATE) {
            return Kept::Nothing;
        }
        if !initial.is_scheduled() {
            t.reject("Only scheduled flows can be marked late.");
        } else if initial.name.as_deref() == Some(names::LATE) {
            t.reject("This flow run is already marked late.");
        }
        Kept::Nothing
    }
}
