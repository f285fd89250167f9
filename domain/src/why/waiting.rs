//! Reasons of a run that waits to be taken: by a worker of its pool, by a served flow, or by the process that has it.

use wire::Time;

use super::answer::{Reason, ReasonCode, ReasonFacts, Thing, ThingKind};
use super::elapsed;
use super::facts::{Deployment, Facts, Pool, Queue};
use super::sentences::{length, of_slots, seen, with_slots};
use crate::pulse::POLLED_SECONDS;
use crate::rules::facts::CollisionStrategy;
use crate::state::names;

pub(super) fn reasons(facts: &Facts) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = time(facts).into_iter().collect();
    if facts.run.retries_in_process {
        reasons.push(Reason::blocking(
            ReasonCode::RetriesInProcess,
            "It is tried again by the process that ran it: if that is gone, the run must be cancelled or rescheduled.",
        ));
        return reasons;
    }
    reasons.extend(deployment_is_gone(facts));
    match (&facts.queue, &facts.deployment) {
        (Some(queue), _) => reasons.extend(of_queue(facts, queue)),
        (None, _) if facts.run.work_queue_name.is_some() => reasons.push(queue_is_gone(facts)),
        (None, Some(deployment)) => reasons.extend(not_served(facts, deployment)),
        (None, None) if facts.run.deployment_id.is_none() => reasons.push(Reason::blocking(
            ReasonCode::NotDeployed,
            "It has neither a deployment nor a work pool: only the process that made it starts it.",
        )),
        (None, None) => {}
    }
    reasons.extend(deployment_limit(facts));
    if reasons.iter().all(|reason| !reason.blocks) {
        reasons.push(awaiting_poll(facts));
    }
    reasons.extend(paused_makers(facts));
    reasons
}

/// Its time has not come.
fn time(facts: &Facts) -> Option<Reason> {
    let at = facts.run.next_scheduled_start_time.or(facts.run.expected_start_time)?;
    if at <= facts.now {
        return None;
    }
    let ahead = length(elapsed(at, facts.now));
    let (code, message) = match facts.run.state_name.as_deref() {
        Some(names::AWAITING_RETRY) => (ReasonCode::AwaitingRetry, format!("It is tried again in {ahead}.")),
        Some(names::AWAITING_CONCURRENCY_SLOT) => {
            (ReasonCode::AwaitingSlot, format!("It found no free slot, and asks again in {ahead}."))
        }
        _ => (ReasonCode::NotDue, format!("Its time has not come: it is due in {ahead}.")),
    };
    Some(Reason::blocking(code, message).with(ReasonFacts { until: Some(at), ..ReasonFacts::default() }))
}

fn deployment_is_gone(facts: &Facts) -> Option<Reason> {
    let id = facts.run.deployment_id.filter(|_| facts.deployment.is_none())?;
    let about = Thing { kind: ThingKind::Deployment, id: id.0, name: None };
    let message = "Its deployment was deleted: who takes the run does not find its code.";
    Some(Reason::blocking(ReasonCode::DeploymentDeleted, message).with(about_only(about)))
}

fn queue_is_gone(facts: &Facts) -> Reason {
    let name = facts.run.work_queue_name.as_deref().unwrap_or_default();
    Reason::blocking(
        ReasonCode::WorkQueueDeleted,
        format!("Its work queue {name:?} was deleted, so no worker takes it."),
    )
}

fn of_queue(facts: &Facts, queue: &Queue) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let about_queue = || Thing::new(ThingKind::WorkQueue, queue.id.0, &queue.name);
    if let Some(pool) = &facts.pool {
        if pool.is_paused {
            let message = format!("The work pool {:?} is paused.", pool.name);
            reasons.push(Reason::blocking(ReasonCode::WorkPoolPaused, message).with(about_only(about(pool))));
        }
        if let Some(slots) = pool.slots.as_ref().filter(|slots| slots.are_full()) {
            let message = format!("The work pool {:?} is at its limit: {}.", pool.name, of_slots(slots));
            let told = ReasonFacts { runs_ahead: Some(queue.runs_ahead), ..with_slots(about(pool), slots) };
            reasons.push(Reason::blocking(ReasonCode::WorkPoolLimit, message).with(told));
        }
    }
    if queue.is_paused {
        let message = format!("The work queue {:?} is paused.", queue.name);
        reasons.push(Reason::blocking(ReasonCode::WorkQueuePaused, message).with(about_only(about_queue())));
    }
    if let Some(slots) = queue.slots.as_ref().filter(|slots| slots.are_full()) {
        let message = format!("The work queue {:?} is at its limit: {}.", queue.name, of_slots(slots));
        let told = ReasonFacts { runs_ahead: Some(queue.runs_ahead), ..with_slots(about_queue(), slots) };
        reasons.push(Reason::blocking(ReasonCode::WorkQueueLimit, message).with(told));
    }
    if !is_recent(queue.last_polled, facts.now) {
        reasons.push(nobody_polls(facts, queue));
    }
    reasons
}

