//! Which runs wait in one queue, and how it does.

use std::sync::LazyLock;

use domain::WorkQueueId;
use domain::flow_runs::FlowRun;
use domain::pulse::Readiness;
use domain::work_queues::WorkQueueStatusDetail;
use tokio_postgres::Row;
use uuid::Uuid;
use wire::Time;

use crate::pool::FromRow;
use crate::sql::Columns;
use crate::{Result, Tx};

const QUEUE: &str = "select coalesce(u.status, 0::smallint), u.last_seen, q.filter is not null, \
    case when json_typeof(q.filter -> 'tags') = 'array' then array(select json_array_elements_text(q.filter -> 'tags')) end, \
    case when json_typeof(q.filter -> 'deployment_ids') = 'array' \
        then array(select json_array_elements_text(q.filter -> 'deployment_ids')::uuid) end \
    from work_queue q left join pulse u on u.resource_id = q.id where q.id = $1";
static DUE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from work_queue q cross join lateral (select r.id, r.next_scheduled_start_time as due from flow_run r \
            where r.work_queue_id = q.id and r.state_type = 0 \
            and r.next_scheduled_start_time <= coalesce($2::timestamptz, 'infinity') order by r.next_scheduled_start_time \
            limit least($3::bigint, case when q.concurrency_limit is not null then greatest(0, q.concurrency_limit \
                - (select count(*) from flow_run b where b.work_queue_id = q.id and b.state_type in (1, 2, 8))) end)) i \
        join flow_run r on r.id = i.id where q.id = $1 and not q.is_paused order by i.due, r.id",
        FlowRun::COLUMNS
    )
});
/// Runs of deployments that have all of these tags (`$4`) and are of one of these deployments (`$5`), whatever their queue.
macro_rules! fits_criteria {
    ($run:literal) => {
        concat!(
            $run,
            ".deployment_id is not null and ($4::text[] is null or ",
            $run,
            ".tags @> $4) and ($5::uuid[] is null or ",
            $run,
            ".deployment_id = any($5))"
        )
    };
}
static DUE_BY_CRITERIA: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from work_queue q cross join lateral (select r.id, r.next_scheduled_start_time as due from flow_run r \
            where r.state_type = 0 and {} \
            and ($2::timestamptz is null or r.next_scheduled_start_time <= $2) order by r.next_scheduled_start_time, r.id \
            limit least($3::bigint, case when q.concurrency_limit is not null then greatest(0, q.concurrency_limit \
                - (select count(*) from flow_run b where b.state_type in (1, 2) and {})) end)) i \
        join flow_run r on r.id = i.id where q.id = $1 and not q.is_paused order by i.due, r.id",
        FlowRun::COLUMNS,
        fits_criteria!("r"),
        fits_criteria!("b"),
    )
});
const HEALTH: &str = "select u.last_seen, now(), (select count(*) from flow_run r where r.work_queue_id = q.id \
    and r.state_type = 0 and r.state_name = 'Late') from work_queue q left join pulse u on u.resource_id = q.id where q.id = $1";

/// Runs of a queue, and how the queue was found.
#[derive(Debug)]
pub struct QueueRuns {
    pub status: Readiness,
    pub last_polled: Option<Time>,
    pub runs: Vec<FlowRun>,
}

/// A queue as a poll finds it. One from before there were pools may have criteria instead of runs of its own.
struct Found {
    status: Readiness,
    last_polled: Option<Time>,
    has_criteria: bool,
    tags: Option<Vec<String>>,
    deployments: Option<Vec<Uuid>>,
}

impl FromRow for Found {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            status: row.try_get(0)?,
            last_polled: row.try_get(1)?,
            has_criteria: row.try_get(2)?,
            tags: row.try_get(3)?,
            deployments: row.try_get(4)?,
        })
    }
}

/// The runs that may begin, as many as the queue has free slots; `None` when there is no such queue.
pub async fn due_in_queue(
    tx: &mut Tx<'_>,
    id: WorkQueueId,
    before: Option<Time>,
    limit: i64,
) -> Result<Option<QueueRuns>> {
    let Some(queue) = tx.opt::<Found>(QUEUE, &[&id]).await? else { return Ok(None) };
    let Found { status, last_polled, has_criteria, tags, deployments } = queue;
    let runs = match has_criteria {
        true => tx.all(DUE_BY_CRITERIA.as_str(), &[&id, &before, &limit, &tags, &deployments]).await?,
        false => tx.all(DUE.as_str(), &[&id, &before, &limit]).await?,
    };
    Ok(Some(QueueRuns { status, last_polled, runs }))
}

/// How a queue does; `None` when there is no such queue.
pub async fn status(tx: &mut Tx<'_>, id: WorkQueueId) -> Result<Option<WorkQueueStatusDetail>> {
    let found: Option<(Option<Time>, Time, i64)> = tx.opt(HEALTH, &[&id]).await?;
    Ok(found.map(|(last_polled, now, late)| WorkQueueStatusDetail::of(late, last_polled, now)))
}
