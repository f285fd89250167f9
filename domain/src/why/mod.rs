//! Why a flow run does not run yet: what keeps it from starting, who holds what it waits for, and what comes next. Pure:
//! [`facts`] are read by the store, [`explain`] makes sentences of them.
//!
//! Codes are for programs and do not change; sentences are for people and may.

mod answer;
mod facts;
mod sentences;
mod waiting;

#[cfg(test)]
mod tests;

pub use answer::{FlowRunWhy, HOLDERS_SHOWN, Reason, ReasonCode, ReasonFacts, SlotHolder, Thing, ThingKind};
pub use facts::{Deployment, Facts, Limit, Pool, Queue, Run, Schedule, Slots, TagLimit};

use wire::Time;

use crate::state::StateType;

/// The answer about one run.
pub fn explain(facts: &Facts) -> FlowRunWhy {
    let run = &facts.run;
    let reasons = reasons(facts);
    FlowRunWhy {
        flow_run_id: run.id,
        name: run.name.clone(),
        state_type: run.state_type,
        state_name: run.state_name.clone(),
        since: run.since,
        seconds_in_state: run.since.map(|since| elapsed(facts.now, since)),
        expected_start_time: run.expected_start_time,
        next_scheduled_start_time: run.next_scheduled_start_time,
        seconds_late: seconds_late(facts),
        waits_for: reasons.iter().find(|reason| reason.blocks).map(|reason| reason.code),
        summary: summary(&reasons),
        reasons,
    }
}

/// The answer for somebody who may not see all of what it is about: `scope_for` says which scope lacks for a kind of thing.
/// What kind of reason it is stays; its sentence and its facts are for those who see the thing.
pub fn hide(mut why: FlowRunWhy, scope_for: impl Fn(ThingKind) -> Option<String>) -> FlowRunWhy {
    for reason in &mut why.reasons {
        if let Some(scope) = reason.facts.about.as_ref().and_then(|about| scope_for(about.kind)) {
            reason.message = format!("What this is about is for those with the scope {scope}.");
            reason.facts = ReasonFacts::default();
        }
    }
    why.summary = summary(&why.reasons);
    why
}

fn summary(reasons: &[Reason]) -> String {
    let first = reasons.iter().find(|reason| reason.blocks).or(reasons.first());
    first.map(|reason| reason.message.clone()).unwrap_or_default()
}

fn reasons(facts: &Facts) -> Vec<Reason> {
    match facts.run.state_type {
        Some(StateType::Scheduled) => waiting::reasons(facts),
        None => vec![Reason::blocking(ReasonCode::NoState, "The run has no state, so nobody starts it.")],
        Some(type_) => sentences::of_state(facts, type_),
    }
}

/// Seconds that the run began behind its time, or is behind it now.
fn seconds_late(facts: &Facts) -> f64 {
    let run = &facts.run;
    let Some(expected) = run.expected_start_time else { return 0.0 };
    let ended = run.state_type.is_some_and(StateType::is_final);
    match (run.start_time, ended) {
        (Some(start), _) => elapsed(start, expected),
        (None, false) => elapsed(facts.now, expected),
        (None, true) => 0.0,
    }
}

/// Seconds from one time to a later one; none where it is not later.
fn elapsed(now: Time, then: Time) -> f64 {
    now.seconds_since(then).max(0.0)
}
