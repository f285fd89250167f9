//! `/flow_run_states`: the states that flow runs have been in (reference: `server/api/flow_run_states.py`).

use domain::state::State;
use domain::stored::Stored;
use domain::{FlowRunId, StateId};
use tenant_store::run_states::{self, RunKind};
use wire::Input;

use crate::kit::{Call, Failure, Json, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/flow_run_states/" list(Query<OfFlowRun>) -> Json<Vec<Stored<State>>>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/flow_run_states/{id}" read(Path<StateId>) -> Json<Stored<State>>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct OfFlowRun {
    flow_run_id: FlowRunId,
}

async fn list(cx: Call, query: Query<OfFlowRun>) -> Reply<Json<Vec<Stored<State>>>> {
    Ok(Json(run_states::of_run(&mut cx.read().await?, RunKind::Flow, query.flow_run_id.0).await?))
}

async fn read(cx: Call, id: Path<StateId>) -> Reply<Json<Stored<State>>> {
    let found = run_states::read(&mut cx.read().await?, RunKind::Flow, *id).await?;
    found.map(Json).ok_or_else(|| Failure::not_found("Flow run state not found"))
}
