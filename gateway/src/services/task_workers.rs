//! Background tasks of task workers that are lost come back to the others; what has ended is offered no more. (The
//! reference keeps them in memory and loses them.)

use std::time::Duration;

use tenant_store::Result;
use tenant_store::task_workers::lost;

use super::{Look, Turn};

/// At the latest where there are workers: what has ended is to be tidied away.
const EVERY: Duration = Duration::from_secs(30);
/// Runs of a step.
const STEP: i64 = 100;

pub async fn look(turn: &Turn) -> Result<Look> {
    let mut look = Look::default();
    let (workers, offers) = lost::there(&mut turn.read().await?).await?;
    if !workers && !offers {
        return Ok(look);
    }
    let patience = turn.settings().task_worker_patience;
    let mut more = lost::tidy(turn.sweep().await?, patience).await?;
    let found = lost::lost(&mut turn.read().await?, patience, STEP).await?;
    more |= found.len() as i64 >= STEP;
    for lost in &found {
        if lost::offer_again(turn.change().await?, lost, &turn.asks()).await? {
            tracing::info!(task_run = %lost.run, worker = lost.worker, "a task worker is lost: its task is offered again");
            look.did(turn.now());
        }
    }
    if more {
        look.again(turn.now());
    }
    if workers {
        look.again(turn.now() + EVERY);
        lost::next(&mut turn.read().await?, patience).await?.into_iter().for_each(|at| look.again(at));
    }
    Ok(look)
}
