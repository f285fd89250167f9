//! Workers: all SQL of the resource. What may be asked of them is in [`filter`].

mod filter;

use domain::events::pools::NamedPool;
use domain::pulse::Readiness;
use domain::workers::{Worker, WorkerHeartbeat, patience};
use domain::{WorkPoolId, WorkerId};
use wire::Time;

use crate::pulse::tell_of_pool;
use crate::sql::{Columns, Sql};
use crate::{Error, Lane, Result, Tx, row};

pub use filter::WorkerFilter;

row! { Worker: id "k.id", created "k.created", updated "k.updated", name "k.name", work_pool_id "k.work_pool_id",
last_heartbeat_time "u.last_seen", heartbeat_interval_seconds "k.heartbeat_interval_seconds", status "u.status" }

/// The worker's row is written when it is new or says another interval; else its pulse alone. Nothing is written while the
/// pool waits for a worker: it becomes ready first, so that nobody sees a worker in a pool that is not.
const HEARTBEAT: &str = "with w as (select w.id, exists (select from pulse x where x.resource_id = w.id and x.status <> 0) as ready \
        from work_pool w where w.name = $1), \
    known as (select k.id, k.heartbeat_interval_seconds as seconds from worker k join w on k.work_pool_id = w.id where k.name = $3 and w.ready), \
    made as (insert into worker (id, work_pool_id, name, heartbeat_interval_seconds) select $2, w.id, $3, $4::integer from w \
        where w.ready and not exists (select from known) on conflict (work_pool_id, name) do nothing returning id), \
    changed as (update worker k set heartbeat_interval_seconds = $4, updated = now() from known n \
        where k.id = n.id and $4 is not null and n.seconds is distinct from $4), \
    seen as (insert into pulse (resource_id, kind, status, last_seen) \
        select s.id, 2, 1, now() from (select id from known union all select id from made) s \
        on conflict (resource_id) do update set status = 1, last_seen = excluded.last_seen returning resource_id) \
    select w.id, (select resource_id from seen), w.ready from w";
/// A pool that was not ready is, once.
const READY: &str = "with u as (insert into pulse (resource_id, kind, status) values ($1, 0, 1) \
        on conflict (resource_id) do update set status = 1 where pulse.status = 0 \
        returning resource_id) \
    select w.id, w.name, w.type from u join work_pool w on w.id = u.resource_id";
const DELETE: &str = "with k as (delete from worker where work_pool_id = $1 and name = $2 returning id), \
    u as (delete from pulse where resource_id in (select id from k)) select k.id from k";

/// A worker says that it is there; it is made if it is new. `None` when there is no such pool.
pub async fn heartbeat(tx: Tx<'_>, pool: &str, beat: &WorkerHeartbeat) -> Result<Option<(WorkPoolId, WorkerId)>> {
    let scope = tx.scope();
    let mut tx = tx;
    // Three times: the pool may have to become ready, and the worker may be made between the look and the insert; then the
    // next look finds it.
    for _ in 0..3 {
        let id = WorkerId::new(Time::of_machine());
        let params: [crate::pool::Param<'_>; 4] = [&pool, &id, &beat.name, &beat.heartbeat_interval_seconds];
        // Then it would be offline.
        let silent = patience(beat.heartbeat_interval_seconds);
        tx.falls_due(Some(Time::from_micros(Time::of_machine().micros() + silent)));
        let found: Option<(WorkPoolId, Option<WorkerId>, bool)> = tx.last_opt(HEARTBEAT, &params).await?;
        let Some((pool, worker, is_ready)) = found else { return Ok(None) };
        if let Some(worker) = worker {
            return Ok(Some((pool, worker)));
        }
        tx = scope.write(Lane::Hot).await?;
        if !is_ready {
            becomes_ready(&mut tx, pool).await?;
        }
    }
    Err(Error::Unavailable("the worker is being deleted".into()))
}

/// A worker of the pool is there.
async fn becomes_ready(tx: &mut Tx<'_>, pool: WorkPoolId) -> Result<()> {
    let became: Option<(WorkPoolId, String, String)> = tx.opt(READY, &[&pool]).await?;
    if let Some((id, name, type_)) = became {
        tell_of_pool(tx, &NamedPool { id, name, type_ }, Readiness::Ready).await?;
    }
    Ok(())
}

/// Whether there was such a worker.
pub async fn delete(tx: Tx<'_>, pool: WorkPoolId, name: &str) -> Result<bool> {
    Ok(tx.last_opt::<(WorkerId,)>(DELETE, &[&pool, &name]).await?.is_some())
}

/// The workers of a pool, the last one heard of first.
pub async fn list(
    tx: &mut Tx<'_>,
    pool: WorkPoolId,
    filter: Option<&WorkerFilter>,
    limit: i64,
    offset: i64,
) -> Result<Vec<Worker>> {
    let workers: Vec<Worker> = tx.all_of(&page(pool, filter, limit, offset)).await?;
    let now = Time::of_machine();
    Ok(workers.into_iter().map(|worker| worker.seen_at(now)).collect())
}

pub(crate) fn page(pool: WorkPoolId, filter: Option<&WorkerFilter>, limit: i64, offset: i64) -> Sql<'_> {
    let mut sql = Sql::new("select ");
    sql.push(Worker::COLUMNS)
        .push(" from worker k join pulse u on u.resource_id = k.id where k.work_pool_id = ")
        .bind(pool);
    sql.and(filter).page("u.last_seen desc, k.id", limit, offset);
    sql
}
