//! No run starts before it is due: the client is told how many seconds to wait.

use crate::rules::Guard;
use crate::rules::transition::{Kept, Run, States, Transition};
use crate::state::StateType::{Pending, Running, Scheduled};

pub struct WaitForScheduledTime;

impl<R: Run> Guard<R> for WaitForScheduledTime {
    fn from(&self) -> States {
        States::of(&[Scheduled, Pending])
    }

    fn to(&self) -> States {
        States::of(&[Running])
    }

    fn enter(&self, t: &mut Transition<'_, R>) -> Kept {
        let Some(due) = t.initial.as_ref().and_then(|state| state.state_details.scheduled_time) else {
            return Kept::Nothing;
        };
        let micros = due.micros() - t.now.micros();
        // To the nearest second, half a second being none.
        let seconds = micros.div_euclid(1_000_000) + i64::from(micros.rem_euclid(1_000_000) > 500_000);
        if seconds > 0 {
            t.delay(seconds, "Scheduled time is in the future");
        }
        Kept::Nothing
    }
}
