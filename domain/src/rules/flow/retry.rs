//! A flow that fails is retried in its process, as often as its policy says.

use crate::rules::caller::{PAUSES_ARE_TRACKED, TASKS_RETRY_THEMSELVES};
use crate::rules::decision::Effect;
use crate::rules::transition::{Kept, States, Transition};
use crate::rules::{Guard, Proposal, TaskPolicy, decide_task};
use crate::run::{FlowRunCore, RetryType};
use crate::state::State;
use crate::state::StateType::{Failed, Running};
use wire::Time;

pub struct RetryFailedFlows;

impl Guard<FlowRunCore> for RetryFailedFlows {
    fn from(&self) -> States {
        States::of(&[Running])
    }

    fn to(&self) -> States {
        States::of(&[Failed])
    }

    fn enter(&self, t: &mut Transition<'_, FlowRunCore>) -> Kept {
        if t.run.empirical_policy.retries.is_none_or(|retries| t.run.progress.run_count > retries) {
            // What comes after is a retry of another kind, by hand for instance.
            t.run.empirical_policy.retry_type = None;
            return Kept::Nothing;
        }
        let due = t.now.plus_seconds(t.run.empirical_policy.retry_delay.unwrap_or(0) as f64);
        if !t.caller.speaks(TASKS_RETRY_THEMSELVES) {
            retry_failed_tasks(t, due);
        }
        if t.caller.speaks(PAUSES_ARE_TRACKED) {
            t.run.empirical_policy.begin_attempt(Some(RetryType::InProcess));
        }
        let mut retry = State::awaiting_retry(t.next_state_id(), t.now, due);
        let Some((initial, proposed)) = t.both() else { return Kept::Nothing };
        retry.message = proposed.message.take();
        retry.data = proposed.data.take();
        // The process keeps its slot, and renews its lease, across the retry.
        retry.state_details.deployment_concurrency_lease_id = initial.state_details.deployment_concurrency_lease_id;
        t.reject_with(retry, "Retrying");
        Kept::Nothing
    }
}

/// Old clients expect the server to bring the failed tasks back; their own retries begin at the first again.
fn retry_failed_tasks(t: &mut Transition<'_, FlowRunCore>, due: Time) {
    let facts = t.facts;
    for task in &facts.failed_tasks {
        let proposal = Proposal {
            run: task.run.clone(),
            state: State::awaiting_retry(t.next_state_id(), t.now, due),
            facts: &task.facts,
            caller: t.caller,
            now: t.now,
            settings: t.settings,
            seed: t.chance.number(),
        };
        let mut decision = decide_task(proposal, TaskPolicy::Minimal);
        decision.run.progress.run_count = 0;
        t.effects.push(Effect::Task(Box::new(decision)));
    }
}
