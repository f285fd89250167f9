//! `/automations`: what deploying and looking at a deployment asks about them. There are none yet, and so they are answered.

use wire::RawObject;

use crate::kit::{Accepted, Call, Json, Op, Path, Reply};
use crate::ops;

// Whoever deploys asks for the end of the automations that the deployment owns, so that is all it needs.
pub static OPS: &[Op] = ops![
    GET "/automations/related-to/{resource_id}" related_to(Path<String>) -> Json<Vec<RawObject>>,
        need Workspace(SeeAutomations), lane Read, cost One, cache Never, touches [], audit Nothing;
    DELETE "/automations/owned-by/{resource_id}" delete_owned_by(Path<String>) -> Accepted<()>,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [], audit Nothing;
];

async fn related_to(_: Call, _: Path<String>) -> Reply<Json<Vec<RawObject>>> {
    Ok(Json(Vec::new()))
}

async fn delete_owned_by(_: Call, _: Path<String>) -> Reply<Accepted<()>> {
    Ok(Accepted(()))
}
