//! A run keeps naming its slot's lease: workers send `null` in its place.

use crate::rules::Transform;
use crate::rules::transition::Transition;
use crate::run::FlowRunCore;

pub struct PreserveDeploymentConcurrencyLeaseId;

impl Transform<FlowRunCore> for PreserveDeploymentConcurrencyLeaseId {
    fn before(&self, t: &mut Transition<'_, FlowRunCore>) {
        if let Some((initial, proposed)) = t.both() {
            let lease = &mut proposed.state_details.deployment_concurrency_lease_id;
            *lease = lease.or(initial.state_details.deployment_concurrency_lease_id);
        }
    }
}
