//! A background task run that is scheduled is offered to the task workers.

use crate::rules::Guard;
use crate::rules::decision::Effect;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::Scheduled;
use crate::state::names;

pub struct EnqueueScheduledTasks;

impl Guard<TaskRunCore> for EnqueueScheduledTasks {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Scheduled])
    }

    fn after(&self, t: &mut Transition<'_, TaskRunCore>, _: Kept) {
        let Some(validated) = &t.validated else { return };
        if validated.state_details.deferred == Some(true) {
            let retry = validated.name.as_deref() == Some(names::AWAITING_RETRY);
            t.effects.push(Effect::Offer { run: t.run.id, task_key: t.run.task_key.clone(), retry });
        }
    }
}
