//! Lists of task runs, and numbers about them.

use domain::history::{HistoryResponse, Intervals};
use domain::task_runs::{TaskRun, TaskRunResponse};

use super::TaskRunSort;
use crate::history::{self, Source, source};
use crate::pool::FromRow;
use crate::relations::Filters;
use crate::sql::{Columns, Sql};
use crate::{Result, Tx};

const HISTORY: Source = source!("task_run", "t");

pub async fn list(tx: &mut Tx<'_>, filters: &Filters, sort: TaskRunSort, limit: i64, offset: i64) -> Result<Vec<TaskRun>> {
    of(tx, filters, sort, limit, offset).await
}

/// The shorter rows of a numbered page.
pub async fn page(tx: &mut Tx<'_>, filters: &Filters, sort: TaskRunSort, limit: i64, offset: i64) -> Result<Vec<TaskRunResponse>> {
    of(tx, filters, sort, limit, offset).await
}

async fn of<T: FromRow + Columns>(tx: &mut Tx<'_>, filters: &Filters, sort: TaskRunSort, limit: i64, offset: i64) -> Result<Vec<T>> {
    tx.all_of(&statement(T::COLUMNS, filters, sort, limit, offset)).await
}

pub async fn count(tx: &mut Tx<'_>, filters: &Filters) -> Result<i64> {
    let (count,) = tx.one_of(&counting(filters)).await?;
    Ok(count)
}

pub async fn history(tx: &mut Tx<'_>, filters: &Filters, intervals: &Intervals) -> Result<Vec<HistoryResponse>> {
    history::read(tx, &HISTORY, intervals, |sql| filters.of_task_runs(sql)).await
}

pub(crate) fn statement<'a>(columns: &'static str, filters: &'a Filters, sort: TaskRunSort, limit: i64, offset: i64) -> Sql<'a> {
    sort.page(columns, |sql| filters.of_task_runs(sql), limit, offset)
}

pub(crate) fn counting(filters: &Filters) -> Sql<'_> {
    let mut sql = Sql::new("select count(*) from task_run t where true");
    filters.of_task_runs(&mut sql);
    sql
}

#[cfg(test)]
pub(crate) fn history_statement<'a>(filters: &'a Filters, intervals: &Intervals) -> Sql<'a> {
    history::statement(&HISTORY, intervals, |sql| filters.of_task_runs(sql))
}
