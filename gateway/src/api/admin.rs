//! What a client asks of the server itself: is it there, which version, which defaults (reference: `server/api/{admin,
//! root,server,csrf_token}.py`).

use domain::BlockDocumentId;
use domain::stored::Stored;
use serde::Serialize;
use serde_json::{Value, json};
use tenant_store::block_documents;
use tenant_store::settings::{self, DEFAULT_RESULT_STORAGE};
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

/// What a block must be able to do that results go to.
const WRITES: &str = "write-path";

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
    default_result_storage_block_id: Option<Stored<BlockDocumentId>>,
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
    let kept = settings::read(&mut cx.read().await?, DEFAULT_RESULT_STORAGE).await?;
    Ok(Json(Storage { default_result_storage_block_id: kept.map(Stored::new) }))
}

async fn set_storage(cx: Call, body: JsonBody<StorageUpdate>) -> Reply<Json<Storage>> {
    let id = body.0.default_result_storage_block_id;
    let mut tx = cx.write().await?;
    let capabilities = block_documents::capabilities(&mut tx, id).await?;
    let capabilities = capabilities.ok_or_else(|| Failure::not_found(format!("Block document {id} not found.")))?;
    if !capabilities.iter().any(|capability| capability == WRITES) {
        return Err(Failure::unprocessable(format!("Block document {id} cannot be used for result storage.")));
    }
    let value = RawJson::of(&id);
    settings::write(tx, DEFAULT_RESULT_STORAGE, &value).await?;
    Ok(Json(Storage { default_result_storage_block_id: Some(Stored::new(value)) }))
}

async fn clear_storage(cx: Call) -> Reply<NoContent> {
    settings::clear(cx.write().await?, DEFAULT_RESULT_STORAGE).await?;
    Ok(NoContent)
}