/// Nobody asked for runs of the queue of late.
fn nobody_polls(facts: &Facts, queue: &Queue) -> Reason {
    if let Some(pool) = facts.pool.as_ref().filter(|pool| pool.workers_online == 0) {
        let heard = match pool.workers {
            0 => "it never had one".to_owned(),
            _ => seen("heartbeat", pool.last_heartbeat, facts.now),
        };
        let message = format!("No worker of the work pool {:?} is online: {heard}. Start one.", pool.name);
        let told = last_seen(about(pool), pool.last_heartbeat, facts.now);
        return Reason::blocking(ReasonCode::NoWorker, message).with(told);
    }
    let polled = seen("poll", queue.last_polled, facts.now);
    let message =
        format!("Nobody polls the work queue {:?}: {polled}. A worker may be bound to other queues.", queue.name);
    let told = last_seen(Thing::new(ThingKind::WorkQueue, queue.id.0, &queue.name), queue.last_polled, facts.now);
    Reason::blocking(ReasonCode::WorkQueueNotPolled, message).with(told)
}

fn not_served(facts: &Facts, deployment: &Deployment) -> Option<Reason> {
    if is_recent(deployment.last_polled, facts.now) {
        return None;
    }
    let polled = seen("poll", deployment.last_polled, facts.now);
    let message = format!("No process serves the deployment {:?}: {polled}. Start `flow.serve()`.", deployment.name);
    let told = last_seen(about_deployment(deployment), deployment.last_polled, facts.now);
    Some(Reason::blocking(ReasonCode::NotServed, message).with(told))
}

fn deployment_limit(facts: &Facts) -> Option<Reason> {
    let limit = facts.limit.as_ref().filter(|limit| limit.active && limit.slots.are_full())?;
    let then = match limit.strategy {
        CollisionStrategy::Enqueue => "It waits until one is free",
        CollisionStrategy::CancelNew => "It is cancelled when it is taken before one is free",
    };
    let message = format!("The concurrency limit of its deployment is reached: {}. {then}.", of_slots(&limit.slots));
    let told = with_slots(Thing::new(ThingKind::ConcurrencyLimit, limit.id.0, &limit.name), &limit.slots);
    Some(Reason::blocking(ReasonCode::DeploymentLimit, message).with(told))
}

/// Nothing keeps it.
fn awaiting_poll(facts: &Facts) -> Reason {
    let (polled, about) = match (&facts.queue, &facts.deployment) {
        (Some(queue), _) => (queue.last_polled, Some(Thing::new(ThingKind::WorkQueue, queue.id.0, &queue.name))),
        (None, Some(deployment)) => (deployment.last_polled, Some(about_deployment(deployment))),
        (None, None) => (None, None),
    };
    let message = format!("Nothing keeps it: who polls next takes it; {}.", seen("poll", polled, facts.now));
    let told = ReasonFacts {
        about,
        last_seen: polled,
        seconds_since_seen: polled.map(|polled| elapsed(facts.now, polled)),
        runs_ahead: facts.queue.as_ref().map(|queue| queue.runs_ahead),
        ..ReasonFacts::default()
    };
    Reason::telling(ReasonCode::AwaitingPoll, message).with(told)
}

/// What makes no new runs, and is often taken for the reason.
fn paused_makers(facts: &Facts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(deployment) = facts.deployment.as_ref().filter(|deployment| deployment.paused) {
        let message = format!(
            "The deployment {:?} is paused: its schedules make no new runs. This run may start all the same.",
            deployment.name
        );
        let told = about_only(about_deployment(deployment));
        reasons.push(Reason::telling(ReasonCode::DeploymentPaused, message).with(told));
    }
    if let Some(schedule) = facts.schedule.as_ref().filter(|schedule| !schedule.active) {
        let message = "The schedule that made it is not active: it makes no new runs. This run may start all the same.";
        let about = Thing { kind: ThingKind::Schedule, id: schedule.id.0, name: schedule.slug.clone() };
        reasons.push(Reason::telling(ReasonCode::SchedulePaused, message).with(about_only(about)));
    }
    reasons
}

fn is_recent(last: Option<Time>, now: Time) -> bool {
    last.is_some_and(|last| elapsed(now, last) < POLLED_SECONDS as f64)
}

fn about(pool: &Pool) -> Thing {
    Thing::new(ThingKind::WorkPool, pool.id.0, &pool.name)
}

fn about_deployment(deployment: &Deployment) -> Thing {
    Thing::new(ThingKind::Deployment, deployment.id.0, &deployment.name)
}

fn about_only(about: Thing) -> ReasonFacts {
    ReasonFacts { about: Some(about), ..ReasonFacts::default() }
}

fn last_seen(about: Thing, last: Option<Time>, now: Time) -> ReasonFacts {
    ReasonFacts { last_seen: last, seconds_since_seen: last.map(|last| elapsed(now, last)), ..about_only(about) }
}
