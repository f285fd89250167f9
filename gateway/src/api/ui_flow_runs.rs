//! `/ui/flow_runs`: charts of flow runs, and numbers beside each of a list (reference: `server/api/ui/flow_runs.py`).

use std::collections::BTreeMap;

use domain::FlowRunId;
use domain::flow_runs::SimpleFlowRun;
use tenant_store::deployments::DeploymentFilter;
use tenant_store::flow_runs::{self, FlowRunFilter, FlowRunSort};
use tenant_store::flows::FlowFilter;
use tenant_store::relations::Filters;
use tenant_store::task_runs::{self, TaskRunFilter};
use tenant_store::work_pools::WorkPoolFilter;
use wire::{Errors, Input, check};

use super::related::related;
use crate::kit::{Call, Json, JsonBody, Op, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/ui/flow_runs/history" history(JsonBody<SimpleHistory>) -> Json<Vec<SimpleFlowRun>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/ui/flow_runs/count-task-runs" count_task_runs(JsonBody<OfFlowRuns>) -> Json<BTreeMap<String, i64>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

/// More runs than a page has: as many as a chart shows.
const MOST_SHOWN: i64 = 1000;

#[derive(Debug, Input)]
#[input(parameters)]
struct SimpleHistory {
    #[input(default = FlowRunSort::ExpectedStartTimeDesc)]
    sort: FlowRunSort,
    #[input(default = MOST_SHOWN, le = MOST_SHOWN, ge = 0)]
    limit: i64,
    #[input(default, ge = 0)]
    offset: i64,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct OfFlowRuns {
    #[input(with = flow_run_ids)]
    flow_run_ids: Vec<FlowRunId>,
}

/// At most so many runs, as many as a page of them has.
const MOST_RUNS: usize = 200;

fn flow_run_ids(value: &wire::Json<'_>, errors: &mut Errors) -> Option<Vec<FlowRunId>> {
    let ids = Vec::<FlowRunId>::parse(value, errors)?;
    check::max_items(ids.len(), MOST_RUNS, value, errors)?;
    Some(ids)
}

async fn history(cx: Call, body: JsonBody<SimpleHistory>) -> Reply<Json<Vec<SimpleFlowRun>>> {
    let SimpleHistory { sort, limit, offset, flows, flow_runs, task_runs, deployments, work_pools } = body.0;
    let filters = Filters { flows, flow_runs, task_runs, deployments, work_pools, ..Filters::default() };
    let filters = related(&cx, filters)?;
    Ok(Json(flow_runs::simple(&mut cx.read().await?, &filters, sort, limit, offset).await?))
}

async fn count_task_runs(cx: Call, body: JsonBody<OfFlowRuns>) -> Reply<Json<BTreeMap<String, i64>>> {
    let found = task_runs::by_flow_run(&mut cx.read().await?, &body.flow_run_ids).await?;
    let mut counts: BTreeMap<String, i64> = body.0.flow_run_ids.iter().map(|id| (id.to_string(), 0)).collect();
    counts.extend(found.into_iter().map(|(id, count)| (id.to_string(), count)));
    Ok(Json(counts))
}
