//! Lists of task runs, and numbers about them.

use domain::history::{HistoryResponse, Intervals};
use domain::task_runs::{TaskRun, TaskRunResponse};

use super::TaskRunSort;
use crate::history;
use crate::relations::{Filters, Near};
use crate::sql::{Columns, Sql};
use crate::{Result, Tx};

pub async fn list(
    tx: &mut Tx<'_>,
    filters: &Filters,
    sort: TaskRunSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<TaskRun>> {
    let near = Near::of(tx, filters).await?;
    tx.all_of(&statements::page(TaskRun::COLUMNS, filters, &near, sort, limit, offset)).await
}

/// The shorter rows of a numbered page.
pub async fn page(
    tx: &mut Tx<'_>,
    filters: &Filters,
    sort: TaskRunSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<TaskRunResponse>> {
    let near = Near::of(tx, filters).await?;
    tx.all_of(&statements::page(TaskRunResponse::COLUMNS, filters, &near, sort, limit, offset)).await
}

pub async fn count(tx: &mut Tx<'_>, filters: &Filters) -> Result<i64> {
    let near = Near::of(tx, filters).await?;
    let counting = statements::counting(filters, &near);
    let all = counting.text() == statements::COUNT && tx.scope().has(statements::TALLY);
    tx.count_of(if all { Sql::new(statements::COUNT_ALL) } else { counting }).await
}

pub async fn history(tx: &mut Tx<'_>, filters: &Filters, intervals: &Intervals) -> Result<Vec<HistoryResponse>> {
    let near = Near::of(tx, filters).await?;
    history::read(tx, intervals, statements::historical(filters, &near, intervals)).await
}

/// The SQL, apart for the tests that show and explain it.
pub(crate) mod statements {
    use domain::history::Intervals;
    use domain::task_run_counts::Chart;
    use wire::Time;

    use crate::history::{self, Source, source};
    use crate::relations::{Filters, Near};
    use crate::sql::{Operator, Sql};
    use crate::task_runs::TaskRunSort;

    const HISTORY: Source = source!("task_run", "t");
    pub const COUNT: &str = "select count(*) from task_run t where true";
    /// Of all of them, in a schema of this version or a later one; `migrations/workspace/0004_large_workspaces.sql` has what
    /// keeps it.
    pub const TALLY: i32 = 4;
    pub const COUNT_ALL: &str = "select coalesce(sum(n.change), 0)::bigint from task_run_tally n";

    pub fn page<'a>(
        columns: &'static str,
        filters: &'a Filters,
        near: &'a Near,
        sort: TaskRunSort,
        limit: i64,
        offset: i64,
    ) -> Sql<'a> {
        sort.page(columns, |sql| filters.of_task_runs(near, sql), limit, offset)
    }

    pub fn counting<'a>(filters: &'a Filters, near: &'a Near) -> Sql<'a> {
        let mut sql = Sql::new(COUNT);
        filters.of_task_runs(near, &mut sql);
        sql
    }

    pub fn historical<'a>(filters: &'a Filters, near: &'a Near, intervals: &Intervals) -> Sql<'a> {
        history::statement(&HISTORY, intervals, |sql| filters.of_task_runs(near, sql))
    }

    pub fn counting_by_state<'a>(filters: &'a Filters, near: &'a Near) -> Sql<'a> {
        let mut sql = Sql::new("select t.state_type, count(*) from task_run t where t.state_type is not null");
        filters.of_task_runs(near, &mut sql);
        sql.push(" group by t.state_type");
        sql
    }

    pub fn charting<'a>(filters: &'a Filters, near: &'a Near, after: Time, chart: Chart) -> Sql<'a> {
        let mut sql = Sql::new("select floor(round(date_part('epoch', t.start_time - ");
        sql.template("{}::timestamptz) * 1000000) / ", chart.start).template("{}::bigint)::bigint, ", chart.length);
        sql.push(
            "count(*) filter (where t.state_type in (4, 6)), count(*) from task_run t where t.start_time is not null",
        );
        // What started then ended later, give or take a clock that was set: so the index of ends gives them.
        if filters.task_runs.as_ref().is_some_and(|filter| filter.operator == Operator::And) {
            sql.template(" and t.end_time >= {}::timestamptz - interval '1 hour'", after);
        }
        filters.of_task_runs(near, &mut sql);
        sql.push(" group by 1");
        sql
    }
}
