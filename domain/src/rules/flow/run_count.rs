//! How often a flow run has begun.

use crate::rules::Transform;
use crate::rules::caller::PAUSES_ARE_TRACKED;
use crate::rules::transition::Transition;
use crate::run::FlowRunCore;

/// Entering RUNNING counts, unless the run resumes.
pub struct IncrementFlowRunCount;

impl Transform<FlowRunCore> for IncrementFlowRunCount {
    fn before(&self, t: &mut Transition<'_, FlowRunCore>) {
        let resumes = t.caller.speaks(PAUSES_ARE_TRACKED) && t.run.empirical_policy.resuming == Some(true);
        if t.proposed.as_ref().is_some_and(|state| state.is_running()) && !resumes {
            t.run.progress.run_count += 1;
        }
    }
}

/// A run that runs, or has ended, does not resume any more.
pub struct RemoveResumingIndicator;

impl Transform<FlowRunCore> for RemoveResumingIndicator {
    fn before(&self, t: &mut Transition<'_, FlowRunCore>) {
        let over = t.proposed.as_ref().is_some_and(|state| state.is_running() || state.is_final());
        if over && t.caller.speaks(PAUSES_ARE_TRACKED) && t.run.empirical_policy.resuming == Some(true) {
            t.run.empirical_policy.resuming = Some(false);
        }
    }
}
