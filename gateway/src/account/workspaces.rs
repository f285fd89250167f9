//! The workspaces of an account, and one workspace by itself.

use domain::access::handle_of;
use domain::{RoleId, WorkspaceId};
use serde::Serialize;
use serde_json::json;
use tenant_store::control::{self, NewWorkspace, WorkspaceFilter, WorkspacePatch};
use wire::{Input, Limit, Output, Patch, RawJson, RawObject};

use super::{AnyName, Handle, Name, Workspace, by, names, shown};
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/workspaces/" create(JsonBody<WorkspaceCreate>) -> Created<Workspace>,
        need Account(CreateWorkspace), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace.created");
    GET "/workspaces" list(Query<WorkspacesListing>) -> Json<Vec<Workspace>>,
        need Account(ReadWorkspace), lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    POST "/workspaces/filter" filter(JsonBody<WorkspacesFilter>) -> Json<Vec<Workspace>>,
        need Account(ReadWorkspace), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/workspaces/count" count(JsonBody<WorkspacesCount>) -> Json<i64>,
        need Account(ReadWorkspace), lane Read, cost One, cache Never, touches [], audit Nothing;
];

/// Below the workspace's own address.
pub static OF_WORKSPACE: &[Op] = ops![
    GET "/" read() -> Json<Workspace>,
        need Workspace(SeeFlows), lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    PATCH "/" update(JsonBody<WorkspaceUpdate>) -> NoContent,
        need Workspace(WriteWorkspaceSettings), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace.updated");
    DELETE "/" delete() -> NoContent,
        need Workspace(ManageWorkspaceSettings), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace.deleted");
    GET "/settings" settings() -> Json<WorkspaceSettings>,
        need Workspace(SeeFlows), lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    PATCH "/settings" update_settings(JsonBody<WorkspaceSettingsUpdate>) -> NoContent,
        need Workspace(WriteWorkspaceSettings), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-settings.updated");
];

#[derive(Debug, Input)]
struct WorkspaceCreate {
    name: Name,
    description: Option<String>,
    /// Made from the name when absent.
    handle: Option<Handle>,
}

#[derive(Debug, Input)]
struct WorkspaceUpdate {
    name: Option<Name>,
    handle: Option<Handle>,
    description: Option<String>,
    /// Null takes the default role away.
    default_workspace_role_id: Patch<Option<RoleId>>,
}

