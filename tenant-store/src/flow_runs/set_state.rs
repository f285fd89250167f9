//! A flow run's change of state.

use domain::rules::caller::TASKS_RETRY_THEMSELVES;
use domain::rules::decision::{OrchestrationResult, Verdict};
use domain::rules::facts::FlowFacts;
use domain::rules::{FlowPolicy, Proposal, decide_flow};
use domain::state::{State, StateType, names};
use domain::states::StateCreate;
use domain::{FlowRunId, StateId};
use wire::Time;

use super::facts::{self, Locked};
use crate::orchestration::{Aftermath, Asks, Changes, Outcome, Stands, apply_flow};
use crate::{Result, Tx};

/// Puts a proposed state to the rules and writes what they decide. `None` where there is no such run.
pub async fn set_state(
    tx: Tx<'_>,
    id: FlowRunId,
    proposed: StateCreate,
    policy: FlowPolicy,
    asks: &Asks,
) -> Result<Option<Outcome>> {
    propose(tx, id, |_, state_id, now| Ok(proposed.into_state(state_id, now)), policy, asks).await
}

/// Resumes a run that is paused: scheduled anew where the pause ended its process, else running.
///
/// `ready` looks at the paused state and may refuse; what it returns is stored with an accepted change.
pub async fn resume(tx: Tx<'_>, id: FlowRunId, asks: &Asks) -> Result<Option<Outcome>> {
    propose(tx, id, |run, state_id, now| resumed(run, state_id, now), FlowPolicy::Core, asks).await
}

fn resumed(current: Option<&State>, id: StateId, now: Time) -> Result<State, Verdict> {
    match current.filter(|state| state.is_paused()) {
        None => Err(Verdict::Abort { reason: "Cannot resume a flow run that is not paused.".into() }),
        Some(paused) if paused.state_details.pause_reschedule => Ok(State::scheduled(id, now, now).named(names::RESUMING)),
        Some(_) => Ok(State::running(id, now)),
    }
}

async fn propose(
    mut tx: Tx<'_>,
    id: FlowRunId,
    state: impl FnOnce(Option<&State>, StateId, Time) -> Result<State, Verdict>,
    policy: FlowPolicy,
    asks: &Asks,
) -> Result<Option<Outcome>> {
    let Some(Locked { run, mut facts, around, now }) = facts::lock(&mut tx, id).await? else {
        tx.rollback().await?;
        return Ok(None);
    };
    let state = match state(run.progress.state.as_ref(), StateId::new(now), now) {
        Ok(state) => state,
        Err(verdict) => {
            tx.rollback().await?;
            let result = OrchestrationResult { state: None, verdict };
            return Ok(Some(Outcome { result, written: false, aftermath: Aftermath::default() }));
        }
    };
    if state.type_ == StateType::Failed && !asks.caller.speaks(TASKS_RETRY_THEMSELVES) {
        facts = FlowFacts { failed_tasks: facts::failed_tasks(&mut tx, id).await?, ..facts };
    }
    let Asks { caller, settings } = asks;
    let proposal = Proposal { run, state, facts: &facts, caller, now, settings, seed: rand::random() };
    let decision = decide_flow(proposal, policy);
    let (mut changes, mut aftermath) = (Changes::default(), Aftermath::default());
    apply_flow(&decision, &around, Stands::Already, &mut changes, &mut aftermath);
    // Also where there are effects but no rows: what they ask for may be nothing.
    match changes.is_empty() {
        true => tx.rollback().await?,
        false => {
            tx.last_run(changes.text(), &changes.params()).await?;
        }
    }
    Ok(Some(Outcome { written: decision.written.is_some(), result: decision.result, aftermath }))
}
