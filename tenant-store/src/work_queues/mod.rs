//! Work queues: all SQL of the resource. What may be asked of them is in [`filter`], who takes their slots in [`slots`],
//! which runs wait in them in [`runs`].
//!
//! Whoever changes the order of a pool's queues holds the pool's row meanwhile, so that no two queues get one priority.

mod deployments;
mod filter;
mod runs;
mod slots;

use std::sync::LazyLock;

use domain::events::lifecycle::Action;
use domain::events::pools::{self as events, NamedPool, NamedQueue};
use domain::pulse::Readiness;
use domain::work_pools::{DEFAULT_AGENT_POOL, DEFAULT_QUEUE};
use domain::work_queues::{WorkQueue, WorkQueueCreate, WorkQueueUpdate, after_pause, free_priority, rearranged};
use domain::{WorkPoolId, WorkQueueId};
use wire::{RawJson, Time};

use crate::sql::{Columns, Sql};
use crate::{Error, Result, Tx, row, work_pools};

pub use deployments::able_to_run;
pub use filter::WorkQueueFilter;
pub use runs::{QueueRuns, due_in_queue, status};
pub use slots::concurrency_status;

// Cancelling runs are counted by the routes that know no pool alone: `active_slots` there is [`Slots::Alone`].
row! { WorkQueue:
    id "q.id",
    created "q.created",
    updated "q.updated",
    name "q.name",
    description "q.description",
    is_paused "q.is_paused",
    concurrency_limit "q.concurrency_limit",
    priority "q.priority",
    work_pool_id "q.work_pool_id",
    filter "q.filter",
    last_polled "(select u.last_seen from pulse u where u.resource_id = q.id)",
    work_pool_name "(select p.name from work_pool p where p.id = q.work_pool_id)",
    status "coalesce((select u.status from pulse u where u.resource_id = q.id), 0::smallint)",
    active_slots "case when q.concurrency_limit is not null then (select count(*) from flow_run r \
        where r.work_queue_id = q.id and r.state_type in (1, 2, 8) and (r.state_type <> 8 or $1)) end",
}

/// Which runs take slots, as the two families of routes count them (reference: `models/workers.py`,
/// `models/work_queues.py`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// Pending and running ones.
    InPool,
    /// Cancelling ones too.
    Alone,
}

impl Slots {
    fn counts_cancelling(self) -> bool {
        self == Self::Alone
    }
}

/// Which queue is meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    Id(WorkQueueId),
    /// Of a pool.
    Name(WorkPoolId, &'a str),
}

const LOCK_POOL: &str = "select w.name, w.type from work_pool w where w.id = $1 for no key update";
const LOCK_POOL_OF: &str = "select w.id from work_pool w join work_queue q on q.work_pool_id = w.id where q.id = $1 \
    for no key update of w";
const LINE: &str =
    "select q.id, q.priority from work_queue q where q.work_pool_id = $1 order by q.priority, q.created, q.id";
const CREATE: &str = "insert into work_queue (id, work_pool_id, name, description, is_paused, concurrency_limit, priority, filter) \
    values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (work_pool_id, name) do nothing";
const REARRANGE: &str = "update work_queue q set priority = n.priority, updated = now() \
    from unnest($1::uuid[], $2::integer[]) n(id, priority) where q.id = n.id";
static READ: LazyLock<String> =
    LazyLock::new(|| format!("select {} from work_queue q where q.id = $2", WorkQueue::COLUMNS));
static BY_NAME: LazyLock<String> = LazyLock::new(|| {
    format!("select {} from work_queue q where q.work_pool_id = $2 and q.name = $3", WorkQueue::COLUMNS)
});
const ID_BY_NAME: &str = "select q.id from work_queue q where q.work_pool_id = $1 and q.name = $2";
/// Where no pool is named, the pool for such queues is meant; while there is none, any that has a queue of that name: the
/// oldest (reference: `read_work_queue_by_name` of `server/models/work_queues.py`).
const ID_ALONE: &str = "select q.id from work_pool w join work_queue q on q.work_pool_id = w.id and q.name = $1 \
    where w.name = $2 or not exists (select from work_pool a where a.name = $2) order by q.id limit 1";
const LOCK: &str = "select q.work_pool_id, coalesce(u.status, 0::smallint), u.last_seen, now() from work_queue q \
    left join pulse u on u.resource_id = q.id where q.id = $1 for update of q";
