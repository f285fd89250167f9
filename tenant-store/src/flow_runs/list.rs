//! Lists of flow runs, and numbers about them.

use domain::flow_runs::FlowRun;
use domain::history::{HistoryResponse, Intervals};

use super::FlowRunSort;
use crate::history;
use crate::relations::{Filters, Near};
use crate::{Result, Tx};

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
    let (count,) = tx.one_of(&statements::counting(filters, &near)).await?;
    Ok(count)
}

/// Seconds that the runs began late, or are late now, on average; `None` when there are none.
pub async fn lateness(tx: &mut Tx<'_>, filters: &Filters) -> Result<Option<f64>> {
    let near = Near::of(tx, filters).await?;
    let (seconds,) = tx.one_of(&statements::averaging(filters, &near)).await?;
    Ok(seconds)
}

pub async fn history(tx: &mut Tx<'_>, filters: &Filters, intervals: &Intervals) -> Result<Vec<HistoryResponse>> {
    let near = Near::of(tx, filters).await?;
    history::read(tx, intervals, &statements::historical(filters, &near, intervals)).await
}

/// The SQL, apart for the tests that show and explain it.
pub(crate) mod statements {
    use domain::flow_runs::FlowRun;
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
