//! Lists of flow runs, and numbers about them.

use domain::flow_runs::FlowRun;
use domain::history::{HistoryResponse, Intervals};

use super::FlowRunSort;
use crate::history::{self, Source, estimates, source};
use crate::relations::Filters;
use crate::sql::{Columns, Sql};
use crate::{Result, Tx};

const HISTORY: Source = source!("flow_run", "r");
const LATENESS: &str = concat!("select avg(", estimates!(late "r"), ") from flow_run r where true");

pub async fn list(tx: &mut Tx<'_>, filters: &Filters, sort: FlowRunSort, limit: i64, offset: i64) -> Result<Vec<FlowRun>> {
    tx.all_of(&page(filters, sort, limit, offset)).await
}

pub async fn count(tx: &mut Tx<'_>, filters: &Filters) -> Result<i64> {
    let (count,) = tx.one_of(&counting(filters)).await?;
    Ok(count)
}

/// Seconds that the runs began late, or are late now, on average; `None` when there are none.
pub async fn lateness(tx: &mut Tx<'_>, filters: &Filters) -> Result<Option<f64>> {
    let mut sql = Sql::new(LATENESS);
    filters.of_flow_runs(&mut sql);
    let (seconds,) = tx.one_of(&sql).await?;
    Ok(seconds)
}

pub async fn history(tx: &mut Tx<'_>, filters: &Filters, intervals: &Intervals) -> Result<Vec<HistoryResponse>> {
    history::read(tx, &HISTORY, intervals, |sql| filters.of_flow_runs(sql)).await
}

pub(crate) fn page(filters: &Filters, sort: FlowRunSort, limit: i64, offset: i64) -> Sql<'_> {
    sort.order().page(FlowRun::COLUMNS, "flow_run r", |sql| filters.of_flow_runs(sql), limit, offset)
}

pub(crate) fn counting(filters: &Filters) -> Sql<'_> {
    let mut sql = Sql::new("select count(*) from flow_run r where true");
    filters.of_flow_runs(&mut sql);
    sql
}

#[cfg(test)]
pub(crate) fn history_statement<'a>(filters: &'a Filters, intervals: &Intervals) -> Sql<'a> {
    history::statement(&HISTORY, intervals, |sql| filters.of_flow_runs(sql))
}
