//! A run that becomes PENDING takes a slot of its deployment's limit, or waits, or is cancelled.
//!
//! PENDING and not RUNNING, so that a worker starts no infrastructure for a run that could not run. The slot is held by a
//! lease, which the client renews once it is up.

use super::validate_slot::grace_period;
use crate::rules::Guard;
use crate::rules::decision::{Effect, NewLease};
use crate::rules::facts::CollisionStrategy;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::state::State;
use crate::state::StateType::{Cancelling, Pending, Running};

pub struct SecureFlowConcurrencySlots;

impl Guard<FlowRunCore> for SecureFlowConcurrencySlots {
    fn from(&self) -> States {
        States::but(&[Pending, Running, Cancelling])
    }

    fn to(&self) -> States {
        States::of(&[Pending])
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        if t.run.deployment_id.is_none() || t.caller.takes_slots_itself() {
            return Kept::Nothing;
        }
        let facts = t.facts;
        let Some(deployment) = &facts.deployment else {
            t.abort("Deployment not found.");
            return Kept::Nothing;
        };
        let Some(limit) = &deployment.limit else { return Kept::Nothing };
        if limit.limit == 0 {
            t.abort("The deployment concurrency limit is 0. The flow will deadlock if submitted again.");
            return Kept::Nothing;
        }
        if limit.has_room() {
            let lease = t.chance.lease_id();
            let ttl = grace_period(deployment, t.settings);
            t.effects.push(Effect::Secure(NewLease { id: lease, limits: vec![limit.id], slots: 1, ttl, holder: None }));
            if let Some(proposed) = &mut t.proposed {
                proposed.state_details.deployment_concurrency_lease_id = Some(lease);
            }
            return Kept::Lease(lease);
        }
        let id = t.next_state_id();
        let instead = match deployment.options.map(|options| options.collision_strategy) {
            None | Some(CollisionStrategy::Enqueue) => {
                State::awaiting_concurrency_slot(id, t.now, t.now + t.settings.deployment_slot_wait)
            }
            Some(CollisionStrategy::CancelNew) => {
                State::cancelled(id, t.now).saying("Deployment concurrency limit reached.")
            }
        };
        t.reject_with(instead, "Deployment concurrency limit reached.");
        Kept::Nothing
    }

    fn cleanup(&self, t: &mut Transition<'_, FlowRunCore>, kept: Kept) {
        let Kept::Lease(lease) = kept else { return };
        t.unsecure(lease);
        if let Some(validated) = &mut t.validated {
            validated.state_details.deployment_concurrency_lease_id = None;
        }
    }
}
