//! How often a task run has begun.

use crate::rules::Transform;
use crate::rules::transition::Transition;
use crate::run::TaskRunCore;

pub struct IncrementTaskRunCount;

impl Transform<TaskRunCore> for IncrementTaskRunCount {
    fn before(&self, t: &mut Transition<'_, TaskRunCore>) {
        if t.proposed.as_ref().is_some_and(|state| state.is_running()) {
            t.run.progress.run_count += 1;
        }
    }
}
