//! A PENDING state keeps the due time of the SCHEDULED one before it, unless it brings its own.

use crate::rules::Guard;
use crate::rules::transition::{Kept, Run, States, Transition};
use crate::state::StateType::{Pending, Scheduled};

pub struct CopyScheduledTime;

impl<R: Run> Guard<R> for CopyScheduledTime {
    fn from(&self) -> States {
        States::of(&[Scheduled])
    }

    fn to(&self) -> States {
        States::of(&[Pending])
    }

    fn enter(&self, t: &mut Transition<'_, R>) -> Kept {
        if let Some((initial, proposed)) = t.both()
            && proposed.state_details.scheduled_time.is_none()
        {
            proposed.state_details.scheduled_time = initial.state_details.scheduled_time;
        }
        Kept::Nothing
    }
}