/// What is told of a queue, and its pool.
const TOLD: &str = "select q.name, q.description, q.concurrency_limit, q.priority, w.id, w.name, w.type \
    from work_queue q join work_pool w on w.id = q.work_pool_id where q.id = $1";
const UPDATE: &str = "update work_queue set name = case when $2 then $3 else name end, \
    description = case when $4 then $5 else description end, is_paused = coalesce($6, is_paused), \
    concurrency_limit = case when $7 then $8 else concurrency_limit end, priority = case when $9 then $10 else priority end, \
    filter = case when $11 then $12 else filter end, updated = now() where id = $1";
const PULSE: &str = "insert into pulse (resource_id, kind, status, last_seen, changed) \
    values ($1, 1, coalesce($2, 0::smallint), $4, case when $2 is not null then now() end) \
    on conflict (resource_id) do update set status = coalesce($2, pulse.status), \
    last_seen = case when $3 then $4 else pulse.last_seen end, \
    changed = case when $2 is not null then now() else pulse.changed end";
const NAMED: &str = "select q.id, q.name, w.id, w.name, w.type from work_queue q join work_pool w on w.id = q.work_pool_id \
    where q.id = any($1)";
const IS_DEFAULT: &str = "select w.default_queue_id = q.id, w.id from work_queue q join work_pool w on w.id = q.work_pool_id \
    where q.id = $1 for update of w";
/// What ran in it has no queue any more, nor has what waits there.
const DELETE: &str = "with q as (delete from work_queue where id = $1 returning id), \
    u as (delete from pulse where resource_id in (select id from q)), \
    d as (update deployment set work_queue_id = null where work_queue_id in (select id from q)), \
    s as (update flow_run set work_queue_id = null where work_queue_id in (select id from q) and state_type = 0), \
    b as (update flow_run set work_queue_id = null where work_queue_id in (select id from q) and state_type in (1, 2, 8)) \
    select q.id from q";

/// `None` when the pool has one of that name. Those at its priority and behind move up.
pub async fn create(
    mut tx: Tx<'_>,
    pool: WorkPoolId,
    new: &WorkQueueCreate,
    slots: Slots,
) -> Result<Option<WorkQueue>> {
    let made = match create_in(&mut tx, pool, new).await? {
        Some(id) => read(&mut tx, Which::Id(id), slots).await?,
        None => None,
    };
    match made {
        Some(_) => tx.commit().await?,
        None => tx.rollback().await?,
    }
    Ok(made)
}

/// In the pool of queues that are made without one. Its default queue may be there because the pool was just made: then
/// that one is meant.
pub async fn create_alone(mut tx: Tx<'_>, new: &WorkQueueCreate) -> Result<Option<WorkQueue>> {
    let (pool, fresh) = work_pools::default_agent_pool(&mut tx).await?;
    if fresh && new.name == DEFAULT_QUEUE {
        let queue = read(&mut tx, Which::Name(pool, DEFAULT_QUEUE), Slots::Alone).await?;
        tx.commit().await?;
        return Ok(queue);
    }
    create(tx, pool, new, Slots::Alone).await
}

/// The queue of that name in a pool, made if it is absent.
pub async fn ensure(tx: &mut Tx<'_>, pool: WorkPoolId, new: WorkQueueCreate) -> Result<WorkQueueId> {
    if let Some(id) = create_in(tx, pool, &new).await? {
        return Ok(id);
    }
    let found: Option<(WorkQueueId,)> = tx.opt(ID_BY_NAME, &[&pool, &new.name]).await?;
    found.map(|(id,)| id).ok_or_else(|| Error::Unavailable("the queue is being deleted".into()))
}

/// The queue of that name where no pool is named.
pub async fn id_alone(tx: &mut Tx<'_>, name: &str) -> Result<Option<WorkQueueId>> {
    Ok(tx.opt::<(WorkQueueId,)>(ID_ALONE, &[&name, &DEFAULT_AGENT_POOL]).await?.map(|(id,)| id))
}

/// The same, made if it is absent (reference: `ensure_work_queue_exists`).
pub async fn ensure_alone(tx: &mut Tx<'_>, name: &str) -> Result<WorkQueueId> {
    if let Some(id) = id_alone(tx, name).await? {
        return Ok(id);
    }
    let (pool, _) = work_pools::default_agent_pool(tx).await?;
    ensure(tx, pool, WorkQueueCreate::named(name.to_owned(), Some(1))).await
}

