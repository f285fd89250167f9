//! What has fallen due of flow runs: runs that are late, pauses that nobody ended, cancellations that hang, children of
//! runs that were cancelled. Each look says what is due and when the next will be; each change looks at the run again under
//! its lock, so nothing is done twice, and nothing to a run that went on meanwhile.

use std::time::Duration;

use domain::cleanups::CleanupKind;
use domain::rules::FlowPolicy;
use domain::state::{State, StateType, names};
use domain::{FlowRunId, StateId, TaskRunId};
use wire::Time;

use super::facts::{self, Wanted};
use super::set_state::{Then, conclude};
use crate::orchestration::{Asks, Outcome};
use crate::{Result, Tx};

/// A run that has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    pub id: FlowRunId,
    pub state_id: Option<StateId>,
    pub state_type: Option<StateType>,
    /// When it entered the state.
    pub entered: Option<Time>,
    /// Since when it is due, or when it will be.
    pub at: Time,
}

crate::row! { Due: id "r.id", state_id "r.state_id", state_type "r.state_type", entered "r.state_timestamp", at "r.at" }

/// Runs that are due, earliest first, and after them one that is not yet: when to look again.
pub(crate) const LATE: &str = "(select r.id, r.state_id, r.state_type, r.state_timestamp, r.next_scheduled_start_time from flow_run r \
        where r.state_type = 0 and r.state_name = 'Scheduled' and r.next_scheduled_start_time <= $1 \
        order by r.next_scheduled_start_time limit $2) \
    union all (select r.id, r.state_id, r.state_type, r.state_timestamp, r.next_scheduled_start_time from flow_run r \
        where r.state_type = 0 and r.state_name = 'Scheduled' and r.next_scheduled_start_time > $1 \
        order by r.next_scheduled_start_time limit 1)";
pub(crate) const OVERDUE: &str = "(select r.id, r.state_id, r.state_type, r.state_timestamp, r.state_due from flow_run r \
        where r.state_due <= $1 order by r.state_due limit $2) \
    union all (select r.id, r.state_id, r.state_type, r.state_timestamp, r.state_due from flow_run r \
        where r.state_due > $1 order by r.state_due limit 1)";

const PUT_OFF: &str = "update flow_run r set state_due = $3 where r.id = $1 and r.state_id = $2";

pub(crate) const TASKS_OF_CANCELLED: &str = "select t.id from task_run t where t.flow_run_id = $1 \
    and (t.state_type is null or t.state_type not in (3, 4, 5, 6)) limit $2";
/// A subflow of a deployment has a process of its own, which ends it when it is told to: it is told once.
pub(crate) const SUBFLOWS_OF_CANCELLED: &str = "select r.id, r.state_id, r.state_type, r.state_timestamp, r.created from flow_run r \
    join task_run t on t.id = r.parent_task_run_id where t.flow_run_id = $1 \
    and r.state_type not in (3, 4, 5, 6) and not (r.state_type = 8 and r.deployment_id is not null) limit $2";

/// What is due of a kind, and when the next will be.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    pub due: Vec<Due>,
    /// `None` where nothing will be.
    pub next: Option<Time>,
}

impl Found {
    fn of(mut rows: Vec<Due>, before: Time, limit: i64) -> Self {
        let next = rows.iter().position(|row| row.at > before).map(|at| rows.remove(at).at);
        let full = rows.len() as i64 >= limit;
        Self { next: if full { Some(before) } else { next }, due: rows }
    }
}

/// Runs that should have begun before a time, and wait as they were scheduled.
pub async fn late(tx: &mut Tx<'_>, before: Time, limit: i64) -> Result<Found> {
    Ok(Found::of(tx.all(LATE, &[&before, &limit]).await?, before, limit))
}

/// Runs whose state asked to be looked at by now.
pub async fn overdue(tx: &mut Tx<'_>, now: Time, limit: i64) -> Result<Found> {
    Ok(Found::of(tx.all(OVERDUE, &[&now, &limit]).await?, now, limit))
}

/// Marks a run late that should have begun before a time. `None` where it is no longer so.
pub async fn mark_late(mut tx: Tx<'_>, id: FlowRunId, before: Time, asks: &Asks) -> Result<Option<Outcome>> {
    let Some(locked) = facts::lock(&mut tx, id, Wanted::by(FlowPolicy::MarkLate, StateType::Scheduled)).await? else {
        return tx.rollback().await.map(|()| None);
    };
    let scheduled = locked.run.progress.next_scheduled_start_time.filter(|at| *at <= before);
    let waits = |state: &State| state.is_scheduled() && state.name() == names::SCHEDULED;
    match (scheduled, locked.run.progress.state.as_ref().is_some_and(waits)) {
        (Some(scheduled), true) => {
            let state = State::late(StateId::new(locked.now), locked.now, scheduled);
            conclude(tx, locked, state, FlowPolicy::MarkLate, asks, Then::Nothing).await.map(Some)
        }
        _ => tx.rollback().await.map(|()| None),
    }
}

