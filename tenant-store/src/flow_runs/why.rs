//! What must be known to say why a run does not run yet. Reads alone, and only what can matter to its state: who takes slots
//! is looked for where none is free.

use domain::rules::facts::CollisionStrategy;
use domain::state::{State, StateType};
use domain::stored::Stored;
use domain::why::{
    Deployment, Facts, HOLDERS_SHOWN, Limit, Pool, Queue, Run, Schedule, SlotHolder, Slots, TagLimit, Thing, ThingKind,
};
use domain::{FlowRunId, LimitId, TaskRunId, WorkPoolId, WorkQueueId};
use tokio_postgres::Row;

use crate::concurrency_limits::in_use;
use crate::orchestration::Cells;
use crate::pool::FromRow;
use crate::{Result, Tx};

const RUN: &str = "select now(), r.id, r.name, r.state_type, r.state_name, r.state_timestamp, r.state, r.expected_start_time, \
    r.next_scheduled_start_time, r.start_time, r.empirical_policy->>'retry_type', r.deployment_id, r.work_queue_name, \
    d.id, d.name, d.paused, du.last_seen, s.id, s.slug, s.active, \
    q.id, q.name, q.is_paused, qu.last_seen, q.concurrency_limit, p.id, p.name, p.is_paused, p.concurrency_limit, \
    d.concurrency_limit_id, d.concurrency_options->>'collision_strategy' \
    from flow_run r left join deployment d on d.id = r.deployment_id left join pulse du on du.resource_id = d.id \
    left join deployment_schedule s on s.id = r.schedule_id \
    left join work_queue q on q.id = r.work_queue_id left join pulse qu on qu.resource_id = q.id \
    left join work_pool p on p.id = q.work_pool_id where r.id = $1";
const WORKERS: &str = "select count(*), count(*) filter (where u.status = 1), max(u.last_seen) from worker k \
    left join pulse u on u.resource_id = k.id where k.work_pool_id = $1";
const AHEAD: &str = "select count(*) from (select 1 from flow_run r where r.work_queue_id = $1 and r.state_type = 0 \
    and r.next_scheduled_start_time < $2 limit 1000) ahead";

/// Columns of a run `r` that takes a slot, and how many do.
macro_rules! holder {
    () => {
        "r.id, r.name, null::uuid, null::text, r.state_name, r.state_timestamp, count(*) over ()"
    };
}
/// As a poll counts them.
const OF_POOL: &str = concat!(
    "select ",
    holder!(),
    " from work_queue q join flow_run r on r.work_queue_id = q.id and r.state_type in (1, 2) \
     where q.work_pool_id = $1 order by r.state_timestamp limit $2"
);
const OF_QUEUE: &str = concat!(
    "select ",
    holder!(),
    " from flow_run r where r.work_queue_id = $1 and r.state_type in (1, 2) order by r.state_timestamp limit $2"
);
/// The lease that a run of a deployment holds stands in its state.
const OF_DEPLOYMENTS: &str = concat!(
    "select ",
    holder!(),
    " from flow_run r where r.state_type in (1, 2, 7, 8) \
     and r.deployment_id in (select d.id from deployment d where d.concurrency_limit_id = $1::uuid) \
     and r.state->'state_details'->>'deployment_concurrency_lease_id' in \
        (select e.id::text from concurrency_lease e where e.limit_ids @> array[$1::uuid] and e.expires_at > clock_timestamp()) \
     order by r.state_timestamp limit $2"
);
/// Leases that name their holder: a flow run (0) or a task run (1).
const OF_LEASES: &str = "select r.id, r.name, t.id, t.name, coalesce(t.state_name, r.state_name), \
        coalesce(t.state_timestamp, r.state_timestamp), count(*) over () \
    from concurrency_lease e left join task_run t on e.holder_type = 1 and t.id = e.holder_id \
    left join flow_run r on r.id = case when e.holder_type = 0 then e.holder_id else t.flow_run_id end \
    where e.limit_ids @> array[$1::uuid] and e.holder_id is not null and e.expires_at > clock_timestamp() order by e.created limit $2";
