//! Work pools: all SQL of the resource. What may be asked of them is in [`filter`], who takes their slots in [`slots`], which
//! runs wait for their workers in [`scheduled`].

mod filter;
mod scheduled;
mod slots;

use std::sync::LazyLock;

use domain::events::lifecycle::Action;
use domain::events::pools::{self as events, NamedPool, NamedQueue};
use domain::pulse::Readiness;
use domain::work_pools::{
    AGENT_TYPE, DEFAULT_QUEUE, DEFAULT_QUEUE_DESCRIPTION, WorkPool, WorkPoolCreate, WorkPoolUpdate,
};
use domain::work_queues::WorkQueueCreate;
use domain::{WorkPoolId, WorkQueueId};
use wire::{RawJson, Time};

use crate::pulse::tell_of_pool;
use crate::sql::{Columns, Sql};
use crate::{Result, Tx, row, work_queues};

pub use filter::WorkPoolFilter;
#[cfg(test)]
pub(crate) use scheduled::poll_statement;
pub use scheduled::{Poll, Polled, PolledQueue, due_in_pool, polled_pool};
pub use slots::{SlotsPage, concurrency_status};

// Pools without workers have no status.
row! { WorkPool:
    id "w.id",
    created "w.created",
    updated "w.updated",
    name "w.name",
    description "w.description",
    type_ "w.type",
    base_job_template "w.base_job_template",
    is_paused "w.is_paused",
    concurrency_limit "w.concurrency_limit",
    status "case when w.type <> 'prefect-agent' then coalesce((select u.status from pulse u where u.resource_id = w.id), 0::smallint) end",
    default_queue_id "w.default_queue_id",
    storage_configuration "w.storage_configuration",
    active_slots "case when w.concurrency_limit is not null then (select count(*) from work_queue q \
        join flow_run r on r.work_queue_id = q.id and r.state_type in (1, 2) where q.work_pool_id = w.id) end",
}

/// With its default queue, in one statement.
const CREATE: &str = "with w as (insert into work_pool (id, name, description, type, base_job_template, is_paused, \
        concurrency_limit, storage_configuration, default_queue_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
        on conflict (name) do nothing returning id, created, updated, name, description, type, base_job_template, \
        is_paused, concurrency_limit, default_queue_id, storage_configuration), \
    q as (insert into work_queue (id, work_pool_id, name, description, priority) select $9, w.id, $10, $11, 1 from w), \
    u as (insert into pulse (resource_id, kind, status) select w.id, 0, 2 from w \
        where w.is_paused and w.type <> 'prefect-agent') \
    select w.id, w.created, w.updated, w.name, w.description, w.type, w.base_job_template, w.is_paused, w.concurrency_limit, \
    case when w.type <> 'prefect-agent' then case when w.is_paused then 2::smallint else 0::smallint end end, \
    w.default_queue_id, w.storage_configuration, case when w.concurrency_limit is not null then 0::bigint end from w";
/// A pool that is let go on is ready if one of its workers is online.
const UPDATE: &str = "with w as (update work_pool set description = case when $2 then $3 else description end, \
        is_paused = case when $4 then $5 else is_paused end, \
        base_job_template = case when $6 then $7 else base_job_template end, \
        concurrency_limit = case when $8 then $9 else concurrency_limit end, \
        storage_configuration = case when $10 then $11 else storage_configuration end, updated = now() \
        where name = $1 returning id, type), \
    u as (insert into pulse (resource_id, kind, status) \
        select w.id, 0, case when $5 then 2::smallint when exists (select from worker k \
            join pulse x on x.resource_id = k.id and x.status = 1 where k.work_pool_id = w.id) then 1::smallint else 0::smallint end \
        from w where $4 and w.type <> 'prefect-agent' \
        on conflict (resource_id) do update set status = excluded.status) \
    select w.id from w";
/// With its queues and workers. What ran in them has no queue any more, nor has what waits there.
const DELETE: &str = "with w as (delete from work_pool where name = $1 returning id), \
    q as (delete from work_queue where work_pool_id in (select id from w) returning id), \
    k as (delete from worker where work_pool_id in (select id from w) returning id), \
    c as (delete from cleanup where work_pool_id in (select id from w) and dead_at is null), \
    u as (delete from pulse where resource_id in (select id from w union all select id from q union all select id from k)), \
    d as (update deployment set work_queue_id = null where work_queue_id in (select id from q)), \
    s as (update flow_run set work_queue_id = null where work_queue_id in (select id from q) and state_type = 0), \
    b as (update flow_run set work_queue_id = null where work_queue_id in (select id from q) and state_type in (1, 2, 8)) \
    select w.id from w";
const QUEUES: &str = "select q.id, q.name from work_queue q where q.work_pool_id = $1 order by q.priority, q.id";
const LOCK: &str = "select w.type from work_pool w where w.name = $1 for update";
static READ: LazyLock<String> =
    LazyLock::new(|| format!("select {} from work_pool w where w.name = $1", WorkPool::COLUMNS));