#[derive(Debug, Input)]
struct WorkspacesListing {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct WorkspacesFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    workspaces: Option<WorkspaceCriteria>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct WorkspacesCount {
    workspaces: Option<WorkspaceCriteria>,
}

/// Which workspaces.
#[derive(Debug, Input)]
struct WorkspaceCriteria {
    id: Option<AnyWorkspace>,
    handle: Option<AnyName>,
    name: Option<AnyName>,
}

/// Any of these workspaces.
#[derive(Debug, Input)]
struct AnyWorkspace {
    any_: Option<Vec<WorkspaceId>>,
}

/// The settings of a workspace.
#[derive(Debug, Serialize, Output)]
struct WorkspaceSettings {
    inherit_default_result_storage: bool,
    default_result_storage_block_id: Option<String>,
    /// Days that events are kept, 0 for good; null is as the installation has it.
    event_retention_days: Option<u64>,
    /// The same for log lines.
    log_retention_days: Option<u64>,
    /// The same for finished runs.
    run_retention_days: Option<u64>,
}

#[derive(Debug, Input)]
struct WorkspaceSettingsUpdate {
    inherit_default_result_storage: Option<bool>,
    default_result_storage_block_id: Patch<Option<domain::BlockDocumentId>>,
    #[input(with = kept_for)]
    event_retention_days: Patch<Option<i64>>,
    #[input(with = kept_for)]
    log_retention_days: Patch<Option<i64>>,
    #[input(with = kept_for)]
    run_retention_days: Patch<Option<i64>>,
}

/// Days: a hundred years.
const LONGEST_KEPT: i64 = 36_500;

/// Days that something is kept, or null.
fn kept_for(value: &wire::Json<'_>, errors: &mut wire::Errors) -> Option<Patch<Option<i64>>> {
    let days = Option::<i64>::parse(value, errors)?;
    if let Some(days) = &days {
        wire::check::ge(days, 0, value, errors)?;
        wire::check::le(days, LONGEST_KEPT, value, errors)?;
    }
    Some(Patch::Set(days))
}

async fn create(cx: Call, body: JsonBody<WorkspaceCreate>) -> Reply<Created<Workspace>> {
    let WorkspaceCreate { name, description, handle } = body.0;
    let handle = handle.map(|handle| handle.0).or_else(|| handle_of(&name.0));
    let handle = handle.ok_or_else(|| Failure::unprocessable("The name gives no handle; name one in `handle`."))?;
    let description = description.unwrap_or_default();
    let new = NewWorkspace { handle: &handle, name: &name.0, description: &description, placement: "default" };
    let account = cx.account()?.account();
    let workspace = cx.app.control().create_workspace(by(&cx)?, account, &new).await.map_err(shown)?;
    Ok(Created::new(workspace.into()))
}

/// Those that the caller can enter.
async fn found(cx: &Call, criteria: Option<WorkspaceCriteria>, limit: i64, offset: i64) -> Reply<Vec<Workspace>> {
    let mut filter = WorkspaceFilter { reached_by: Some(cx.principal()?.actor), ..WorkspaceFilter::default() };
    if let Some(WorkspaceCriteria { id, handle, name }) = criteria {
        filter.ids = id.and_then(|ids| ids.any_);
        (filter.handles, filter.names) = (names(handle), names(name));
    }
    let account = cx.account()?.account();
    let workspaces = cx.app.control().list_workspaces(account, &filter, limit, offset).await?;
    Ok(workspaces.into_iter().map(Into::into).collect())
}

async fn list(cx: Call, page: Query<WorkspacesListing>) -> Reply<Json<Vec<Workspace>>> {
    found(&cx, None, page.limit.0, page.offset).await.map(Json)
}

async fn filter(cx: Call, body: JsonBody<WorkspacesFilter>) -> Reply<Json<Vec<Workspace>>> {
    let WorkspacesFilter { limit, offset, workspaces } = body.0;
    found(&cx, workspaces, limit.0, offset).await.map(Json)
}

async fn count(cx: Call, body: JsonBody<WorkspacesCount>) -> Reply<Json<i64>> {
    Ok(Json(found(&cx, body.0.workspaces, i64::MAX, 0).await?.len() as i64))
}

async fn workspace(cx: &Call) -> Reply<control::Workspace> {
    let member = cx.member()?;
    let workspace = cx.app.control().read_workspace(member.account(), member.workspace()).await?;
    workspace.ok_or_else(Failure::no_workspace)
}

async fn read(cx: Call) -> Reply<Json<Workspace>> {
    Ok(Json(workspace(&cx).await?.into()))
}

async fn update(cx: Call, body: JsonBody<WorkspaceUpdate>) -> Reply<NoContent> {
    let WorkspaceUpdate { name, handle, description, default_workspace_role_id: default_role } = body.0;
    let (name, handle) = (name.map(|name| name.0), handle.map(|handle| handle.0));
    change(cx, WorkspacePatch { handle, name, description, default_role, settings: None }).await
}

async fn change(cx: Call, patch: WorkspacePatch) -> Reply<NoContent> {
    let member = cx.member()?;
    let (account, workspace) = (member.account(), member.workspace());
    match cx.app.control().update_workspace(by(&cx)?, account, workspace, &patch).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(Failure::no_workspace()),
    }
}

async fn delete(cx: Call) -> Reply<NoContent> {
    let member = cx.member()?;
    match cx.app.control().delete_workspace(by(&cx)?, member.account(), member.workspace()).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(Failure::no_workspace()),
    }
}

async fn settings(cx: Call) -> Reply<Json<WorkspaceSettings>> {
    let stored = workspace(&cx).await?.settings.0.to_value();
    Ok(Json(WorkspaceSettings {
        inherit_default_result_storage: stored["inherit_default_result_storage"].as_bool().unwrap_or(true),
        default_result_storage_block_id: stored["default_result_storage_block_id"].as_str().map(str::to_owned),
        event_retention_days: stored["event_retention_days"].as_u64(),
        log_retention_days: stored["log_retention_days"].as_u64(),
        run_retention_days: stored["run_retention_days"].as_u64(),
    }))
}

async fn update_settings(cx: Call, body: JsonBody<WorkspaceSettingsUpdate>) -> Reply<NoContent> {
    let WorkspaceSettingsUpdate { inherit_default_result_storage, default_result_storage_block_id, .. } = &body.0;
    let WorkspaceSettingsUpdate { event_retention_days, log_retention_days, run_retention_days, .. } = &body.0;
    let mut stored = serde_json::Map::new();
    if let Some(inherit) = inherit_default_result_storage {
        stored.insert("inherit_default_result_storage".into(), json!(inherit));
    }
    if let Patch::Set(block) = default_result_storage_block_id {
        stored.insert("default_result_storage_block_id".into(), json!(block));
    }
    for (key, days) in [
        ("event_retention_days", event_retention_days),
        ("log_retention_days", log_retention_days),
        ("run_retention_days", run_retention_days),
    ] {
        if let Patch::Set(days) = days {
            stored.insert(key.into(), json!(days));
        }
    }
    let settings = Some(RawObject(RawJson::of(&stored)));
    change(cx, WorkspacePatch { settings, ..WorkspacePatch::default() }).await
}
