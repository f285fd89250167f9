//! `/task_runs`: runs of tasks, one by one (reference: `server/api/task_runs.py`). Nearly all of them arrive as events
//! instead.

pub mod task_run_lists;

use domain::TaskRunId;
use domain::rules::TaskPolicy;
use domain::rules::decision::OrchestrationResult;
use domain::states::SetState;
use domain::task_runs::{TaskRun, TaskRunCreate, TaskRunUpdate};
use tenant_store::task_runs::{self, Creation};

use super::asks::{answer, asks, exception_not_found};
use crate::kit::{Call, Created, ETag, Failure, JsonBody, NoContent, Op, Path, Reply, Tagged};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/task_runs/" create(JsonBody<TaskRunCreate>) -> Created<TaskRun>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [TaskRuns], audit Nothing;
    GET "/task_runs/{id}" read(Path<TaskRunId>) -> Tagged<TaskRun>,
        need Workspace(SeeFlows), lane Read, cost One, cache ETag, touches [], audit Nothing;
    PATCH "/task_runs/{id}" update(Path<TaskRunId>, JsonBody<TaskRunUpdate>) -> NoContent,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [TaskRuns], audit Nothing;
    DELETE "/task_runs/{id}" delete(Path<TaskRunId>) -> NoContent,
        need Workspace(ManageFlows), lane Hot, cost One, cache Never, touches [TaskRuns, FlowRuns, Logs, Artifacts], audit Nothing;
    POST "/task_runs/{id}/set_state" set_state(Path<TaskRunId>, JsonBody<SetState>) -> Created<OrchestrationResult>,
        need Workspace(RunFlows), lane Hot, cost One, cache Never, touches [TaskRuns], audit Nothing;
];

async fn create(cx: Call, body: JsonBody<TaskRunCreate>) -> Reply<Created<TaskRun>> {
    let Creation { run, fresh, .. } = task_runs::create(cx.write().await?, body.0, &asks(&cx)).await?;
    Ok(Created::if_fresh(run, fresh))
}

async fn read(cx: Call, id: Path<TaskRunId>) -> Reply<Tagged<TaskRun>> {
    let run = task_runs::read(&mut cx.read().await?, *id).await?;
    let run = run.ok_or_else(|| Failure::not_found("Task not found"))?;
    Ok(cx.tagged(tag(&run), run))
}

/// What tells that a run has changed; the estimates that grow with time aside.
fn tag(run: &TaskRun) -> ETag {
    let state = run.state_id.map(|id| id.0).unwrap_or_default();
    ETag::of(&[run.id.0.as_bytes(), state.as_bytes(), &run.updated.micros().to_le_bytes()])
}

async fn update(cx: Call, id: Path<TaskRunId>, body: JsonBody<TaskRunUpdate>) -> Reply<NoContent> {
    match task_runs::update(cx.write().await?, *id, body.0).await? {
        true => Ok(NoContent),
        false => Err(Failure::not_found("Task run not found")),
    }
}

async fn delete(cx: Call, id: Path<TaskRunId>) -> Reply<NoContent> {
    match task_runs::delete(cx.write().await?, *id).await? {
        true => Ok(NoContent),
        false => Err(Failure::not_found("Task not found")),
    }
}

async fn set_state(cx: Call, id: Path<TaskRunId>, body: JsonBody<SetState>) -> Reply<Created<OrchestrationResult>> {
    let SetState { state, force } = body.0;
    let policy = TaskPolicy::of_request(force);
    let outcome = task_runs::set_state(cx.write().await?, *id, state, policy, &asks(&cx)).await?;
    answer(outcome, || exception_not_found(format!("Task run with id {} not found", *id)))
}
