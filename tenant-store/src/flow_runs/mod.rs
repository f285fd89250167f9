//! Flow runs: all SQL of the resource, by what is done with them.

/// Deletes what hangs on the runs of a `with` part named `runs`; more parts of the same statement. Artifacts are deleted
/// before, by [`artifacts::delete_with`](crate::artifacts::delete_with).
macro_rules! with_children {
    () => {
        "tasks as (delete from task_run where flow_run_id in (select id from runs) returning id), \
         states as (delete from run_state where run_id in (select id from runs union all select id from tasks)), \
         inputs as (delete from flow_run_input where flow_run_id in (select id from runs)), \
         logs as (delete from log where flow_run_id in (select id from runs)), \
         subflows as (update flow_run set parent_task_run_id = null, updated = now() where parent_task_run_id in (select id from tasks)) "
    };
}
pub(crate) use with_children;

mod create;
pub mod due;
mod facts;
mod filter;
mod graph;
mod input;
mod list;
mod row;
mod set_state;
mod update;
pub mod waiting;
mod why;

use std::sync::LazyLock;

use domain::FlowRunId;
use domain::flow_runs::FlowRun;

use crate::sql::Columns;
use crate::{Result, Tx};

pub(crate) use create::create_of;
pub use create::{Creation, create};
pub use filter::{FlowRunFilter, FlowRunSort};
pub use graph::{dependencies, graph};
pub use input::{InputMade, create_input, delete_input, list_inputs, read_input};
#[cfg(test)]
pub(crate) use list::statements;
pub use list::{count, history, lateness, list, next_by_flow, simple};
pub use set_state::{resume, set_state};
pub use update::{Updated, delete, merge_labels, update};
pub use why::facts as facts_of_waiting;

static READ: LazyLock<String> =
    LazyLock::new(|| format!("select {} from flow_run r where r.id = $1", FlowRun::COLUMNS));

pub async fn read(tx: &mut Tx<'_>, id: FlowRunId) -> Result<Option<FlowRun>> {
    tx.opt(READ.as_str(), &[&id]).await
}
