//! Waits that are over: pauses that nobody ended fail, cancellations that nobody carried out are carried out, and the
//! children of cancelled runs are cancelled (reference: `services/pause_expirations.py`, `services/cancellation_cleanup.py`).

use domain::state::StateType;
use tenant_store::flow_runs::due::{self, Due};
use tenant_store::{Result, task_runs};

use super::{Look, Turn};

/// Runs of one step.
const STEP: i64 = 100;
/// Children of one run in a step, of each kind.
const CHILDREN: i64 = 100;

pub async fn look(turn: &Turn) -> Result<Look> {
    let found = due::overdue(&mut turn.read().await?, turn.now(), STEP).await?;
    let mut look = Look::next(found.next);
    for run in &found.due {
        match run.state_type {
            Some(StateType::Cancelled) => cancel_children(turn, run, &mut look).await?,
            _ => match due::end_wait(turn.change().await?, run, &turn.asks()).await? {
                Some(outcome) => {
                    look.did(run.at);
                    // A rule may have stood against it, and will the next time: it is not looked at for ever.
                    if !outcome.written {
                        due::put_off(turn.change().await?, run, None).await?;
                    }
                }
                None => tracing::debug!(flow_run = %run.id, "it went on meanwhile"),
            },
        }
    }
    Ok(look)
}

async fn cancel_children(turn: &Turn, run: &Due, look: &mut Look) -> Result<()> {
    let children = due::children(&mut turn.read().await?, run.id, CHILDREN).await?;
    let more = children.tasks.len() as i64 == CHILDREN || children.subflows.len() as i64 == CHILDREN;
    for task in children.tasks {
        if task_runs::cancel_with_flow_run(turn.change().await?, task, &turn.asks()).await?.is_some() {
            look.did(run.at);
        }
    }
    for subflow in children.subflows {
        if due::cancel_subflow(turn.change().await?, &subflow, &turn.asks()).await?.is_some() {
            look.did(run.at);
        }
    }
    if more {
        look.again(turn.now());
        return Ok(());
    }
    let next = due::next_look_for_children(run.entered.unwrap_or(run.at), turn.now());
    due::put_off(turn.change().await?, run, next).await?;
    if let Some(next) = next {
        look.again(next);
    }
    Ok(())
}