async fn create_in(tx: &mut Tx<'_>, pool: WorkPoolId, new: &WorkQueueCreate) -> Result<Option<WorkQueueId>> {
    let WorkQueueCreate { name, description, is_paused, concurrency_limit, priority, filter } = new;
    let named = lock_pool(tx, pool).await?;
    let mut line: Vec<(WorkQueueId, i32)> = tx.all(LINE, &[&pool]).await?;
    let place =
        priority.unwrap_or_else(|| free_priority(&line.iter().map(|(_, priority)| *priority).collect::<Vec<_>>()));
    let id = WorkQueueId::new(Time::of_machine());
    let filter = filter.as_ref().map(RawJson::of);
    let description = description.as_deref().unwrap_or_default();
    let params: [crate::pool::Param<'_>; 8] =
        [&id, &pool, name, &description, is_paused, concurrency_limit, &place, &filter];
    if tx.run(CREATE, &params).await? == 0 {
        return Ok(None);
    }
    if priority.is_some() {
        line.push((id, place));
        rearrange(tx, &line, Some((id, place))).await?;
    }
    tx.tell(events::queue(Action::Created, &NamedQueue { id, name: name.clone(), pool: named }));
    Ok(Some(id))
}

async fn lock_pool(tx: &mut Tx<'_>, pool: WorkPoolId) -> Result<NamedPool> {
    match tx.opt::<(String, String)>(LOCK_POOL, &[&pool]).await? {
        Some((name, type_)) => Ok(NamedPool { id: pool, name, type_ }),
        None => Err(Error::Unavailable("the pool is being deleted".into())),
    }
}

async fn rearrange(tx: &mut Tx<'_>, line: &[(WorkQueueId, i32)], given: Option<(WorkQueueId, i32)>) -> Result<()> {
    let changed = rearranged(line, given);
    if changed.is_empty() {
        return Ok(());
    }
    let (ids, priorities): (Vec<WorkQueueId>, Vec<i32>) = changed.into_iter().unzip();
    tx.run(REARRANGE, &[&ids, &priorities]).await?;
    Ok(())
}

pub async fn read(tx: &mut Tx<'_>, which: Which<'_>, slots: Slots) -> Result<Option<WorkQueue>> {
    let cancelling = slots.counts_cancelling();
    match which {
        Which::Id(id) => tx.opt(READ.as_str(), &[&cancelling, &id]).await,
        Which::Name(pool, name) => tx.opt(BY_NAME.as_str(), &[&cancelling, &pool, &name]).await,
    }
}

/// Whether a change of priority moves the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    Stay,
    MoveUp,
}

/// Whether there was such a queue. A name that another one of the pool has is a conflict, and so is a null that has no
/// place.
pub async fn update(mut tx: Tx<'_>, id: WorkQueueId, change: &WorkQueueUpdate, others: Others) -> Result<bool> {
    let WorkQueueUpdate { name, description, is_paused, concurrency_limit, priority, last_polled, filter } = change;
    if priority.is_set() && others == Others::MoveUp {
        // Before the queue, as everybody who changes the order of queues does.
        tx.opt::<(WorkPoolId,)>(LOCK_POOL_OF, &[&id]).await?;
    }
    let locked: Option<(WorkPoolId, Readiness, Option<Time>, Time)> = tx.opt(LOCK, &[&id]).await?;
    let Some((pool, status, polled_before, now)) = locked else {
        tx.rollback().await?;
        return Ok(false);
    };
    let polled = last_polled.value().copied().unwrap_or(polled_before);
    let status = is_paused.value().and_then(|paused| after_pause(status, *paused, polled, now));
    let new_priority = priority.value().copied().flatten();
    let filter_text = filter.value().and_then(Option::as_ref).map(RawJson::of);
    let before: Told = tx.one(TOLD, &[&id]).await?;
    let params: [crate::pool::Param<'_>; 12] = [
        &id,
        &name.is_set(),
        &name.value().and_then(Option::as_ref),
        &description.is_set(),
        &description.value().and_then(Option::as_ref),
        &is_paused.value(),
        &concurrency_limit.is_set(),
        &concurrency_limit.value().copied().flatten(),
        &priority.is_set(),
        &new_priority,
        &filter.is_set(),
        &filter_text,
    ];
    tx.run(UPDATE, &params).await?;
    let after: Told = tx.one(TOLD, &[&id]).await?;
    let named = named(id, &after);
    if let Some(telling) = events::queue_updated(&named, fields(before), fields(after)) {
        tx.tell(telling);
    }
    if let Some(status) = status {
        tx.tell(events::queue_status(&named, status));
    }
    if let (Some(place), Others::MoveUp) = (new_priority, others) {
        let line: Vec<(WorkQueueId, i32)> = tx.all(LINE, &[&pool]).await?;
        rearrange(&mut tx, &line, Some((id, place))).await?;
    }
    if status.is_some() || last_polled.is_set() {
        tx.run(PULSE, &[&id, &status, &last_polled.is_set(), &last_polled.value().copied().flatten()]).await?;
    }
    tx.commit().await?;
    Ok(true)
}

