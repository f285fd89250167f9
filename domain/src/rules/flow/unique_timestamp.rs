//! No two states of a flow run have the same timestamp: the later one moves on by microseconds.

use std::time::Duration;

use crate::rules::Transform;
use crate::rules::transition::Transition;
use crate::run::FlowRunCore;

pub struct EnsureFlowRunStateTimestampIsUnique;

impl Transform<FlowRunCore> for EnsureFlowRunStateTimestampIsUnique {
    fn before(&self, t: &mut Transition<'_, FlowRunCore>) {
        let Some(proposed) = &mut t.proposed else { return };
        while t.facts.taken_timestamps.contains(&proposed.timestamp) {
            proposed.timestamp = proposed.timestamp + Duration::from_micros(1);
        }
    }
}
