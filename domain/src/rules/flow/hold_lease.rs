//! A client that does not renew leases keeps its slot until the run leaves it.
//!
//! The reference's `RemoveDeploymentConcurrencyLeaseForOldClientVersions` drops the lease and leaves the slot taken, to be
//! taken back later by guess. Here the lease stays and never runs out, so that every slot has a lease that tells of it.

use crate::rules::Guard;
use crate::rules::decision::Effect;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::FlowRunCore;
use crate::state::StateType::{Cancelling, Pending, Running};

pub struct RemoveDeploymentConcurrencyLeaseForOldClientVersions;

impl Guard<FlowRunCore> for RemoveDeploymentConcurrencyLeaseForOldClientVersions {
    fn from(&self) -> States {
        States::of(&[Pending])
    }

    fn to(&self) -> States {
        States::of(&[Running, Cancelling])
    }

    fn after(&self, t: &mut Transition<'_, FlowRunCore>, _: Kept) {
        if t.caller.renews_leases() {
            return;
        }
        if let Some(lease) = t.initial.as_ref().and_then(|state| state.state_details.deployment_concurrency_lease_id) {
            t.effects.push(Effect::Hold { lease });
        }
    }
}
