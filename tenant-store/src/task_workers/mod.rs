//! Task workers, and the background task runs that wait for them or are with them.
//!
//! A run that is scheduled for task workers is offered by a row of `task_offer`, written with its state. A worker takes one
//! at a time and confirms it; from then on it is with that worker until it has ended. Three ways lead back to the others
//! ([`lost`]): the socket ends before the worker confirmed; the replica with the socket dies before that; the worker is not
//! seen for longer than the installation's patience. While a worker is there, what it confirmed is given to nobody else. A
//! worker that was cut off for longer than that and lives runs its tasks beside others: at least once.

pub mod lost;

use std::sync::LazyLock;
use std::time::Duration;

use domain::TaskRunId;
use domain::task_runs::TaskRun;
use domain::task_workers::TaskWorkerResponse;
use uuid::Uuid;
use wire::Time;

use crate::sql::Columns;
use crate::{Result, Tx};

/// How often an open socket says that its worker is there.
pub const SEEN_EVERY: Duration = Duration::from_secs(10);

/// An open socket of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub id: Uuid,
    pub worker: String,
    pub task_keys: Vec<String>,
}

crate::row! { TaskWorkerResponse: identifier "w.worker", task_keys "array_agg(distinct k.key)", timestamp "max(w.seen)" }

const SEEN: &str = "insert into task_worker (session, worker, task_keys) values ($1, $2, $3) \
    on conflict (session) do update set seen = now(), missed = null";
const CLOSED: &str = "update task_worker set is_open = false, seen = now() where session = $1";
const RELEASE: &str = "update task_offer set worker = null, session = null, taken = null, retry = true \
    where session = $1 and not confirmed returning task_key";
const CONFIRM: &str = "update task_offer set confirmed = true where task_run_id = $1 and session = $2";
const CONNECTED: &str = "select w.worker, array_agg(distinct k.key), max(w.seen) from task_worker w \
    cross join unnest(w.task_keys) k(key) where w.is_open and w.seen > now() - make_interval(secs => $1) \
    and (cardinality($2::text[]) = 0 or w.task_keys && $2) group by w.worker order by w.worker";

/// Confirms the one before and takes the next: of each task the first, in the order in which the worker names them.
/// Whoever is no longer scheduled is passed over.
pub(crate) static TAKE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "with before as (update task_offer set confirmed = true where task_run_id = $4 and session = $1), \
         next as (select o.task_run_id from unnest($3::text[]) k(key) cross join lateral (\
            select o.task_run_id from task_offer o where o.task_key = k.key and o.worker is null \
            and exists (select from task_run t where t.id = o.task_run_id and t.state_type = 0) \
            order by o.retry desc, o.offered limit 1 for update of o skip locked) o limit 1), \
         taken as (update task_offer o set worker = $2, session = $1, taken = clock_timestamp(), confirmed = false from next \
            where o.task_run_id = next.task_run_id returning o.task_run_id) \
         select {} from task_run t where t.id in (select taken.task_run_id from taken)",
        TaskRun::COLUMNS
    )
});

/// Whoever waits for runs of a task.
pub fn topic(task_key: &str) -> String {
    format!("task:{task_key}")
}

/// Says that a worker is there.
pub async fn seen(mut tx: Tx<'_>, session: &Session, first: bool) -> Result<()> {
    if first {
        tx.falls_due(Some(Time::of_machine() + SEEN_EVERY));
    }
    tx.last_run(SEEN, &[&session.id, &session.worker, &session.task_keys]).await.map(drop)
}

/// A socket ended. What it confirmed last stays with the worker; what it did not confirm is for others.
pub async fn gone(mut tx: Tx<'_>, session: &Session, confirmed: Option<TaskRunId>) -> Result<()> {
    if confirmed.is_some() {
        tx.run(CONFIRM, &[&confirmed, &session.id]).await?;
    }
    tx.run(CLOSED, &[&session.id]).await?;
    let released: Vec<(String,)> = tx.all(RELEASE, &[&session.id]).await?;
    for (key,) in released {
        tx.wake(topic(&key));
    }
    tx.commit().await
}

/// Workers that are connected, for any of the keys, or all.
pub async fn connected(tx: &mut Tx<'_>, keys: &[String]) -> Result<Vec<TaskWorkerResponse>> {
    let fresh = (SEEN_EVERY * 3).as_secs_f64();
    tx.all(CONNECTED, &[&fresh, &keys]).await
}

/// Confirms what the worker was given before, and gives it the next run, if one waits.
pub async fn take(tx: Tx<'_>, session: &Session, before: Option<TaskRunId>) -> Result<Option<TaskRun>> {
    tx.last_opt(TAKE.as_str(), &[&session.id, &session.worker, &session.task_keys, &before]).await
}
