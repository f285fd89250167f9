//! What a client asks of the server itself: is it there, which version, which defaults (reference: `server/api/{admin,
//! root,server,csrf_token}.py`).

use domain::BlockDocumentId;
use serde::Serialize;
use serde_json::{Value, json};
use tenant_store::settings;
use wire::{Input, Output, RawJson};

use crate::kit::{Call, Failure, Json, JsonBody, NoContent, Op, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/health" health() -> Json<bool>,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/ready" ready() -> Json<Ready>,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/version" version() -> Json<&'static str>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/hello" hello() -> Json<&'static str>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/csrf-token" csrf_token(Query<CsrfQuery>) -> Json<Value>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/admin/version" prefect_version() -> Json<&'static str>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/admin/settings" server_settings() -> Json<Value>,
        need Workspace(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/admin/storage" storage() -> Json<Storage>,
        need Workspace(SeeFlows), lane Read, cost One, cache Kind(Settings), touches [], audit Nothing;
    PUT "/admin/storage" set_storage(JsonBody<StorageUpdate>) -> Json<Storage>,
        need Workspace(WriteWorkspaceSettings), lane Hot, cost One, cache Never, touches [Settings], audit Nothing;
    DELETE "/admin/storage" clear_storage() -> NoContent,
        need Workspace(WriteWorkspaceSettings), lane Hot, cost One, cache Never, touches [Settings], audit Nothing;
];

/// The key in the workspace's settings.
const STORAGE: &str = "default_result_storage_block_id";

#[derive(Debug, Serialize, Output)]
struct Ready {
    message: &'static str,
}

#[derive(Input)]
#[input(parameters)]
struct CsrfQuery {
    /// The client's id; required, never used.
    #[input(rename = "client")]
    _client: String,
}

/// Where results go unless a flow says otherwise.
#[derive(Debug, Serialize, Output)]
struct Storage {
    default_result_storage_block_id: Option<RawJson>,
}

#[derive(Debug, Input)]
struct StorageUpdate {
    default_result_storage_block_id: BlockDocumentId,
}

async fn health(_: Call) -> Reply<Json<bool>> {
    Ok(Json(true))
}

async fn ready(cx: Call) -> Reply<Json<Ready>> {
    cx.app.check_ready().await?;
    Ok(Json(Ready { message: "OK" }))
}

async fn version(_: Call) -> Reply<Json<&'static str>> {
    Ok(Json(crate::API_VERSION))
}

async fn hello(_: Call) -> Reply<Json<&'static str>> {
    Ok(Json("👋"))
}

/// Requests carry a key, which no other site can make a browser send: there is nothing for a token to protect. The SDK
/// takes this answer for "switch it off".
async fn csrf_token(_: Call, _: Query<CsrfQuery>) -> Reply<Json<Value>> {
    Err(Failure::unprocessable("CSRF protection is disabled."))
}

async fn prefect_version(_: Call) -> Reply<Json<&'static str>> {
    Ok(Json(crate::PREFECT_VERSION))
}

/// As much as the web UI reads. The reference shows its whole configuration, with paths of its host.
async fn server_settings(_: Call) -> Reply<Json<Value>> {
    Ok(Json(json!({ "server": { "analytics_enabled": false, "ui": { "show_promotional_content": false } } })))
}

async fn storage(cx: Call) -> Reply<Json<Storage>> {
    let default_result_storage_block_id = settings::read(&mut cx.read().await?, STORAGE).await?;
    Ok(Json(Storage { default_result_storage_block_id }))
}

async fn set_storage(_: Call, body: JsonBody<StorageUpdate>) -> Reply<Json<Storage>> {
    // Workspaces have no block documents yet, so there is none to name.
    let id = body.0.default_result_storage_block_id;
    Err(Failure::not_found(format!("Block document {id} not found.")))
}

async fn clear_storage(cx: Call) -> Reply<NoContent> {
    settings::clear(cx.write().await?, STORAGE).await?;
    Ok(NoContent)
}
