//! A run that runs again says so: `Retrying` after `AwaitingRetry`, `Rerunning` otherwise.

use crate::rules::Guard;
use crate::rules::transition::{Kept, Run, States, Transition};
use crate::state::StateType::Running;
use crate::state::names;

pub struct RenameReruns;

impl<R: Run> Guard<R> for RenameReruns {
    fn from(&self) -> States {
        States::ALL
    }

    fn to(&self) -> States {
        States::of(&[Running])
    }

    fn enter(&self, t: &mut Transition<'_, R>) -> Kept {
        let Some(initial) = &t.initial else { return Kept::Nothing };
        if t.run.progress().run_count > 0 {
            let retries = initial.name.as_deref() == Some(names::AWAITING_RETRY);
            t.rename(if retries { names::RETRYING } else { names::RERUNNING });
        }
        Kept::Nothing
    }
}
