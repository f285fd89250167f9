//! A run that would be late for want of a slot is cancelled where its deployment cancels new runs; it would never reach the
//! PENDING at which [`SecureFlowConcurrencySlots`](super::SecureFlowConcurrencySlots) does that.

use crate::rules::Guard;
use crate::rules::facts::CollisionStrategy;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::state::StateType::Scheduled;
use crate::state::{State, names};

pub struct EnforceDeploymentConcurrencyOnLate;

impl Guard<FlowRunCore> for EnforceDeploymentConcurrencyOnLate {
    fn from(&self) -> States {
        States::of(&[Scheduled])
    }

    fn to(&self) -> States {
        States::of(&[Scheduled])
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        if t.proposed.as_ref().is_none_or(|state| state.name.as_deref() != Some(names::LATE)) {
            return Kept::Nothing;
        }
        let facts = t.facts;
        let Some(deployment) = &facts.deployment else { return Kept::Nothing };
        let (Some(limit), Some(options)) = (&deployment.limit, deployment.options) else { return Kept::Nothing };
        if options.collision_strategy == CollisionStrategy::CancelNew && limit.active_slots >= limit.limit {
            let cancelled = State::cancelled(t.next_state_id(), t.now).saying("Deployment concurrency limit reached.");
            t.reject_with(cancelled, "Deployment concurrency limit is full and uses the CANCEL_NEW strategy.");
        }
        Kept::Nothing
    }
}
