//! Background task runs whose worker is lost come back to the others, and what has ended is offered no more.

use std::time::Duration;

use domain::TaskRunId;
use domain::rules::TaskPolicy;
use domain::state::{State, StateType, names};
use domain::states::StateCreate;
use domain::stored::Stored;
use uuid::Uuid;
use wire::Time;

use super::topic;
use crate::orchestration::Asks;
use crate::{Error, Result, Tx, task_runs};

/// Longest that it takes a client to confirm what it was sent, if it was sent at all.
const UNCONFIRMED: Duration = Duration::from_secs(60);
/// How long a worker that was missed may take to come back: after an outage of ours all of them are missed at once.
const GRACE: Duration = Duration::from_secs(5);
/// Offers that are tidied away in a step.
const TIDIED: i64 = 1000;

/// A run whose worker is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Lost {
    pub run: TaskRunId,
    pub task_key: String,
    pub worker: String,
    session: Option<Uuid>,
    /// Whether the worker had said that it has it.
    confirmed: bool,
    taken: Time,
}

crate::row! { Lost: run "o.task_run_id", task_key "o.task_key", worker "o.worker", session "o.session", confirmed "o.confirmed", taken "o.taken" }

const THERE: &str = "select exists (select from task_worker), exists (select from task_offer)";
/// When the next is missed, or lost.
const NEXT: &str = "select min(case when w.missed is null then w.seen + make_interval(secs => $1) \
        else w.missed + make_interval(secs => $2) end) from task_worker w \
    where w.missed is null or w.missed >= now() - make_interval(secs => $2)";
const MISSED: &str =
    "update task_worker set missed = now() where missed is null and seen < now() - make_interval(secs => $1)";
const FORGOTTEN: &str = "delete from task_worker w where w.seen < now() - make_interval(secs => $1) and w.missed < now() - make_interval(secs => $2) \
    and not exists (select from task_offer o where o.session = w.session and not o.confirmed)";
/// Runs that have ended, or are no more, are with nobody; of those that wait, also what is no longer scheduled. One that is
/// offered anew meanwhile stays.
const ENDED: &str = "with ended as (select o.task_run_id, o.offered from task_offer o where o.worker is not null and not exists \
        (select from task_run t where t.id = o.task_run_id and (t.state_type is null or t.state_type not in (3, 4, 5, 6))) limit $1), \
    waiting as (select o.task_run_id, o.offered from \
        (select task_run_id, offered from task_offer where worker is null order by task_run_id limit $1) o \
        where not exists (select from task_run t where t.id = o.task_run_id and t.state_type = 0)) \
    delete from task_offer o using (select e.task_run_id, e.offered from ended e union all select w.task_run_id, w.offered from waiting w) e \
        where o.task_run_id = e.task_run_id and o.offered = e.offered";
/// Taken by a worker that is not there any more, by its name: it may have connected anew meanwhile. Or never confirmed to a
/// socket that ended without giving it back.
const LOST: &str = "(select o.task_run_id, o.task_key, o.worker, o.session, o.confirmed, o.taken from task_offer o \
        where o.worker is not null and o.taken < now() - make_interval(secs => $1) and not exists (select from task_worker w \
            where w.worker = o.worker and (w.seen >= now() - make_interval(secs => $1) or w.missed is null \
            or w.missed >= now() - make_interval(secs => $2))) order by o.taken limit $4) \
    union all (select o.task_run_id, o.task_key, o.worker, o.session, o.confirmed, o.taken from task_offer o \
        where o.session is not null and not o.confirmed and o.taken < now() - make_interval(secs => $3) \
        and exists (select from task_worker w where w.worker = o.worker and w.seen >= now() - make_interval(secs => $1)) \
        and not exists (select from task_worker w where w.session = o.session and w.is_open \
            and w.seen >= now() - make_interval(secs => $3)) limit $4)";
const LOCK_RUN: &str = "select t.state_type from task_run t where t.id = $1 for update";
const LOCK_OFFER: &str = "select o.confirmed from task_offer o where o.task_run_id = $1 and o.worker = $2 and o.session = $3 and o.taken = $4 for update";
const WAITS_AGAIN: &str = "update task_offer set worker = null, session = null, taken = null, confirmed = false, retry = true \
    where task_run_id = $1";
