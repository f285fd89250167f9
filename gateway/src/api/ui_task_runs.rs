//! `/ui/task_runs`: numbers for the dashboard, and a task run as its page shows it (reference:
//! `server/api/ui/task_runs.py`).

use domain::TaskRunId;
use domain::task_run_counts::{Chart, CountByState, TaskRunCount};
use domain::task_runs::UITaskRun;
use tenant_store::deployments::DeploymentFilter;
use tenant_store::flow_runs::FlowRunFilter;
use tenant_store::flows::FlowFilter;
use tenant_store::relations::Filters;
use tenant_store::task_runs::{self, TaskRunFilter};
use tenant_store::work_pools::WorkPoolFilter;
use tenant_store::work_queues::WorkQueueFilter;
use wire::{Input, Time};

use super::related::related;
use crate::kit::{Call, ETag, Failure, Json, JsonBody, Op, Path, Reply, Tagged};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/ui/task_runs/dashboard/counts" dashboard(JsonBody<DashboardCounts>) -> Json<Vec<TaskRunCount>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/ui/task_runs/count" count(JsonBody<TaskRunsByState>) -> Json<CountByState>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/ui/task_runs/{id}" read(Path<TaskRunId>) -> Tagged<UITaskRun>,
        need Workspace(SeeFlows), lane Read, cost One, cache ETag, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct DashboardCounts {
    task_runs: TaskRunFilter,
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    work_queues: Option<WorkQueueFilter>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct TaskRunsByState {
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
}

async fn dashboard(cx: Call, body: JsonBody<DashboardCounts>) -> Reply<Json<Vec<TaskRunCount>>> {
    let DashboardCounts { task_runs, flows, flow_runs, deployments, work_pools, work_queues } = body.0;
    let started = task_runs.start_time.as_ref();
    let Some(after) = started.and_then(|start| start.after_) else {
        return Err(Failure::unprocessable("task_runs.start_time.after_ is required"));
    };
    let before = started.and_then(|start| start.before_).unwrap_or_else(Time::of_machine);
    let Some(chart) = Chart::between(after, before) else { return Ok(Json(Chart::columns([]))) };
    let task_runs = Some(task_runs.of_ended());
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, work_pools, work_queues })?;
    Ok(Json(task_runs::on_dashboard(&mut cx.read().await?, &filters, after, chart).await?))
}

async fn count(cx: Call, body: JsonBody<TaskRunsByState>) -> Reply<Json<CountByState>> {
    let TaskRunsByState { flows, flow_runs, task_runs, deployments } = body.0;
    let filters = related(&cx, Filters { flows, flow_runs, task_runs, deployments, ..Filters::default() })?;
    Ok(Json(task_runs::by_state(&mut cx.read().await?, &filters).await?))
}

async fn read(cx: Call, id: Path<TaskRunId>) -> Reply<Tagged<UITaskRun>> {
    let run = task_runs::read_with_flow_run_name(&mut cx.read().await?, *id).await?;
    let run = run.ok_or_else(|| Failure::not_found("Task not found"))?;
    Ok(cx.tagged(tag(&run), run))
}

/// What tells that a run has changed; the estimates that grow with time aside. The name of its flow run changes without it.
fn tag(UITaskRun { run, flow_run_name }: &UITaskRun) -> ETag {
    let state = run.state_id.map(|id| id.0).unwrap_or_default();
    let name = flow_run_name.as_deref().unwrap_or_default();
    ETag::of(&[run.id.0.as_bytes(), state.as_bytes(), &run.updated.micros().to_le_bytes(), name.as_bytes()])
}
