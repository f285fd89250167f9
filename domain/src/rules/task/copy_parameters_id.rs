//! A background task run keeps naming its stored parameters, unless the next state brings others.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::StateType::{Pending, Running, Scheduled};

pub struct CopyTaskParametersID;

impl Guard<TaskRunCore> for CopyTaskParametersID {
    fn from(&self) -> States {
        States::of(&[Scheduled, Pending])
    }

    fn to(&self) -> States {
        States::of(&[Pending, Running])
    }

    fn enter(&self, t: &mut Transition<'_, TaskRunCore>) -> Kept {
        if let Some((initial, proposed)) = t.both() {
            let id = &mut proposed.state_details.task_parameters_id;
            *id = id.or(initial.state_details.task_parameters_id);
        }
        Kept::Nothing
    }
}
