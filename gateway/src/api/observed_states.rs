//! `/observed-states`: types and names of states that runs have been in (reference: `server/api/observed_states.py`).

use domain::observed_states::{ObservedState, ObservedStateSort};
use tenant_store::run_states;
use wire::Input;

use crate::kit::{Call, Json, Op, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/observed-states" list(Query<ObservedStates>) -> Json<Vec<ObservedState>>,
        need Workspace(SeeFlows), lane Heavy, cost One, cache Never, touches [], audit Nothing;
];

#[derive(Debug, Input)]
#[input(parameters)]
struct ObservedStates {
    /// How the type or the name begins, whatever the case.
    #[input(default, max_length = 100)]
    query: String,
    #[input(default)]
    order_by: ObservedStateSort,
    #[input(default = 200, ge = 1, le = 200)]
    limit: i64,
}

async fn list(cx: Call, query: Query<ObservedStates>) -> Reply<Json<Vec<ObservedState>>> {
    let ObservedStates { query, order_by, limit } = query.0;
    Ok(Json(run_states::observed(&mut cx.read().await?, Some(&query), order_by, limit).await?))
}
