//! `/flow_runs/bulk_…`: many runs by one request, each on its own: what fails for one says nothing of the others.

use domain::FlowRunId;
use domain::flow_runs::BULK_LIMIT;
use domain::rules::FlowPolicy;
use domain::rules::decision::{OrchestrationResult, Verdict};
use domain::states::{
    FlowRunBulkDeleteResponse, FlowRunBulkSetStateResponse, FlowRunOrchestrationResult, StateCreate, absent_or,
};
use tenant_store::flow_runs::{self, FlowRunFilter, FlowRunSort};
use tenant_store::relations::Filters;
use wire::Input;

use crate::api::asks::asks;
use crate::kit::{Call, Json, JsonBody, Op, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/flow_runs/bulk_delete" bulk_delete(JsonBody<FlowRunsBulkDelete>) -> Json<FlowRunBulkDeleteResponse>,
        need Workspace(ManageFlows), lane Heavy, cost One, cache Never, touches [FlowRuns, TaskRuns, Logs, Artifacts], audit Nothing;
    POST "/flow_runs/bulk_set_state" bulk_set_state(JsonBody<FlowRunsBulkSetState>) -> Json<FlowRunBulkSetStateResponse>,
        need Workspace(RunFlows), lane Heavy, cost One, cache Never, touches [FlowRuns, TaskRuns], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowRunsBulkDelete {
    /// Filter criteria for flow runs to delete
    flow_runs: Option<FlowRunFilter>,
    /// Maximum number of flow runs to delete. Defaults to 50.
    #[input(default = BULK_LIMIT, ge = 1, le = BULK_LIMIT)]
    limit: i64,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct FlowRunsBulkSetState {
    /// Filter criteria for flow runs to update
    flow_runs: Option<FlowRunFilter>,
    /// The state to set
    state: StateCreate,
    /// If false, orchestration rules will be applied that may alter or prevent the state transition. If True,
    /// orchestration rules are not applied.
    #[input(default, with = absent_or)]
    force: bool,
    /// Maximum number of flow runs to update. Defaults to 50.
    #[input(default = BULK_LIMIT, ge = 1, le = BULK_LIMIT)]
    limit: i64,
}

/// The runs that a request means, in the order of its answer.
async fn chosen(cx: &Call, flow_runs: Option<FlowRunFilter>, limit: i64) -> Reply<Vec<FlowRunId>> {
    let filters = Filters { flow_runs, ..Filters::default() };
    let found = flow_runs::list(&mut cx.read().await?, &filters, FlowRunSort::default(), limit, 0).await?;
    Ok(found.into_iter().map(|run| run.id).collect())
}

async fn bulk_delete(cx: Call, body: JsonBody<FlowRunsBulkDelete>) -> Reply<Json<FlowRunBulkDeleteResponse>> {
    let FlowRunsBulkDelete { flow_runs, limit } = body.0;
    let ids = chosen(&cx, flow_runs, limit).await?;
    let gone = flow_runs::delete(cx.write().await?, &ids).await?;
    Ok(Json(FlowRunBulkDeleteResponse { deleted: ids.into_iter().filter(|id| gone.contains(id)).collect() }))
}

async fn bulk_set_state(cx: Call, body: JsonBody<FlowRunsBulkSetState>) -> Reply<Json<FlowRunBulkSetStateResponse>> {
    let FlowRunsBulkSetState { flow_runs, state, force, limit } = body.0;
    let (asks, policy) = (asks(&cx), FlowPolicy::of_request(force));
    let mut results = Vec::new();
    for flow_run_id in chosen(&cx, flow_runs, limit).await? {
        let outcome = flow_runs::set_state(cx.write().await?, flow_run_id, state.clone(), policy, &asks).await;
        let result = match outcome {
            Ok(Some(outcome)) => outcome.result,
            Ok(None) => failed(format!("Flow run with id {flow_run_id} not found")),
            Err(error) => {
                tracing::warn!(%flow_run_id, %error, "a state was not set");
                failed("The state could not be set. Try again.".into())
            }
        };
        results.push(FlowRunOrchestrationResult { flow_run_id, result });
    }
    Ok(Json(FlowRunBulkSetStateResponse { results }))
}

fn failed(reason: String) -> OrchestrationResult {
    OrchestrationResult { state: None, verdict: Verdict::Abort { reason } }
}
