//! A task that fails is retried, as often as its policy says and where the client finds it worth it.

use crate::rules::Guard;
use crate::rules::transition::{Kept, States, Transition};
use crate::run::TaskRunCore;
use crate::state::State;
use crate::state::StateType::{Failed, Running};

pub struct RetryFailedTasks;

impl Guard<TaskRunCore> for RetryFailedTasks {
    fn from(&self) -> States {
        States::of(&[Running])
    }

    fn to(&self) -> States {
        States::of(&[Failed])
    }

    fn enter(&self, t: &mut Transition<'_, TaskRunCore>) -> Kept {
        let (policy, run_count) = (&t.run.empirical_policy, t.run.progress.run_count);
        let mut delay = policy.delay_after(run_count);
        if let Some(factor) = policy.retry_jitter_factor.filter(|factor| *factor != 0.0)
            && delay > 0.0
        {
            delay = t.chance.clamped_poisson(delay, factor);
        }
        let spent = policy.retries.is_none_or(|retries| run_count > retries);
        let (id, due) = (t.next_state_id(), t.now.plus_seconds(delay));
        let Some(proposed) = &mut t.proposed else { return Kept::Nothing };
        if spent || proposed.state_details.retriable == Some(false) {
            return Kept::Nothing;
        }
        let mut retry = State::awaiting_retry(id, t.now, due);
        retry.message = proposed.message.take();
        retry.data = proposed.data.take();
        t.reject_with(retry, "Retrying");
        Kept::Nothing
    }
}
