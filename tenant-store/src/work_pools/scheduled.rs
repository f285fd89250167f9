//! Which runs wait for a pool's workers: of each queue that is not paused the next ones, as many as there are free slots,
//! by the priority of the queues (reference: `get-runs-from-worker-queues.sql.jinja`).
//!
//! Nothing is locked or taken: two workers may be told of one run, and its change to PENDING decides who has it. Each queue
//! is read by its index no further than the runs that are told of, so it does not matter how many wait behind them.

use std::sync::LazyLock;

use domain::flow_runs::FlowRun;
use domain::pulse::Readiness;
use domain::work_pools::WorkerFlowRun;
use domain::{WorkPoolId, WorkQueueId};
use wire::Time;

use crate::pool::FromRow;
use crate::sql::Columns;
use crate::{Result, Tx};

const POLLED: &str = "select w.id, q.id, q.name, coalesce(u.status, 0::smallint), u.last_seen from work_pool w \
    left join work_queue q on q.work_pool_id = w.id left join pulse u on u.resource_id = q.id \
    where w.name = $1 order by q.priority, q.id";
/// Runs that retry in the process that runs them are nobody else's. Those of a deployment all of whose slots are taken, and
/// which queues them, would only be put off: they wait until one is free, and hold up nobody behind them.
static DUE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "with full_ones as materialized (select d.id from work_queue q join deployment d on d.work_queue_id = q.id \
                join concurrency_limit l on l.id = d.concurrency_limit_id \
                where q.work_pool_id = $1 and l.active and l.slot_decay_per_second = 0 and l.active_slots >= l.\"limit\" \
                and coalesce(d.concurrency_options->>'collision_strategy', 'ENQUEUE') = 'ENQUEUE') \
        select {}, w.id, r.work_queue_id from work_pool w cross join lateral ( \
            select i.id, q.priority, i.due from work_queue q cross join lateral ( \
                select r.id, r.next_scheduled_start_time as due from flow_run r \
                where r.work_queue_id = q.id and r.state_type = 0 \
                and r.empirical_policy->>'retry_type' is distinct from 'in_process' \
                and (r.deployment_id is null or r.deployment_id <> all (array(select f.id from full_ones f))) \
                and r.next_scheduled_start_time <= coalesce($3::timestamptz, 'infinity') \
                and r.next_scheduled_start_time >= coalesce($4::timestamptz, '-infinity') \
                order by r.next_scheduled_start_time \
                limit least($5::bigint, case when q.concurrency_limit is not null then greatest(0, q.concurrency_limit \
                    - (select count(*) from flow_run b where b.work_queue_id = q.id and b.state_type in (1, 2))) end)) i \
            where q.work_pool_id = w.id and not q.is_paused and ($2::uuid[] is null or q.id = any($2)) \
            order by q.priority, i.due \
            limit least($5::bigint, case when w.concurrency_limit is not null then greatest(0, w.concurrency_limit \
                - (select count(*) from work_queue q join flow_run b on b.work_queue_id = q.id and b.state_type in (1, 2) \
                    where q.work_pool_id = w.id)) end)) o \
        join flow_run r on r.id = o.id where w.id = $1 and not w.is_paused order by o.priority, o.due, o.id",
        FlowRun::COLUMNS
    )
});

/// What a worker asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Poll {
    pub pool: WorkPoolId,
    /// All of the pool where none are named.
    pub queues: Option<Vec<WorkQueueId>>,
    pub before: Option<Time>,
    pub after: Option<Time>,
    pub limit: i64,
}

/// A pool and its queues, as a worker finds them.
#[derive(Debug, Clone, PartialEq)]
pub struct Polled {
    pub pool: WorkPoolId,
    pub queues: Vec<PolledQueue>,
}

/// A queue, and when it was polled before.
#[derive(Debug, Clone, PartialEq)]
pub struct PolledQueue {
    pub id: WorkQueueId,
    pub name: String,
    pub status: Readiness,
    pub last_polled: Option<Time>,
}

type PolledRow = (WorkPoolId, Option<WorkQueueId>, Option<String>, Readiness, Option<Time>);

/// The pool of that name with its queues.
pub async fn polled_pool(tx: &mut Tx<'_>, name: &str) -> Result<Option<Polled>> {
    let rows: Vec<PolledRow> = tx.all(POLLED, &[&name]).await?;
    let Some((pool, ..)) = rows.first() else { return Ok(None) };
    let pool = *pool;
    let queues = rows.into_iter().filter_map(|(_, id, name, status, last_polled)| {
        Some(PolledQueue { id: id?, name: name?, status, last_polled })
    });
    Ok(Some(Polled { pool, queues: queues.collect() }))
}

struct Due(WorkerFlowRun);

impl FromRow for Due {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        let run = FlowRun::from_row(row)?;
        let behind = row.len() - 2;
        let (work_pool_id, work_queue_id) = (row.try_get(behind)?, row.try_get(behind + 1)?);
        Ok(Self(WorkerFlowRun { work_pool_id, work_queue_id, flow_run: run.into() }))
    }
}

/// The runs that a worker may begin.
pub async fn due_in_pool(tx: &mut Tx<'_>, poll: &Poll) -> Result<Vec<WorkerFlowRun>> {
    let Poll { pool, queues, before, after, limit } = poll;
    let found: Vec<Due> = tx.all(DUE.as_str(), &[pool, queues, before, after, limit]).await?;
    Ok(found.into_iter().map(|Due(run)| run).collect())
}

/// The statement of a poll, for the test that explains it.
#[cfg(test)]
pub(crate) fn poll_statement() -> &'static str {
    DUE.as_str()
}