const HAS_IT: &str = "update task_offer set confirmed = true where task_run_id = $1";
/// The parameters of a run stand in the state in which it was offered. A task that retries in its worker is scheduled too,
/// without them.
const OFFERED_IN: &str = "select s.state from run_state s where s.run_id = $1 and s.type = 'SCHEDULED' \
    order by s.state #>> '{state_details,task_parameters_id}' is not null desc, s.timestamp desc limit 1";

/// Whether a workspace has task workers, and background tasks.
pub async fn there(tx: &mut Tx<'_>) -> Result<(bool, bool)> {
    tx.one(THERE, &[]).await
}

/// Notes who is missed, forgets who has long gone and what has ended. Whether there may be more of that.
pub async fn tidy(mut tx: Tx<'_>, patience: Duration) -> Result<bool> {
    let (patience, grace) = (patience.as_secs_f64(), GRACE.as_secs_f64());
    let ended = tx.run(ENDED, &[&TIDIED]).await?;
    tx.run(FORGOTTEN, &[&(patience * 4.0), &grace]).await?;
    tx.last_run(MISSED, &[&patience]).await?;
    Ok(ended >= TIDIED.unsigned_abs())
}

/// When to look for lost workers again, if nothing happens meanwhile.
pub async fn next(tx: &mut Tx<'_>, patience: Duration) -> Result<Option<Time>> {
    Ok(tx.one::<(Option<Time>,)>(NEXT, &[&patience.as_secs_f64(), &GRACE.as_secs_f64()]).await?.0)
}

/// Runs whose worker is lost, the longest taken first.
pub async fn lost(tx: &mut Tx<'_>, patience: Duration, limit: i64) -> Result<Vec<Lost>> {
    let patience = patience.as_secs_f64();
    tx.all(LOST, &[&patience, &GRACE.as_secs_f64(), &UNCONFIRMED.as_secs_f64(), &limit]).await
}

/// Offers a run again whose worker is lost; one that had begun is scheduled anew, with the parameters that it was offered
/// with. Whether it was: it may have ended, or be with somebody else by now, or its worker has begun it without a word.
pub async fn offer_again(mut tx: Tx<'_>, lost: &Lost, asks: &Asks) -> Result<bool> {
    // The run first, as whoever changes its state does.
    let run: Option<(Option<StateType>,)> = tx.opt(LOCK_RUN, &[&lost.run]).await?;
    let offer: Option<(bool,)> = tx.opt(LOCK_OFFER, &[&lost.run, &lost.worker, &lost.session, &lost.taken]).await?;
    let (Some((state,)), Some(_)) = (run, offer) else {
        return tx.rollback().await.map(|()| false);
    };
    match state {
        Some(state) if state.is_final() => tx.rollback().await.map(|()| false),
        Some(StateType::Scheduled) | None => {
            tx.wake(topic(&lost.task_key));
            tx.last_run(WAITS_AGAIN, &[&lost.run]).await.map(|_| true)
        }
        // Its worker is there and has begun it: it was the confirmation that was lost.
        Some(_) if !lost.confirmed => tx.last_run(HAS_IT, &[&lost.run]).await.map(|_| false),
        Some(_) => {
            let offered: Option<(Stored<State>,)> = tx.opt(OFFERED_IN, &[&lost.run]).await?;
            let offered = offered.map(|(state,)| state.parse()).transpose().map_err(Error::internal)?;
            let mut state_details = offered.map(|state| state.state_details).unwrap_or_default();
            (state_details.deferred, state_details.scheduled_time) = (Some(true), None);
            let again = StateCreate {
                type_: StateType::Scheduled,
                name: Some(names::AWAITING_RETRY.into()),
                message: Some(format!("Its task worker {} was lost.", lost.worker)),
                data: None,
                state_details,
            };
            let outcome = task_runs::set_state(tx, lost.run, again, TaskPolicy::Background, asks).await?;
            Ok(outcome.is_some_and(|outcome| outcome.written))
        }
    }
}
