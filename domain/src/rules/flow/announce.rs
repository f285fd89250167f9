//! Every change of state that is written is told as an event.

use crate::rules::Transform;
use crate::rules::transition::Transition;
use crate::run::FlowRunCore;

pub struct InstrumentFlowRunStateTransitions;

impl Transform<FlowRunCore> for InstrumentFlowRunStateTransitions {
    fn after(&self, t: &mut Transition<'_, FlowRunCore>) {
        t.announced = t.proposed.is_some() && t.validated.is_some();
    }
}
