//! Lists of flow runs, and numbers about them.

use domain::FlowId;
use domain::flow_runs::{FlowRun, SimpleFlowRun, SimpleNextFlowRun};
use domain::history::{HistoryResponse, Intervals};

use super::FlowRunSort;
use crate::history;
use crate::relations::{Filters, Near};
use crate::{Result, Tx, row};

const NEXT_BY_FLOW: &str = "select r.id, r.flow_id, r.name, r.state_name, r.state_type, r.next_scheduled_start_time \
    from unnest($1::uuid[]) one(id) cross join lateral (select n.id, n.flow_id, n.name, n.state_name, n.state_type, n.next_scheduled_start_time from flow_run n \
    where n.flow_id = one.id and n.state_type = 0 order by n.next_scheduled_start_time limit 1) r";

row! { SimpleNextFlowRun: id "r.id", flow_id "r.flow_id", name "r.name", state_name "r.state_name", state_type "r.state_type",
next_scheduled_start_time "r.next_scheduled_start_time" }

row! { SimpleFlowRun:
    id "r.id",
    state_type "r.state_type",
    timestamp "coalesce(r.start_time, r.expected_start_time)",
    duration "case when r.state_type = 2 then r.total_run_time + date_part('epoch', now() - r.state_timestamp) else r.total_run_time end",
    lateness "case when r.start_time > r.expected_start_time then date_part('epoch', r.start_time - r.expected_start_time) \
        when r.start_time is null and r.expected_start_time < now() and r.state_type not in (3, 4, 5, 6) \
        then date_part('epoch', now() - r.expected_start_time) else 0::float8 end",
}

/// Runs as a chart shows them; those without a state or a time have no place there.
pub async fn simple(
    tx: &mut Tx<'_>,
    filters: &Filters,
    sort: FlowRunSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<SimpleFlowRun>> {
    let near = Near::of(tx, filters).await?;
    tx.all_of(&statements::simple(filters, &near, sort, limit, offset)).await
}

pub async fn list(
    tx: &mut Tx<'_>,
    filters: &Filters,
    sort: FlowRunSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<FlowRun>> {
    let near = Near::of(tx, filters).await?;
    tx.all_of(&statements::page(filters, &near, sort, limit, offset)).await
}

pub async fn count(tx: &mut Tx<'_>, filters: &Filters) -> Result<i64> {
    let near = Near::of(tx, filters).await?;
    tx.count_of(statements::counting(filters, &near)).await
}

/// Seconds that the runs began late, or are late now, on average; `None` when there are none.
pub async fn lateness(tx: &mut Tx<'_>, filters: &Filters) -> Result<Option<f64>> {
    let near = Near::of(tx, filters).await?;
    let (seconds,) = tx.one_of(&statements::averaging(filters, &near)).await?;
    Ok(seconds)
}

pub async fn history(tx: &mut Tx<'_>, filters: &Filters, intervals: &Intervals) -> Result<Vec<HistoryResponse>> {
    let near = Near::of(tx, filters).await?;
    history::read(tx, intervals, statements::historical(filters, &near, intervals)).await
}

/// Of each flow the scheduled run that starts next; flows without one are left out.
pub async fn next_by_flow(tx: &mut Tx<'_>, flows: &[FlowId]) -> Result<Vec<SimpleNextFlowRun>> {
    tx.all(NEXT_BY_FLOW, &[&flows]).await
}

/// The SQL, apart for the tests that show and explain it.
pub(crate) mod statements {
    use domain::flow_runs::{FlowRun, SimpleFlowRun};
    use domain::history::Intervals;

    use crate::flow_runs::FlowRunSort;
    use crate::history::{self, Source, estimates, source};
    use crate::relations::{Filters, Near};
    use crate::sql::{Columns, Sql};

    const HISTORY: Source = source!("flow_run", "r");
    const LATENESS: &str = concat!("select avg(", estimates!(late "r"), ") from flow_run r where true");

    pub fn page<'a>(filters: &'a Filters, near: &'a Near, sort: FlowRunSort, limit: i64, offset: i64) -> Sql<'a> {
        sort.order().page(FlowRun::COLUMNS, "flow_run r", |sql| filters.of_flow_runs(near, sql), limit, offset)
    }

    pub fn simple<'a>(filters: &'a Filters, near: &'a Near, sort: FlowRunSort, limit: i64, offset: i64) -> Sql<'a> {
        let narrow = |sql: &mut Sql<'a>| {
            sql.push(" and r.state_type is not null and coalesce(r.start_time, r.expected_start_time) is not null");
            filters.of_flow_runs(near, sql);
        };
        sort.order().page(SimpleFlowRun::COLUMNS, "flow_run r", narrow, limit, offset)
    }

    pub fn counting<'a>(filters: &'a Filters, near: &'a Near) -> Sql<'a> {
        let mut sql = Sql::new("select count(*) from flow_run r where true");
        filters.of_flow_runs(near, &mut sql);
        sql
    }

    pub fn averaging<'a>(filters: &'a Filters, near: &'a Near) -> Sql<'a> {
        let mut sql = Sql::new(LATENESS);
        filters.of_flow_runs(near, &mut sql);
        sql
    }

    pub fn historical<'a>(filters: &'a Filters, near: &'a Near, intervals: &Intervals) -> Sql<'a> {
        history::statement(&HISTORY, intervals, |sql| filters.of_flow_runs(near, sql))
    }
}