const QUEUE_OF: &str = "select w.id, q.id from work_pool w left join work_queue q on q.work_pool_id = w.id \
    and case when $2::text is null then q.id = w.default_queue_id else q.name = $2 end where w.name = $1";
const ID_OF: &str = "select w.id from work_pool w where w.name = $1";

/// `None` when there is one of that name.
pub async fn create(tx: Tx<'_>, new: &WorkPoolCreate) -> Result<Option<WorkPool>> {
    let mut tx = tx;
    let made = create_in(&mut tx, new).await?;
    if let Some(pool) = &made {
        let status = if pool.is_paused { Readiness::Paused } else { Readiness::NotReady };
        tx.tell(events::pool_status(&pool.into(), status));
    }
    tx.commit().await?;
    Ok(made)
}

/// The same as a part of something larger.
pub async fn create_in(tx: &mut Tx<'_>, new: &WorkPoolCreate) -> Result<Option<WorkPool>> {
    let WorkPoolCreate {
        name,
        description,
        type_,
        base_job_template,
        is_paused,
        concurrency_limit,
        storage_configuration,
    } = new;
    let now = Time::of_machine();
    let (id, queue) = (WorkPoolId::new(now), WorkQueueId::new(now));
    let storage = RawJson::of(storage_configuration);
    let params: [crate::pool::Param<'_>; 11] = [
        &id,
        name,
        description,
        type_,
        base_job_template,
        is_paused,
        concurrency_limit,
        &storage,
        &queue,
        &DEFAULT_QUEUE,
        &DEFAULT_QUEUE_DESCRIPTION,
    ];
    let made: Option<WorkPool> = tx.opt(CREATE, &params).await?;
    if let Some(pool) = &made {
        let default = NamedQueue { id: queue, name: DEFAULT_QUEUE.into(), pool: pool.into() };
        tx.tell(events::queue(Action::Created, &default));
        tx.tell(events::pool(Action::Created, pool));
    }
    Ok(made)
}

/// What became of a pool that was to be as it is said.
#[derive(Debug)]
pub enum Replaced {
    /// And whether it is new. Boxed: it is much larger than the rest.
    Done(Box<WorkPool>, bool),
    /// It is there and has another type.
    OtherType(String),
}

/// Makes a pool as it is to be, whether or not there is one of that name.
pub async fn replace(mut tx: Tx<'_>, new: &WorkPoolCreate) -> Result<Replaced> {
    use wire::Patch::Set;
    let locked: Option<(String,)> = tx.opt(LOCK, &[&new.name]).await?;
    let fresh = match locked {
        Some((type_,)) if type_ != new.type_ => {
            tx.rollback().await?;
            return Ok(Replaced::OtherType(type_));
        }
        Some(_) => {
            let change = WorkPoolUpdate {
                description: Set(new.description.clone()),
                is_paused: Set(Some(new.is_paused)),
                base_job_template: Set(new.base_job_template.clone()),
                concurrency_limit: Set(new.concurrency_limit),
                storage_configuration: Set(Some(new.storage_configuration.clone())),
            };
            update_in(&mut tx, &new.name, &change).await?;
            false
        }
        None if create_in(&mut tx, new).await?.is_some() => true,
        None => return Err(crate::Error::Conflict("the pool was made by somebody else meanwhile".into())),
    };
    let pool = read(&mut tx, &new.name).await?;
    tx.commit().await?;
    let pool = pool.ok_or_else(|| crate::Error::internal("a pool that was just written is not there"))?;
    Ok(Replaced::Done(Box::new(pool), fresh))
}

pub async fn read(tx: &mut Tx<'_>, name: &str) -> Result<Option<WorkPool>> {
    tx.opt(READ.as_str(), &[&name]).await
}

/// The id of a pool.
pub async fn id_of(tx: &mut Tx<'_>, name: &str) -> Result<Option<WorkPoolId>> {
    Ok(tx.opt::<(WorkPoolId,)>(ID_OF, &[&name]).await?.map(|(id,)| id))
}

/// Whether there was such a pool. A null that has no place is a conflict.
pub async fn update(mut tx: Tx<'_>, name: &str, change: &WorkPoolUpdate) -> Result<bool> {
    let done = update_in(&mut tx, name, change).await?;
    tx.commit().await?;
    Ok(done)
}

