//! Task runs: all SQL of the resource, by what is done with them.

mod counts;
mod create;
mod filter;
mod list;
mod row;
mod set_state;
mod sort;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use domain::TaskRunId;
use domain::slug::slug;
use domain::task_runs::{TaskRun, TaskRunUpdate, UITaskRun};

use crate::artifacts::{self, Gone};
use crate::concurrency_limits::leases;
use crate::sql::Columns;
use crate::{Result, Tx};

pub use counts::{by_flow_run, by_state, on_dashboard};
pub use create::{Creation, create};
pub use filter::TaskRunFilter;
#[cfg(test)]
pub(crate) use list::statements;
pub use list::{count, history, list, page};
pub use set_state::{cancel_with_flow_run, set_state};
pub use sort::TaskRunSort;

static READ: LazyLock<String> =
    LazyLock::new(|| format!("select {} from task_run t where t.id = $1", TaskRun::COLUMNS));
static READ_WITH_NAME: LazyLock<String> = LazyLock::new(|| {
    let columns = TaskRun::COLUMNS;
    format!(
        "select {columns}, (select r.name from flow_run r where r.id = t.flow_run_id) from task_run t where t.id = $1"
    )
});
const UPDATE: &str = "update task_run set name = case when $2 then $3 else name end, updated = now() where id = $1";

/// Its states and logs go with a run; a subflow it stands for stays, without its parent.
const DELETE: &str = "with gone as (delete from task_run where id = $1 returning id), \
    states as (delete from run_state where run_id in (select id from gone)), \
    logs as (delete from log where task_run_id in (select id from gone)), \
    subflows as (update flow_run set parent_task_run_id = null, updated = now() where parent_task_run_id in (select id from gone)) \
    select id from gone";

pub async fn read(tx: &mut Tx<'_>, id: TaskRunId) -> Result<Option<TaskRun>> {
    tx.opt(READ.as_str(), &[&id]).await
}

/// The same, with the name of its flow run.
pub async fn read_with_flow_run_name(tx: &mut Tx<'_>, id: TaskRunId) -> Result<Option<UITaskRun>> {
    tx.opt(READ_WITH_NAME.as_str(), &[&id]).await
}

/// Whether there was such a run.
pub async fn update(tx: Tx<'_>, id: TaskRunId, change: TaskRunUpdate) -> Result<bool> {
    let TaskRunUpdate { name } = change;
    let new_name = name.value().map(|name| name.clone().unwrap_or_else(|| slug(rand::random())));
    Ok(tx.last_run(UPDATE, &[&id, &name.is_set(), &new_name]).await? == 1)
}

/// Whether there was such a run.
pub async fn delete(mut tx: Tx<'_>, id: TaskRunId) -> Result<bool> {
    leases::release_task_run(&mut tx, id).await?;
    artifacts::delete_with(&mut tx, Gone::TaskRun(id)).await?;
    let gone: Option<(TaskRunId,)> = tx.last_opt(DELETE, &[&id]).await?;
    Ok(gone.is_some())
}