/// Ends what waited in a state for too long: a pause that nobody ended has failed, a cancellation that nobody carried out
/// is carried out, and a worker is to take its infrastructure down. `None` where the run is in another state by now.
pub async fn end_wait(mut tx: Tx<'_>, due: &Due, asks: &Asks) -> Result<Option<Outcome>> {
    let Some(locked) = facts::lock(&mut tx, due.id, Wanted::Run).await? else {
        return tx.rollback().await.map(|()| None);
    };
    let state = locked.run.progress.state.as_ref();
    let Some(state) = state.filter(|state| Some(state.id) == due.state_id) else {
        return tx.rollback().await.map(|()| None);
    };
    let (id, now) = (StateId::new(locked.now), locked.now);
    let (state, policy, then) = match state.type_ {
        StateType::Paused => {
            let failed = State::failed(id, now).saying("The flow was paused and never resumed.");
            (failed, FlowPolicy::Minimal, Then::Nothing)
        }
        StateType::Cancelling => {
            let cancelled =
                State::cancelled(id, now).saying("Flow run cancellation timed out; marked this flow run as Cancelled.");
            (cancelled, FlowPolicy::Core, Then::CleanUp(CleanupKind::CancellingTimeout))
        }
        _ => return tx.rollback().await.map(|()| None),
    };
    conclude(tx, locked, state, policy, asks, then).await.map(Some)
}

/// Cancels a subflow of a run that was cancelled; one of a deployment is asked to. `None` where the parent or the subflow
/// is in another state by now.
pub async fn cancel_subflow(mut tx: Tx<'_>, subflow: &Due, asks: &Asks) -> Result<Option<Outcome>> {
    let Some(locked) = facts::lock(&mut tx, subflow.id, Wanted::Run).await? else {
        return tx.rollback().await.map(|()| None);
    };
    let (id, now) = (StateId::new(locked.now), locked.now);
    let deployed = locked.run.deployment_id.is_some();
    let state = match locked.run.progress.state.as_ref().map(|state| state.type_) {
        Some(state) if state.is_final() || (deployed && state == StateType::Cancelling) => {
            return tx.rollback().await.map(|()| None);
        }
        _ if deployed => State::cancelling(id, now),
        _ => State::cancelled(id, now),
    };
    let state = state.saying("The parent flow run was cancelled.");
    conclude(tx, locked, state, FlowPolicy::Core, asks, Then::Nothing).await.map(Some)
}

/// What of a cancelled run has not ended.
#[derive(Debug, Default)]
pub struct Children {
    pub tasks: Vec<TaskRunId>,
    pub subflows: Vec<Due>,
}

pub async fn children(tx: &mut Tx<'_>, id: FlowRunId, limit: i64) -> Result<Children> {
    let tasks: Vec<(TaskRunId,)> = tx.all(TASKS_OF_CANCELLED, &[&id, &limit]).await?;
    let subflows = tx.all(SUBFLOWS_OF_CANCELLED, &[&id, &limit]).await?;
    Ok(Children { tasks: tasks.into_iter().map(|(id,)| id).collect(), subflows })
}

/// Says when to look at a run again, if it is still in its state; never with `None`.
pub async fn put_off(tx: Tx<'_>, due: &Due, until: Option<Time>) -> Result<()> {
    tx.last_run(PUT_OFF, &[&due.id, &due.state_id, &until]).await.map(drop)
}

/// Children may still arrive: a task run's event that was on its way when its flow run was cancelled. They are looked for
/// again and again, each time after as long as the run has been cancelled, for a day (the reference: every 20 seconds).
pub fn next_look_for_children(cancelled: Time, now: Time) -> Option<Time> {
    const FIRST: f64 = 10.0;
    let age = now.seconds_since(cancelled).max(FIRST);
    (age < 86_400.0).then(|| now + Duration::from_secs_f64(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(at: i64) -> Due {
        Due {
            id: FlowRunId(uuid::Uuid::nil()),
            state_id: None,
            state_type: None,
            entered: None,
            at: Time::from_micros(at),
        }
    }

    #[test]
    fn the_next_is_the_first_that_is_not_due_unless_there_may_be_more_that_is() {
        let before = Time::from_micros(10);
        let found = Found::of(vec![due(3), due(9), due(40)], before, 5);
        assert_eq!((found.due.len(), found.next), (2, Some(Time::from_micros(40))));
        let found = Found::of(vec![due(3), due(9), due(40)], before, 2);
        assert_eq!((found.due.len(), found.next), (2, Some(before)));
        assert_eq!(Found::of(vec![due(3)], before, 2).next, None);
    }

    #[test]
    fn children_are_looked_for_some_times_in_a_day() {
        let cancelled = Time::from_micros(0);
        let (mut now, mut looks) = (cancelled, 0);
        while let Some(next) = next_look_for_children(cancelled, now) {
            assert!(next > now);
            (now, looks) = (next, looks + 1);
        }
        assert!((10..20).contains(&looks), "{looks}");
        assert!(now.seconds_since(cancelled) >= 86_400.0);
    }
}
