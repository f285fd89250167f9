//! `/task_run_states`: the states that task runs have been in (reference: `server/api/task_run_states.py`).

use domain::state::State;
use domain::stored::Stored;
use domain::{StateId, TaskRunId};
use tenant_store::run_states::{self, RunKind};
use wire::Input;

use crate::kit::{Call, Failure, Json, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/task_run_states/" list(Query<StatesOfTaskRun>) -> Json<Vec<Stored<State>>>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/task_run_states/{id}" read(Path<StateId>) -> Json<Stored<State>>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct StatesOfTaskRun {
    task_run_id: TaskRunId,
}

async fn list(cx: Call, query: Query<StatesOfTaskRun>) -> Reply<Json<Vec<Stored<State>>>> {
    Ok(Json(run_states::of_run(&mut cx.read().await?, RunKind::Task, query.task_run_id.0).await?))
}

async fn read(cx: Call, id: Path<StateId>) -> Reply<Json<Stored<State>>> {
    let found = run_states::read(&mut cx.read().await?, RunKind::Task, *id).await?;
    // The reference says "flow run" here too.
    found.map(Json).ok_or_else(|| Failure::not_found("Flow run state not found"))
}