const LIMIT: &str = concat!(
    "select l.name, l.active, l.\"limit\", ceil(",
    in_use!("clock_timestamp()"),
    ")::bigint from concurrency_limit l where l.id = $1"
);
/// Limits without a free slot, of tags of task runs that have not begun.
const OF_TAGS: &str = concat!(
    "select f.id, f.tag, f.\"limit\", f.used, t.id, t.name from task_run t cross join lateral unnest(t.tags) tag(name) \
     join (select l.id, l.name, substr(l.name, 5) as tag, l.\"limit\", ceil(",
    in_use!("clock_timestamp()"),
    ")::bigint as used from concurrency_limit l where l.active and l.name >= 'tag:' and l.name < 'tag;') f \
     on f.name = 'tag:' || tag.name and f.used >= f.\"limit\" \
     where t.flow_run_id = $1 and t.state_type in (0, 1) and t.tags <> '{}' order by f.tag, t.id limit 200"
);

/// A run with what its row leads to; limits of pool and queue without their slots.
struct Found {
    facts: Facts,
    pool_limit: Option<i32>,
    queue_limit: Option<i32>,
    limit_id: Option<LimitId>,
    strategy: CollisionStrategy,
}

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let c = &mut Cells::of(row);
        let now = c.next()?;
        let run = run(c)?;
        let deployment = c.object(4, |c| {
            Ok(Deployment { id: c.next()?, name: c.next()?, paused: c.next()?, last_polled: c.next()? })
        })?;
        let schedule = c.object(3, |c| Ok(Schedule { id: c.next()?, slug: c.next()?, active: c.next()? }))?;
        let queue = c.object(4, |c| {
            let (id, name, is_paused, last_polled) = (c.next()?, c.next()?, c.next()?, c.next()?);
            Ok(Queue { id, name, is_paused, last_polled, slots: None, runs_ahead: 0 })
        })?;
        let queue_limit = c.next()?;
        let pool = c.object(3, |c| {
            let (id, name, is_paused) = (c.next()?, c.next()?, c.next()?);
            Ok(Pool { id, name, is_paused, slots: None, workers: 0, workers_online: 0, last_heartbeat: None })
        })?;
        let (pool_limit, limit_id) = (c.next()?, c.next()?);
        let strategy = match c.next::<Option<&str>>()? {
            Some("CANCEL_NEW") => CollisionStrategy::CancelNew,
            _ => CollisionStrategy::Enqueue,
        };
        let facts = Facts { now, run, deployment, schedule, queue, pool, limit: None, tag_limits: Vec::new() };
        Ok(Self { facts, pool_limit, queue_limit, limit_id, strategy })
    }
}

fn run(c: &mut Cells<'_>) -> Result<Run, tokio_postgres::Error> {
    let (id, name, state_type, state_name, since) = (c.next()?, c.next()?, c.next()?, c.next()?, c.next()?);
    let state: Option<Stored<State>> = c.next()?;
    let details = state.and_then(|state| state.parse().ok()).map(|state: State| state.state_details);
    let (expected_start_time, next_scheduled_start_time, start_time) = (c.next()?, c.next()?, c.next()?);
    let retries_in_process = c.next::<Option<&str>>()? == Some("in_process");
    Ok(Run {
        id,
        name,
        state_type,
        state_name,
        since,
        details: details.unwrap_or_default(),
        expected_start_time,
        next_scheduled_start_time,
        start_time,
        retries_in_process,
        deployment_id: c.next()?,
        work_queue_name: c.next()?,
    })
}

/// A run that takes a slot, and how many do.
struct Holder(SlotHolder, i64);

impl FromRow for Holder {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let c = &mut Cells::of(row);
        let holder = SlotHolder {
            flow_run_id: c.next()?,
            flow_run_name: c.next()?,
            task_run_id: c.next()?,
            task_run_name: c.next()?,
            state_name: c.next()?,
            since: c.next()?,
        };
        Ok(Self(holder, c.next()?))
    }
}

