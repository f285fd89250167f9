//! A flow run's change of state.

use std::collections::HashMap;

use domain::cleanups::CleanupKind;
use domain::deployments::parameters::{Variables, names_of_variables};
use domain::flow_runs::too_large_filled_in;
use domain::hydrate::{TooLarge, Unfilled, Unrendered, hydrate};
use domain::json_schema::{Misfit, TOO_MUCH, validate};
use domain::rules::caller::TASKS_RETRY_THEMSELVES;
use domain::rules::decision::{OrchestrationResult, Verdict};
use domain::rules::facts::FlowFacts;
use domain::rules::{FlowPolicy, Proposal, decide_flow};
use domain::state::{State, StateType, names};
use domain::states::StateCreate;
use domain::templates::Rendered;
use domain::{FlowRunId, StateId};
use serde_json::Value;
use uuid::Uuid;
use wire::{RawJson, RawObject};

use super::facts::{self, Locked, Wanted};
use super::{read_input, waiting};
use crate::orchestration::{
    Aftermath, Asks, Changes, NewCleanup, NewInput, Outcome, Stands, apply_flow, flow_falls_due,
};
use crate::{Result, Tx, cleanups, events, variables};

/// Puts a proposed state to the rules and writes what they decide. `None` where there is no such run.
pub async fn set_state(
    mut tx: Tx<'_>,
    id: FlowRunId,
    proposed: StateCreate,
    policy: FlowPolicy,
    asks: &Asks,
) -> Result<Option<Outcome>> {
    let Some(mut locked) = facts::lock(&mut tx, id, Wanted::by(policy, proposed.type_)).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    if policy == FlowPolicy::Core && proposed.type_ == StateType::Running {
        facts::look_after_slot(&mut tx, &mut locked).await?;
    }
    let state = proposed.into_state(StateId::new(locked.now), locked.now);
    conclude(tx, locked, state, policy, asks, Then::Nothing).await.map(Some)
}

/// Resumes a run that is paused: scheduled anew where the pause ended its process, else running. A pause may have asked for
/// an input, which is then looked at first and kept with an accepted change.
pub async fn resume(
    mut tx: Tx<'_>,
    id: FlowRunId,
    input: Option<&RawObject>,
    rendered: &Rendered,
    asks: &Asks,
) -> Result<Option<Outcome>> {
    let Some(locked) = facts::lock(&mut tx, id, Wanted::Run).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    let Some(paused) = locked.run.progress.state.clone().filter(State::is_paused) else {
        let verdict = Verdict::Abort { reason: "Cannot resume a flow run that is not paused.".into() };
        return refuse(tx, None, verdict).await.map(Some);
    };
    let mut then = Then::Nothing;
    if let Some(keyset) = paused.state_details.run_input_keyset.as_ref().filter(|keyset| !keyset.is_empty()) {
        let schema = match keyset.get("schema") {
            Some(key) => read_input(&mut tx, id, key).await?,
            None => None,
        };
        let variables = match input.map(|input| names_of_variables(&[input], rendered)) {
            None => HashMap::new(),
            Some(Ok(names)) => variables::values(&mut tx, &names).await?,
            Some(Err(TooLarge)) => {
                let verdict = Verdict::RejectInput { reason: too_large_filled_in() };
                return refuse(tx, Some(paused), verdict).await.map(Some);
            }
        };
        let input = match accept_input(input, schema.as_deref(), (&variables, rendered)) {
            Ok(Ok(input)) => input,
            Ok(Err(reason)) => return refuse(tx, Some(paused), Verdict::RejectInput { reason }).await.map(Some),
            Err(unrendered) => {
                tx.rollback().await?;
                return Err(unrendered.into());
            }
        };
        let said = input.as_object().is_some_and(|fields| !fields.is_empty());
        if let Some(key) = keyset.get("response").filter(|_| said) {
            then = Then::Keep(NewInput {
                id: Uuid::now_v7(),
                flow_run_id: id,
                key: key.clone(),
                value: RawJson::of(&input).text().to_owned(),
                sender: None,
            });
        }
    }
    let (now, state_id) = (locked.now, StateId::new(locked.now));
    let state = match paused.state_details.pause_reschedule {
        true => State::scheduled(state_id, now, now).named(names::RESUMING),
        false => State::running(state_id, now),
    };
    conclude(tx, locked, state, FlowPolicy::Core, asks, then).await.map(Some)
}

