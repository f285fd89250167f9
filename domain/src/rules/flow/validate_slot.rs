//! A run that begins still has its slot, or takes another, or is cancelled.
//!
//! Its lease may have run out while infrastructure was being provided, and the slot may be another's by now.

use std::time::Duration;

use crate::rules::Guard;
use crate::rules::decision::{Effect, Holder, NewLease};
use crate::rules::facts::DeploymentFacts;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::settings::Settings;
use crate::state::State;
use crate::state::StateType::{Pending, Running};

pub struct ValidateDeploymentConcurrencyAtRunning;

impl Guard<FlowRunCore> for ValidateDeploymentConcurrencyAtRunning {
    fn from(&self) -> States {
        States::of(&[Pending])
    }

    fn to(&self) -> States {
        States::of(&[Running])
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        let Some((initial, proposed)) = t.both() else { return Kept::Nothing };
        let lease = initial.state_details.deployment_concurrency_lease_id;
        proposed.state_details.deployment_concurrency_lease_id = lease;
        let Some(lease) = lease else { return Kept::Nothing };
        // A client that renews no leases would lose its slot to this.
        if !t.caller.renews_leases() || t.run.deployment_id.is_none() {
            return Kept::Nothing;
        }
        let facts = t.facts;
        let Some(deployment) = &facts.deployment else { return Kept::Nothing };
        let Some(limit) = &deployment.limit else { return Kept::Nothing };
        let ttl = grace_period(deployment, t.settings);
        if facts.lease_stands {
            t.effects.push(Effect::Renew { lease, ttl });
            return Kept::Nothing;
        }
        if limit.has_room() {
            let (id, holder) = (t.chance.lease_id(), Some(Holder::FlowRun(t.run.id)));
            t.effects.push(Effect::Secure(NewLease { id, limits: vec![limit.id], slots: 1, ttl, holder }));
            if let Some(proposed) = &mut t.proposed {
                proposed.state_details.deployment_concurrency_lease_id = Some(id);
            }
            return Kept::Lease(id);
        }
        // Infrastructure is up already: too late to be put off.
        let cancelled = State::cancelled(t.next_state_id(), t.now)
            .saying("Deployment concurrency slot lost during provisioning - no slots available to continue execution");
        t.reject_with(cancelled, "Deployment concurrency limit reached after lease expiry.");
        Kept::Nothing
    }

    /// Takes the new slot back where a later rule stops the run. (The reference forgets to, and the slot is lost until the
    /// lease runs out.)
    fn cleanup(&self, t: &mut Transition<'_, FlowRunCore>, kept: Kept) {
        if let Kept::Lease(lease) = kept {
            t.unsecure(lease);
        }
    }
}

/// How long a slot is held for a run whose client has not come up.
pub(super) fn grace_period(deployment: &DeploymentFacts, settings: &Settings) -> Duration {
    let own = deployment.options.and_then(|options| options.grace_period);
    own.unwrap_or(settings.initial_deployment_lease)
}