async fn update_in(tx: &mut Tx<'_>, name: &str, change: &WorkPoolUpdate) -> Result<bool> {
    let WorkPoolUpdate { description, is_paused, base_job_template, concurrency_limit, storage_configuration } = change;
    let storage = storage_configuration.value().and_then(Option::as_ref).map(RawJson::of);
    let params: [crate::pool::Param<'_>; 11] = [
        &name,
        &description.is_set(),
        &description.value().and_then(Option::as_ref),
        &is_paused.is_set(),
        &is_paused.value().and_then(Option::as_ref),
        &base_job_template.is_set(),
        &base_job_template.value(),
        &concurrency_limit.is_set(),
        &concurrency_limit.value().copied().flatten(),
        &storage_configuration.is_set(),
        &storage,
    ];
    // Held until the end, so that nobody changes it between the looks.
    tx.opt::<(String,)>(LOCK, &[&name]).await?;
    let Some(before) = read(tx, name).await? else { return Ok(false) };
    tx.opt::<(WorkPoolId,)>(UPDATE, &params).await?;
    let Some(after) = read(tx, name).await? else { return Ok(false) };
    if let Some(telling) = events::pool_updated(&before, &after) {
        tx.tell(telling);
    }
    if let Some(status) = after.status.filter(|_| is_paused.is_set()) {
        tell_of_pool(tx, &NamedPool::from(&after), status).await?;
    }
    tx.wake(changed(after.id));
    Ok(true)
}

/// The topic of whoever keeps an eye on a pool.
pub fn changed(pool: WorkPoolId) -> String {
    format!("pool:{pool}")
}

/// Whether there was such a pool.
pub async fn delete(mut tx: Tx<'_>, name: &str) -> Result<bool> {
    tx.opt::<(String,)>(LOCK, &[&name]).await?;
    let Some(pool) = read(&mut tx, name).await? else {
        tx.rollback().await?;
        return Ok(false);
    };
    let queues: Vec<(WorkQueueId, String)> = tx.all(QUEUES, &[&pool.id]).await?;
    tx.opt::<(WorkPoolId,)>(DELETE, &[&name]).await?;
    for (id, name) in queues {
        tx.tell(events::queue(Action::Deleted, &NamedQueue { id, name, pool: (&pool).into() }));
    }
    tx.tell(events::pool(Action::Deleted, &pool));
    tx.wake(changed(pool.id));
    tx.commit().await?;
    Ok(true)
}

pub async fn list(tx: &mut Tx<'_>, filter: Option<&WorkPoolFilter>, limit: i64, offset: i64) -> Result<Vec<WorkPool>> {
    tx.all_of(&page(filter, limit, offset)).await
}

pub async fn count(tx: &mut Tx<'_>, filter: Option<&WorkPoolFilter>) -> Result<i64> {
    let (count,) = tx.one_of(&counting(filter)).await?;
    Ok(count)
}

pub(crate) fn page(filter: Option<&WorkPoolFilter>, limit: i64, offset: i64) -> Sql<'_> {
    let mut sql = Sql::new("select ");
    sql.push(WorkPool::COLUMNS).push(" from work_pool w where true");
    sql.and(filter).page("w.name", limit, offset);
    sql
}

pub(crate) fn counting(filter: Option<&WorkPoolFilter>) -> Sql<'_> {
    let mut sql = Sql::new("select count(*) from work_pool w where true");
    sql.and(filter);
    sql
}

/// Where a name leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueOf {
    Queue(WorkPoolId, WorkQueueId),
    NoPool,
    NoQueue,
}

/// What to do about a queue that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    Told,
    /// Needs a transaction that writes.
    Made,
}

/// The queue of a pool by their names, the pool's default queue without a name; made if it is absent and that is wished
/// (reference: `WorkerLookups` of `server/api/workers.py`).
pub async fn queue_of(tx: &mut Tx<'_>, pool: &str, queue: Option<&str>, absent: Absent) -> Result<QueueOf> {
    let found: Option<(WorkPoolId, Option<WorkQueueId>)> = tx.opt(QUEUE_OF, &[&pool, &queue]).await?;
    Ok(match (found, queue) {
        (None, _) => QueueOf::NoPool,
        (Some((pool, Some(queue))), _) => QueueOf::Queue(pool, queue),
        (Some((pool, None)), Some(name)) if absent == Absent::Made => {
            let queue = work_queues::ensure(tx, pool, WorkQueueCreate::named(name.to_owned(), None)).await?;
            QueueOf::Queue(pool, queue)
        }
        (Some(_), _) => QueueOf::NoQueue,
    })
}

/// The pool of queues that are made without one; made if it is absent. The second is whether it was.
pub async fn default_agent_pool(tx: &mut Tx<'_>) -> Result<(WorkPoolId, bool)> {
    use domain::work_pools::DEFAULT_AGENT_POOL;
    // Twice: it may be made between the look and the insert, and then the next look finds it.
    for _ in 0..2 {
        if let Some(pool) = id_of(tx, DEFAULT_AGENT_POOL).await? {
            return Ok((pool, false));
        }
        let new = WorkPoolCreate {
            name: DEFAULT_AGENT_POOL.into(),
            description: None,
            type_: AGENT_TYPE.into(),
            base_job_template: Default::default(),
            is_paused: false,
            concurrency_limit: None,
            storage_configuration: Default::default(),
        };
        if let Some(pool) = create_in(tx, &new).await? {
            return Ok((pool.id, true));
        }
    }
    Err(crate::Error::Unavailable("the default pool is being deleted".into()))
}