/// The input, filled in, if it fits the schema that the pause has left; why not, in the reference's words, otherwise.
fn accept_input(
    input: Option<&RawObject>,
    schema: Option<&str>,
    (variables, rendered): (&Variables, &Rendered),
) -> Result<Result<Value, String>, Unrendered> {
    let input = input.map_or_else(|| Value::Object(Default::default()), |input| input.0.to_value());
    let input = hydrate(input, variables, rendered)?.map_err(|unfilled| match unfilled {
        Unfilled::Why(why) => format!("Error hydrating run input: {why}"),
        Unfilled::TooLarge => too_large_filled_in(),
    });
    Ok(input.and_then(|input| fit_input(input, schema)))
}

fn fit_input(input: Value, schema: Option<&str>) -> Result<Value, String> {
    let schema = schema.ok_or("Run input schema not found.")?;
    let schema: Value = serde_json::from_str(schema).map_err(|_| "Run input schema is not valid JSON.")?;
    match validate(&input, &schema) {
        Ok(()) => Ok(input),
        Err(Misfit::Invalid(why)) => Err(format!("Reason: {why}")),
        Err(Misfit::Circular) => Err("Invalid schema: Unable to validate schema with circular references.".into()),
        Err(Misfit::TooMuch) => Err(TOO_MUCH.into()),
    }
}

async fn refuse(tx: Tx<'_>, state: Option<State>, verdict: Verdict) -> Result<Outcome> {
    tx.rollback().await?;
    let result = OrchestrationResult { state, verdict };
    Ok(Outcome { result, written: false, aftermath: Aftermath::default() })
}

/// What follows where a proposal is accepted.
pub(super) enum Then {
    Nothing,
    /// The answer to a pause is kept.
    Keep(NewInput),
    /// A worker of the run's pool takes its infrastructure down.
    CleanUp(CleanupKind),
}

/// Decides and writes.
pub(super) async fn conclude(
    mut tx: Tx<'_>,
    locked: Locked,
    state: State,
    policy: FlowPolicy,
    asks: &Asks,
    then: Then,
) -> Result<Outcome> {
    let Locked { run, mut facts, around, now } = locked;
    if state.type_ == StateType::Failed && !asks.caller.speaks(TASKS_RETRY_THEMSELVES) {
        facts = FlowFacts { failed_tasks: facts::failed_tasks(&mut tx, run.id).await?, ..facts };
    }
    let Asks { caller, settings } = asks;
    let proposal = Proposal { run, state, facts: &facts, caller, now, settings, seed: rand::random() };
    let decision = decide_flow(proposal, policy);
    let (mut changes, mut aftermath) = (Changes::default(), Aftermath::default());
    apply_flow(&decision, &around, Stands::Already, settings, &mut changes, &mut aftermath);
    waiting::wake(&mut tx, decision.written.as_ref().map(|written| &written.state), &around);
    match then {
        Then::Keep(answered) if decision.result.verdict == Verdict::Accept => changes.input(answered),
        Then::CleanUp(kind) if decision.result.verdict == Verdict::Accept => {
            changes.cleanup(NewCleanup { id: Uuid::now_v7(), flow_run_id: decision.run.id, kind: kind.number() });
            around.work_pool.iter().for_each(|(pool, _)| tx.wake(cleanups::topic(pool.id)));
        }
        _ => {}
    }
    tx.falls_due(flow_falls_due(&decision, settings));
    // Also where there are effects but no rows: what they ask for may be nothing.
    match changes.is_empty() {
        true => tx.rollback().await?,
        false => {
            let scope = tx.scope();
            tx.last_run(changes.text(), &changes.params()).await?;
            events::announce_changes(scope, &aftermath.events);
        }
    }
    Ok(Outcome { written: decision.written.is_some(), result: decision.result, aftermath })
}
