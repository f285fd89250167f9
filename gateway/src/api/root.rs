//! What stands above accounts and workspaces: health, readiness, versions, the description of the API.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::kit::{Call, Document, Json, Op, Reply, Tenant, document};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/health" health() -> Json<bool>,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/ready" ready() -> Json<Value>,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/version" version() -> Json<&'static str>,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/hello" hello() -> Json<&'static str>,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/openapi.json" openapi() -> Json<Value>,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
];

/// The description of a workspace's operations alone, with paths relative to the workspace, as the reference has it.
pub static WORKSPACE_OPS: &[Op] = ops![
    GET "/openapi.json" workspace_openapi() -> Json<Value>,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
];

async fn health(_: Call) -> Reply<Json<bool>> {
    Ok(Json(true))
}

async fn ready(cx: Call) -> Reply<Json<Value>> {
    cx.app.check_ready().await?;
    Ok(Json(json!({ "message": "OK" })))
}

async fn version(_: Call) -> Reply<Json<&'static str>> {
    Ok(Json(crate::API_VERSION))
}

async fn hello(_: Call) -> Reply<Json<&'static str>> {
    Ok(Json("👋"))
}

const DESCRIPTION: &str = "The Prefect REST API with accounts, workspaces, keys and roles.";

/// Everything, with whole paths.
pub fn whole_document() -> &'static Value {
    static WHOLE: OnceLock<Value> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let tables = crate::tables::tables();
        let account = "/accounts/{account_id}";
        let workspace = "/accounts/{account_id}/workspaces/{workspace_id}";
        let mut ops: Vec<(&str, &'static Op)> = tables.root.ops().iter().map(|op| ("", *op)).collect();
        ops.extend(tables.account.ops().iter().map(|op| (account, *op)));
        ops.extend(tables.workspace.ops().iter().map(|op| (workspace, *op)));
        document(&Document { title: "Prefecture", description: DESCRIPTION, server: "/api".into() }, &ops)
    })
}

async fn openapi(_: Call) -> Reply<Json<Value>> {
    Ok(Json(whole_document().clone()))
}

async fn workspace_openapi(cx: Call) -> Reply<Json<Value>> {
    let tables = crate::tables::tables();
    let ops: Vec<(&str, &'static Op)> = tables.workspace.ops().iter().map(|op| ("", *op)).collect();
    let server = match cx.address.tenant {
        Tenant::Workspace(account, workspace) => format!("/api/accounts/{account}/workspaces/{workspace}"),
        _ => "/api".into(),
    };
    Ok(Json(document(&Document { title: "Prefecture: a workspace", description: DESCRIPTION, server }, &ops)))
}
