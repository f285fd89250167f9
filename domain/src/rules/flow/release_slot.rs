//! A run that leaves PENDING, RUNNING and CANCELLING gives back its deployment's slot.
//!
//! Except one that retries in its own process: it goes on renewing its lease meanwhile. That is the AwaitingRetry that
//! [`RetryFailedFlows`](super::RetryFailedFlows) put in place of a failure; one that was proposed leaves the process.

use crate::rules::Transform;
use crate::rules::decision::{Effect, Verdict};
use crate::rules::transition::{States, Transition};
use crate::run::FlowRunCore;
use crate::state::StateType::{Cancelling, Pending, Running};
use crate::state::names;

pub struct ReleaseFlowConcurrencySlots;

const HOLDING: States = States::of(&[Pending, Running, Cancelling]);

impl Transform<FlowRunCore> for ReleaseFlowConcurrencySlots {
    fn after(&self, t: &mut Transition<'_, FlowRunCore>) {
        let (Some(initial), Some(proposed)) = (&t.initial, &t.proposed) else { return };
        if !HOLDING.has(Some(initial.type_)) || HOLDING.has(Some(proposed.type_)) || t.run.deployment_id.is_none() {
            return;
        }
        let retries_in_process = proposed.is_scheduled()
            && proposed.name.as_deref() == Some(names::AWAITING_RETRY)
            && matches!(t.verdict, Verdict::Reject { .. });
        if retries_in_process {
            return;
        }
        if let Some(lease) = initial.state_details.deployment_concurrency_lease_id {
            t.effects.push(Effect::Release { lease });
            return;
        }
        if let Some(limit) = t.facts.deployment.as_ref().and_then(|deployment| deployment.limit_id) {
            t.effects.push(Effect::GiveBack { limit, slots: 1 });
        }
    }
}
