//! Who takes the slots of a pool: runs that are pending or running, queue by queue.

use domain::slots::{FlowRunSlotSummary, WorkPoolConcurrencyStatus, WorkQueueConcurrencyStatusDetail};
use domain::{WorkPoolId, WorkQueueId};
use wire::{Limit, Page};

use crate::pool::FromRow;
use crate::{Result, Tx, row};

const POOL: &str = "select w.id, w.concurrency_limit, (select count(*) from work_queue q where q.work_pool_id = w.id), \
    (select count(*) from work_queue q join flow_run r on r.work_queue_id = q.id and r.state_type in (1, 2) \
        where q.work_pool_id = w.id) \
    from work_pool w where w.name = $1";
const QUEUES: &str = "select q.id, q.name, q.concurrency_limit, \
    (select count(*) from flow_run r where r.work_queue_id = q.id and r.state_type in (1, 2)) \
    from work_queue q where q.work_pool_id = $1 order by q.priority, q.id limit $2 offset $3";
const HOLDERS: &str = "select r.id, r.name, r.state_type, r.state_name, r.start_time, r.state_timestamp, \
    date_part('epoch', now() - r.state_timestamp), r.work_queue_id from unnest($1::uuid[]) q(id) cross join lateral \
    (select r.id, r.name, r.state_type, r.state_name, r.start_time, r.state_timestamp, r.work_queue_id from flow_run r \
        where r.work_queue_id = q.id and r.state_type in (1, 2) order by r.id limit $2) r order by r.id";

row! { FlowRunSlotSummary:
    id "r.id",
    name "r.name",
    state_type "r.state_type",
    state_name "r.state_name",
    start_time "r.start_time",
    state_timestamp "r.state_timestamp",
    time_in_current_state "date_part('epoch', now() - r.state_timestamp)",
}

struct Holder(FlowRunSlotSummary, WorkQueueId);

impl FromRow for Holder {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self(FlowRunSlotSummary::from_row(row)?, row.try_get(7)?))
    }
}

/// Which queues of a pool, and how many runs of each.
#[derive(Debug, Clone, Copy)]
pub struct SlotsPage {
    pub page: Page,
    pub limit: Limit,
    pub runs: i64,
}

/// The slots of a pool; `None` when there is no such pool.
pub async fn concurrency_status(
    tx: &mut Tx<'_>,
    pool: &str,
    asked: SlotsPage,
) -> Result<Option<WorkPoolConcurrencyStatus>> {
    let SlotsPage { page, limit, runs } = asked;
    let pool: Option<(WorkPoolId, Option<i32>, i64, i64)> = tx.opt(POOL, &[&pool]).await?;
    let Some((id, concurrency_limit, count, active_slots)) = pool else { return Ok(None) };
    let rows: Vec<(WorkQueueId, String, Option<i32>, i64)> =
        tx.all(QUEUES, &[&id, &limit.0, &page.offset(limit)]).await?;
    let ids: Vec<WorkQueueId> = rows.iter().map(|(id, ..)| *id).collect();
    let mut queues: Vec<_> = rows
        .into_iter()
        .map(|(queue_id, queue_name, concurrency_limit, active)| WorkQueueConcurrencyStatusDetail {
            queue_id,
            queue_name,
            active_slots: active,
            concurrency_limit,
            flow_runs: Vec::new(),
            flow_run_count: Some(active),
        })
        .collect();
    let holders: Vec<Holder> = tx.all(HOLDERS, &[&ids, &runs]).await?;
    for Holder(run, queue) in holders {
        if let Some(at) = ids.iter().position(|id| *id == queue) {
            queues[at].flow_runs.push(run);
        }
    }
    Ok(Some(WorkPoolConcurrencyStatus {
        active_slots,
        concurrency_limit,
        queues,
        count,
        limit: limit.0,
        pages: page.pages(count, limit),
        page: page.0,
    }))
}
