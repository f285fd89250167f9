//! Which runs wait in one queue, and how it does.

use std::sync::LazyLock;

use domain::WorkQueueId;
use domain::flow_runs::FlowRun;
use domain::pulse::Readiness;
use domain::work_queues::WorkQueueStatusDetail;
use wire::Time;

use crate::sql::Columns;
use crate::{Result, Tx};

const QUEUE: &str = "select coalesce(u.status, 0::smallint), u.last_seen from work_queue q \
    left join pulse u on u.resource_id = q.id where q.id = $1";
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
const HEALTH: &str = "select u.last_seen, now(), (select count(*) from flow_run r where r.work_queue_id = q.id \
    and r.state_type = 0 and r.state_name = 'Late') from work_queue q left join pulse u on u.resource_id = q.id where q.id = $1";

/// Runs of a queue, and how the queue was found.
#[derive(Debug)]
pub struct QueueRuns {
    pub status: Readiness,
    pub last_polled: Option<Time>,
    pub runs: Vec<FlowRun>,
}

/// The runs that may begin, as many as the queue has free slots; `None` when there is no such queue. The criteria of queues
/// from before there were pools are kept and not asked: nothing that polls such a queue speaks this API's version.
pub async fn due_in_queue(
    tx: &mut Tx<'_>,
    id: WorkQueueId,
    before: Option<Time>,
    limit: i64,
) -> Result<Option<QueueRuns>> {
    let queue: Option<(Readiness, Option<Time>)> = tx.opt(QUEUE, &[&id]).await?;
    let Some((status, last_polled)) = queue else { return Ok(None) };
    let runs = tx.all(DUE.as_str(), &[&id, &before, &limit]).await?;
    Ok(Some(QueueRuns { status, last_polled, runs }))
}

/// How a queue does; `None` when there is no such queue.
pub async fn status(tx: &mut Tx<'_>, id: WorkQueueId) -> Result<Option<WorkQueueStatusDetail>> {
    let found: Option<(Option<Time>, Time, i64)> = tx.opt(HEALTH, &[&id]).await?;
    Ok(found.map(|(last_polled, now, late)| WorkQueueStatusDetail::of(late, last_polled, now)))
}
