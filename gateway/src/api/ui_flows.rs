//! `/ui/flows`: what the web UI shows beside each flow of a list (reference: `server/api/ui/flows.py`).

use std::collections::BTreeMap;

use domain::FlowId;
use domain::flow_runs::SimpleNextFlowRun;
use tenant_store::{deployments, flow_runs};
use wire::{Errors, Input, check};

use crate::kit::{Call, Json, JsonBody, Op, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/ui/flows/count-deployments" count_deployments(JsonBody<OfFlows>) -> Json<BTreeMap<String, i64>>,
        need Workspace(SeeDeployments), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    POST "/ui/flows/next-runs" next_runs(JsonBody<OfFlows>) -> Json<BTreeMap<String, Option<SimpleNextFlowRun>>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct OfFlows {
    #[input(with = flow_ids)]
    flow_ids: Vec<FlowId>,
}

/// At most so many flows, as many as a page of them has.
const MOST_FLOWS: usize = 200;

fn flow_ids(value: &wire::Json<'_>, errors: &mut Errors) -> Option<Vec<FlowId>> {
    let ids = Vec::<FlowId>::parse(value, errors)?;
    check::max_items(ids.len(), MOST_FLOWS, value, errors)?;
    Some(ids)
}

async fn count_deployments(cx: Call, body: JsonBody<OfFlows>) -> Reply<Json<BTreeMap<String, i64>>> {
    let found = deployments::count_by_flow(&mut cx.read().await?, &body.flow_ids).await?;
    let mut counts: BTreeMap<String, i64> = body.0.flow_ids.iter().map(|id| (id.to_string(), 0)).collect();
    counts.extend(found.into_iter().map(|(id, count)| (id.to_string(), count)));
    Ok(Json(counts))
}

async fn next_runs(cx: Call, body: JsonBody<OfFlows>) -> Reply<Json<BTreeMap<String, Option<SimpleNextFlowRun>>>> {
    let found = flow_runs::next_by_flow(&mut cx.read().await?, &body.flow_ids).await?;
    let mut runs: BTreeMap<_, _> = body.0.flow_ids.iter().map(|id| (id.to_string(), None)).collect();
    runs.extend(found.into_iter().map(|run| (run.flow_id.to_string(), Some(run))));
    Ok(Json(runs))
}
