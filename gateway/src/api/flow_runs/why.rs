//! `/flow_runs/{id}/why`: why a run does not run yet, in one call. Of our own. It names nobody but runs of the workspace,
//! and pools, queues, deployments and limits only to those who may see them.

use domain::FlowRunId;
use domain::access::ScopeName;
use domain::why::{FlowRunWhy, ThingKind, explain, hide};
use tenant_store::flow_runs;

use super::not_found;
use crate::kit::{Call, Json, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/flow_runs/{id}/why" why(Path<FlowRunId>) -> Json<FlowRunWhy>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
];

async fn why(cx: Call, id: Path<FlowRunId>) -> Reply<Json<FlowRunWhy>> {
    let facts = flow_runs::facts_of_waiting(&mut cx.read().await?, *id).await?.ok_or_else(not_found)?;
    let scopes = cx.member()?.scopes();
    let lacking = |kind: ThingKind| Some(seen_by(kind)).filter(|scope| !scopes.contains(*scope));
    Ok(Json(hide(explain(&facts), |kind| lacking(kind).map(|scope| scope.to_string()))))
}

fn seen_by(kind: ThingKind) -> ScopeName {
    match kind {
        ThingKind::WorkPool => ScopeName::SeeWorkPools,
        ThingKind::WorkQueue => ScopeName::SeeWorkQueues,
        ThingKind::Deployment | ThingKind::Schedule => ScopeName::SeeDeployments,
        ThingKind::ConcurrencyLimit => ScopeName::SeeConcurrencyLimits,
        ThingKind::TaskRun => ScopeName::SeeFlows,
    }
}
