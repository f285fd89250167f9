//! Flow runs: all SQL of the resource, by what is done with them.

mod create;
mod facts;
mod filter;
mod graph;
mod input;
mod list;
mod row;
mod set_state;
mod update;

use std::sync::LazyLock;

use domain::FlowRunId;
use domain::flow_runs::FlowRun;

use crate::sql::Columns;
use crate::{Result, Tx};

pub use create::{Creation, create};
pub use filter::{FlowRunFilter, FlowRunSort};
pub use graph::{dependencies, graph};
pub use input::{InputMade, create_input, delete_input, list_inputs, read_input};
#[cfg(test)]
pub(crate) use list::statements;
pub use list::{count, history, lateness, list};
pub use set_state::{resume, set_state};
pub use update::{Updated, delete, merge_labels, update};

static READ: LazyLock<String> = LazyLock::new(|| format!("select {} from flow_run r where r.id = $1", FlowRun::COLUMNS));

pub async fn read(tx: &mut Tx<'_>, id: FlowRunId) -> Result<Option<FlowRun>> {
    tx.opt(READ.as_str(), &[&id]).await
}
