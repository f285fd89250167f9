//! Who takes the slots of a queue: runs that are pending, running or cancelling in it, and those that name it without
//! having a queue.

use domain::WorkQueueId;
use domain::slots::{FlowRunSlotSummary, WorkQueueConcurrencyStatus};
use wire::{Limit, Page};

use crate::{Result, Tx};

macro_rules! holders {
    ($columns:literal) => {
        concat!(
            "(select ",
            $columns,
            " from flow_run r where r.work_queue_id = $1 and r.state_type in (1, 2, 8) union all select ",
            $columns,
            " from flow_run r where r.work_queue_id is null and r.state_type in (1, 2, 8) \
             and r.work_queue_name = (select q.name from work_queue q where q.id = $1)) r"
        )
    };
}

const QUEUE: &str = concat!(
    "select q.concurrency_limit, (select count(*) from ",
    holders!("r.id"),
    ") from work_queue q where q.id = $1"
);
const RUNS: &str = concat!(
    "select r.id, r.name, r.state_type, r.state_name, r.start_time, r.state_timestamp, \
     date_part('epoch', now() - r.state_timestamp) from ",
    holders!("r.id, r.name, r.state_type, r.state_name, r.start_time, r.state_timestamp"),
    " order by r.id limit $2 offset $3"
);

/// The slots of a queue; `None` when there is no such queue.
pub async fn concurrency_status(
    tx: &mut Tx<'_>,
    id: WorkQueueId,
    page: Page,
    limit: Limit,
) -> Result<Option<WorkQueueConcurrencyStatus>> {
    let queue: Option<(Option<i32>, i64)> = tx.opt(QUEUE, &[&id]).await?;
    let Some((concurrency_limit, count)) = queue else { return Ok(None) };
    let flow_runs: Vec<FlowRunSlotSummary> = tx.all(RUNS, &[&id, &limit.0, &page.offset(limit)]).await?;
    Ok(Some(WorkQueueConcurrencyStatus {
        active_slots: count,
        concurrency_limit,
        flow_runs,
        count,
        limit: limit.0,
        pages: page.pages(count, limit),
        page: page.0,
    }))
}
