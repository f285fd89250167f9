//! The orchestration rules: whether a run may enter a proposed state, which state it enters, and what goes with it.
//!
//! [`decide_flow`] and [`decide_task`] are pure. They are given the run as it is, the proposed state, the facts around it
//! ([`facts`]), who asks ([`caller`]), the time, the settings and a seed, and answer a [`Decision`]. The store loads the
//! first and carries out the last in one transaction; nothing here reads a clock or a row.
//!
//! **How rules compose** (each rule is named as in the reference, whose order and effects are kept):
//! * A policy is a list of rules. Those whose sets of states hold the *intended* transition are compiled, in order;
//!   bookkeeping follows them.
//! * A [`Guard`] enters only if the transition is still the intended one when its turn comes. It may reject, delay, abort
//!   or rename, and it may change the run, even where it refuses.
//! * Then the state is fixed, and the rules are left in reverse order. A guard whose expectation no longer holds, because a
//!   later one changed the type, fizzles: `cleanup` instead of `after`. A guard that was never entered, or whose own
//!   rejection left its set of states, does neither.
//! * A [`Transform`] runs always, before and after; most look whether anything is to be written.
//!
//! **What comes before.** A client's state goes through [`State::proposed`] (default name and due time, our timestamp). A
//! run that is created with a state, or with none (then it is PENDING), has it set by force. Resuming proposes SCHEDULED
//! `Resuming`, due now, where the pause reschedules, and RUNNING otherwise. Where the run is not PAUSED it is a plain ABORT
//! with state `null`: "Cannot resume a flow run that is not paused." A paused state with a `run_input_keyset` has the
//! input validated first, and stores it after an ACCEPT.
//!
//! **What comes after.** 201 or 200 as [`Decision`] says. An accepted CANCELLING gets a deadline.

mod both;
pub mod caller;
pub mod chance;
pub mod decision;
pub mod event;
pub mod facts;
mod flow;
mod policy;
mod task;
#[cfg(test)]
mod tests;
mod transition;

use wire::Time;

use crate::run::{FlowRunCore, TaskRunCore};
use crate::settings::Settings;
use crate::state::{State, StateType};
use caller::Caller;
use chance::Chance;
use decision::{Decision, OrchestrationResult, Verdict};
pub use policy::{FlowPolicy, TaskPolicy};
pub use transition::Run;
use transition::{Kept, States, Transition};

/// A rule for certain transitions.
trait Guard<R: Run>: Sync {
    /// The types of state it governs the leaving of.
    fn from(&self) -> States;
    /// The types of state it governs the entering of.
    fn to(&self) -> States;
    fn enter(&self, _: &mut Transition<'_, R>) -> Kept {
        Kept::Nothing
    }
    fn after(&self, _: &mut Transition<'_, R>, _: Kept) {}
    fn cleanup(&self, _: &mut Transition<'_, R>, _: Kept) {}
}

/// A rule for all transitions.
trait Transform<R: Run>: Sync {
    fn before(&self, _: &mut Transition<'_, R>) {}
    fn after(&self, _: &mut Transition<'_, R>) {}
}

/// An entry of a policy.
enum Rule<R: Run> {
    Guard(&'static dyn Guard<R>),
    Transform(&'static dyn Transform<R>),
}

/// A transition to decide on.
#[derive(Debug)]
pub struct Proposal<'a, R: Run> {
    /// The run, its current state in `progress.state`.
    pub run: R,
    pub state: State,
    pub facts: &'a R::Facts,
    pub caller: &'a Caller,
    /// The database's clock, read with the facts.
    pub now: Time,
    pub settings: &'a Settings,
    /// Any number; decides jitter and the ids of what the rules make.
    pub seed: u64,
}

/// Decides on a flow run's transition.
pub fn decide_flow(proposal: Proposal<'_, FlowRunCore>, policy: FlowPolicy) -> Decision<FlowRunCore> {
    decide(proposal, policy.rules(), policy::GLOBAL_FLOW)
}

/// Decides on a task run's transition by request. Task runs that arrive as events are recorded without rules.
///
/// A proposed state that is deferred is judged as a background task's, whatever `policy` says.
pub fn decide_task(proposal: Proposal<'_, TaskRunCore>, policy: TaskPolicy) -> Decision<TaskRunCore> {
    let policy = match proposal.state.state_details.deferred {
        Some(true) => TaskPolicy::Background,
        _ => policy,
    };
    decide(proposal, policy.rules(), policy::GLOBAL_TASK)
}

/// What has become of a compiled rule.
enum Entered<R: Run> {
    Guard { guard: &'static dyn Guard<R>, expected: Option<StateType>, kept: Kept },
    Transform(&'static dyn Transform<R>),
}

fn decide<R: Run>(proposal: Proposal<'_, R>, rules: &[Rule<R>], bookkeeping: &[Rule<R>]) -> Decision<R> {
    let Proposal { mut run, state, facts, caller, now, settings, seed } = proposal;
    let initial = run.progress_mut().state.take();
    let run_before = run.clone();
    let from = initial.as_ref().map(|state| state.type_);
    let to = Some(state.type_);
    let mut t = Transition {
        run,
        facts,
        caller,
        settings,
        now,
        chance: Chance::new(seed),
        initial,
        proposed: Some(state),
        validated: None,
        verdict: Verdict::default(),
        effects: Vec::new(),
        announced: false,
        expected: to,
    };

    let mut entered = Vec::new();
    for rule in rules.iter().chain(bookkeeping) {
        match *rule {
            Rule::Guard(guard) => {
                let governs = guard.from().has(from) && guard.to().has(to);
                if !governs || t.proposed_type() != to {
                    continue;
                }
                t.expected = to;
                let kept = guard.enter(&mut t);
                entered.push(Entered::Guard { guard, expected: t.expected, kept });
            }
            Rule::Transform(transform) => {
                transform.before(&mut t);
                entered.push(Entered::Transform(transform));
            }
        }
    }

    let written = t.validate();
    while let Some(rule) = entered.pop() {
        match rule {
            Entered::Transform(transform) => transform.after(&mut t),
            Entered::Guard { guard, expected, .. } if !guard.to().has(expected) => {}
            Entered::Guard { guard, expected, kept } if expected == t.proposed_type() => guard.after(&mut t, kept),
            Entered::Guard { guard, kept, .. } => guard.cleanup(&mut t, kept),
        }
    }

    let Transition { mut run, initial, validated, verdict, effects, announced, .. } = t;
    let run_changed = written.is_some() || run != run_before;
    run.progress_mut().state = match &written {
        Some(written) => Some(written.state.clone()),
        None => initial.clone(),
    };
    Decision {
        result: OrchestrationResult { state: validated, verdict },
        initial,
        written,
        run,
        run_changed,
        effects,
        announced,
    }
}
