//! Graphs of flow runs: what of a run was given to what (reference: `server/api/flow_runs.py`, `…/graph`, `…/graph-v2`).

use domain::FlowRunId;
use domain::access::ScopeName;
use domain::graph::{DependencyResult, Graph};
use tenant_store::flow_runs;
use wire::{Input, PlainTime, Time};

use crate::api::asks::exception_not_found;
use crate::kit::{Call, Failure, Json, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/flow_runs/{id}/graph" dependencies(Path<FlowRunId>) -> Json<Vec<DependencyResult>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/flow_runs/{id}/graph-v2" graph(Path<FlowRunId>, Query<GraphSince>) -> Json<Graph>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct GraphSince {
    /// Leaves out runs that ended before this time.
    #[input(default = PlainTime(Time::MIN))]
    since: PlainTime,
}

async fn dependencies(cx: Call, id: Path<FlowRunId>) -> Reply<Json<Vec<DependencyResult>>> {
    let found = flow_runs::dependencies(&mut cx.read().await?, *id).await?;
    found.map(Json).ok_or_else(|| exception_not_found(format!("Flow run with id {} not found", *id)))
}

async fn graph(cx: Call, id: Path<FlowRunId>, query: Query<GraphSince>) -> Reply<Json<Graph>> {
    let artifacts = cx.sees(ScopeName::SeeArtifacts)?;
    let found = flow_runs::graph(&mut cx.read().await?, *id, query.since.0, artifacts).await?;
    let graph = found.ok_or_else(|| exception_not_found(format!("Flow run {} not found", *id)))?;
    graph.map(Json).map_err(|too_large| Failure::bad_request(too_large.detail(*id)))
}