type Told = (String, Option<String>, Option<i32>, i32, WorkPoolId, String, String);

fn named(id: WorkQueueId, told: &Told) -> NamedQueue {
    let (name, _, _, _, pool, pool_name, type_) = told;
    let pool = NamedPool { id: *pool, name: pool_name.clone(), type_: type_.clone() };
    NamedQueue { id, name: name.clone(), pool }
}

fn fields(told: Told) -> [(&'static str, serde_json::Value); 4] {
    let (name, description, concurrency_limit, priority, ..) = told;
    [
        ("name", name.into()),
        ("description", description.into()),
        ("concurrency_limit", concurrency_limit.into()),
        ("priority", priority.into()),
    ]
}

/// Queues with their pools, as events name them.
pub(crate) async fn named_of(tx: &mut Tx<'_>, ids: &[WorkQueueId]) -> Result<Vec<NamedQueue>> {
    let rows: Vec<(WorkQueueId, String, WorkPoolId, String, String)> = tx.all(NAMED, &[&ids]).await?;
    let named = rows.into_iter().map(|(id, name, pool, pool_name, type_)| NamedQueue {
        id,
        name,
        pool: NamedPool { id: pool, name: pool_name, type_ },
    });
    Ok(named.collect())
}

/// What became of a queue that was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Done,
    NoQueue,
    /// Its pool cannot be without it.
    IsDefault,
}

pub async fn delete(mut tx: Tx<'_>, id: WorkQueueId) -> Result<Deleted> {
    let found: Option<(Option<bool>, WorkPoolId)> = tx.opt(IS_DEFAULT, &[&id]).await?;
    let (outcome, pool) = match found {
        None => (Deleted::NoQueue, None),
        Some((Some(true), _)) => (Deleted::IsDefault, None),
        Some((_, pool)) => (Deleted::Done, Some(pool)),
    };
    let Some(pool) = pool else {
        tx.rollback().await?;
        return Ok(outcome);
    };
    let named: Told = tx.one(TOLD, &[&id]).await?;
    tx.opt::<(WorkQueueId,)>(DELETE, &[&id]).await?;
    tx.tell(events::queue(Action::Deleted, &self::named(id, &named)));
    let line: Vec<(WorkQueueId, i32)> = tx.all(LINE, &[&pool]).await?;
    rearrange(&mut tx, &line, None).await?;
    tx.commit().await?;
    Ok(outcome)
}

/// The queues of a pool by priority, or all by name.
pub async fn list(
    tx: &mut Tx<'_>,
    pool: Option<WorkPoolId>,
    filter: Option<&WorkQueueFilter>,
    slots: Slots,
    limit: i64,
    offset: i64,
) -> Result<Vec<WorkQueue>> {
    tx.all_of(&page(pool, filter, slots, limit, offset)).await
}

pub(crate) fn page(
    pool: Option<WorkPoolId>,
    filter: Option<&WorkQueueFilter>,
    slots: Slots,
    limit: i64,
    offset: i64,
) -> Sql<'_> {
    let mut sql = Sql::new("select ");
    // The columns name the first parameter.
    sql.push(WorkQueue::COLUMNS).push(" from work_queue q where ").bind(slots.counts_cancelling()).push(" is not null");
    if let Some(pool) = pool {
        sql.push(" and q.work_pool_id = ").bind(pool);
    }
    sql.and(filter).page(if pool.is_some() { "q.priority, q.id" } else { "q.name, q.id" }, limit, offset);
    sql
}
