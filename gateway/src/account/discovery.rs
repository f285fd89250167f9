//! What there is to hold: the scopes of a workspace, the permissions of an account; and a workspace by its id alone.

use domain::WorkspaceId;
use domain::access::{Permission, ScopeName};
use serde::Serialize;
use tenant_store::control::WorkspaceFilter;
use wire::Output;

use super::Workspace;
use crate::kit::{Call, Failure, Json, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/workspace_scopes" workspace_scopes() -> Json<Vec<WorkspaceScope>>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/accounts/permissions" permissions() -> Json<Vec<&'static str>>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/workspaces/{workspace_id}" workspace(Path<WorkspaceId>) -> Json<Workspace>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
];

/// A scope, and what it includes.
#[derive(Debug, Serialize, Output)]
struct WorkspaceScope {
    name: &'static str,
    title: String,
    feature_group: &'static str,
    includes_scopes: Vec<&'static str>,
    see_scope: Option<&'static str>,
}

async fn workspace_scopes(_: Call) -> Reply<Json<Vec<WorkspaceScope>>> {
    let describe = |scope: &ScopeName| WorkspaceScope {
        name: scope.as_str(),
        title: scope.title(),
        feature_group: scope.feature(),
        includes_scopes: scope.includes().into_iter().map(ScopeName::as_str).collect(),
        see_scope: scope.see().map(ScopeName::as_str),
    };
    Ok(Json(ScopeName::ALL.iter().map(describe).collect()))
}

async fn permissions(_: Call) -> Reply<Json<Vec<&'static str>>> {
    Ok(Json(Permission::ALL.iter().map(|permission| permission.as_str()).collect()))
}

async fn workspace(cx: Call, id: Path<WorkspaceId>) -> Reply<Json<Workspace>> {
    let (control, actor) = (cx.app.control(), cx.principal()?.actor);
    let mine = control.my_workspaces(actor).await?;
    let found = mine.into_iter().find(|mine| mine.workspace == *id).ok_or_else(Failure::no_workspace)?;
    let filter = WorkspaceFilter { ids: Some(vec![*id]), ..WorkspaceFilter::default() };
    let workspace = control.list_workspaces(found.account, &filter, 1, 0).await?.pop();
    Ok(Json(workspace.ok_or_else(Failure::no_workspace)?.into()))
}