/// The facts; `None` when there is no such run.
pub async fn facts(tx: &mut Tx<'_>, id: FlowRunId) -> Result<Option<Facts>> {
    let Some(found) = tx.opt::<Found>(RUN, &[&id]).await? else { return Ok(None) };
    let mut facts = found.facts;
    match facts.run.state_type {
        Some(StateType::Scheduled) => {
            if let Some(pool) = &mut facts.pool {
                (pool.workers, pool.workers_online, pool.last_heartbeat) = tx.one(WORKERS, &[&pool.id]).await?;
                pool.slots = slots_of_pool(tx, pool.id, found.pool_limit).await?;
            }
            if let Some(queue) = &mut facts.queue {
                (queue.runs_ahead,) = tx.one(AHEAD, &[&queue.id, &facts.run.next_scheduled_start_time]).await?;
                queue.slots = slots_of_queue(tx, queue.id, found.queue_limit).await?;
            }
            if let Some(limit) = found.limit_id {
                facts.limit = deployment_limit(tx, limit, found.strategy).await?;
            }
        }
        Some(StateType::Running) => facts.tag_limits = tag_limits(tx, id).await?,
        _ => {}
    }
    Ok(Some(facts))
}

async fn slots_of_pool(tx: &mut Tx<'_>, pool: WorkPoolId, limit: Option<i32>) -> Result<Option<Slots>> {
    let Some(limit) = limit else { return Ok(None) };
    let holders: Vec<Holder> = tx.all(OF_POOL, &[&pool, &HOLDERS_SHOWN]).await?;
    Ok(Some(slots(limit, holders)))
}

async fn slots_of_queue(tx: &mut Tx<'_>, queue: WorkQueueId, limit: Option<i32>) -> Result<Option<Slots>> {
    let Some(limit) = limit else { return Ok(None) };
    let holders: Vec<Holder> = tx.all(OF_QUEUE, &[&queue, &HOLDERS_SHOWN]).await?;
    Ok(Some(slots(limit, holders)))
}

fn slots(limit: i32, holders: Vec<Holder>) -> Slots {
    let taken = holders.first().map_or(0, |Holder(_, taken)| *taken);
    Slots { limit: limit.into(), taken, holders: named(holders) }
}

fn named(holders: Vec<Holder>) -> Vec<SlotHolder> {
    holders.into_iter().map(|Holder(holder, _)| holder).collect()
}

async fn deployment_limit(tx: &mut Tx<'_>, id: LimitId, strategy: CollisionStrategy) -> Result<Option<Limit>> {
    let found: Option<(String, bool, i64, i64)> = tx.opt(LIMIT, &[&id]).await?;
    let Some((name, active, limit, taken)) = found else { return Ok(None) };
    let mut slots = Slots { limit, taken, holders: Vec::new() };
    if active && slots.are_full() {
        slots.holders = named(tx.all(OF_DEPLOYMENTS, &[&id, &HOLDERS_SHOWN]).await?);
        // It may be shared with others than deployments.
        slots.holders.extend(named(tx.all(OF_LEASES, &[&id, &HOLDERS_SHOWN]).await?));
        slots.holders.truncate(usize::try_from(HOLDERS_SHOWN).unwrap_or(usize::MAX));
    }
    Ok(Some(Limit { id, name, active, strategy, slots }))
}

async fn tag_limits(tx: &mut Tx<'_>, run: FlowRunId) -> Result<Vec<TagLimit>> {
    let waiting: Vec<(LimitId, String, i64, i64, TaskRunId, String)> = tx.all(OF_TAGS, &[&run]).await?;
    let mut limits: Vec<TagLimit> = Vec::new();
    for (id, tag, limit, taken, task, name) in waiting {
        if limits.last().is_none_or(|last| last.id != id) {
            let holders = named(tx.all(OF_LEASES, &[&id, &HOLDERS_SHOWN]).await?);
            let slots = Slots { limit, taken, holders };
            limits.push(TagLimit { id, tag, slots, waiting: Vec::new() });
        }
        if let Some(last) = limits.last_mut() {
            last.waiting.push(Thing::new(ThingKind::TaskRun, task.0, &name));
        }
    }
    Ok(limits)
}
