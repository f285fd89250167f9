//! What is sent to runs while they run: values under keys.

use std::sync::LazyLock;

use domain::FlowRunId;
use domain::flow_runs::{FlowRunInput, FlowRunInputCreate, FlowRunInputFilter};
use uuid::Uuid;

use crate::sql::Columns;
use crate::{Result, Tx};

const CREATE: &str = "with run as (select id from flow_run where id = $2), \
    made as (insert into flow_run_input (id, flow_run_id, key, value, sender) \
        select $1, run.id, $3, $4, $5 from run on conflict (flow_run_id, key) do nothing returning id) \
    select exists (select from run), exists (select from made)";
const READ: &str = "select value from flow_run_input where flow_run_id = $1 and key = $2";
const DELETE: &str = "delete from flow_run_input where flow_run_id = $1 and key = $2";

/// `%` and `_` of the client are wildcards, as in the reference.
static LIST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from flow_run_input i where i.flow_run_id = $1 and i.key like $2 || '%' and i.key <> all($3) \
         order by i.created, i.id limit $4",
        FlowRunInput::COLUMNS
    )
});

/// What became of a new input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputMade {
    Yes,
    NoRun,
    KeyTaken,
}

pub async fn create_input(tx: Tx<'_>, run: FlowRunId, new: &FlowRunInputCreate) -> Result<InputMade> {
    let FlowRunInputCreate { key, value, sender } = new;
    Ok(match tx.last_one(CREATE, &[&Uuid::now_v7(), &run, key, value, sender]).await? {
        (false, _) => InputMade::NoRun,
        (true, false) => InputMade::KeyTaken,
        (true, true) => InputMade::Yes,
    })
}

/// The value under a key.
pub async fn read_input(tx: &mut Tx<'_>, run: FlowRunId, key: &str) -> Result<Option<String>> {
    let found: Option<(String,)> = tx.opt(READ, &[&run, &key]).await?;
    Ok(found.map(|(value,)| value))
}

/// Whether there was such an input.
pub async fn delete_input(tx: Tx<'_>, run: FlowRunId, key: &str) -> Result<bool> {
    Ok(tx.last_run(DELETE, &[&run, &key]).await? == 1)
}

pub async fn list_inputs(tx: &mut Tx<'_>, run: FlowRunId, filter: &FlowRunInputFilter) -> Result<Vec<FlowRunInput>> {
    let FlowRunInputFilter { prefix, limit, exclude_keys } = filter;
    tx.all(LIST.as_str(), &[&run, prefix, exclude_keys, limit]).await
}
