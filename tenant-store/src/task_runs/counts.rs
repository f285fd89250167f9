//! How many task runs there are, as the web UI asks it.

use domain::FlowRunId;
use domain::state::StateType;
use domain::task_run_counts::{Chart, CountByState, TaskRunCount};
use wire::Time;

use super::list::statements;
use crate::relations::{Filters, Near};
use crate::{Result, Tx};

/// Task runs that stand for a subflow are not counted.
const BY_FLOW_RUN: &str = "select t.flow_run_id, count(*) from task_run t where t.flow_run_id = any($1) \
    and not exists (select from flow_run s where s.parent_task_run_id = t.id) group by t.flow_run_id";

/// Task runs of each flow run; those without any are left out.
pub async fn by_flow_run(tx: &mut Tx<'_>, runs: &[FlowRunId]) -> Result<Vec<(FlowRunId, i64)>> {
    tx.all(BY_FLOW_RUN, &[&runs]).await
}

/// Task runs in a state of each type.
pub async fn by_state(tx: &mut Tx<'_>, filters: &Filters) -> Result<CountByState> {
    let near = Near::of(tx, filters).await?;
    let counts: Vec<(StateType, i64)> = tx.counted_of(statements::counting_by_state(filters, &near)).await?;
    Ok(CountByState::of(counts))
}

/// Task runs that ended, by when they started. `after` is the earliest start that the filters admit.
pub async fn on_dashboard(tx: &mut Tx<'_>, filters: &Filters, after: Time, chart: Chart) -> Result<Vec<TaskRunCount>> {
    let near = Near::of(tx, filters).await?;
    let counts: Vec<(i64, i64, i64)> = tx.counted_of(statements::charting(filters, &near, after, chart)).await?;
    Ok(Chart::columns(counts))
}
