//! Roles of workspaces: the built-in five, and an account's own.

use domain::access::{ScopeName, Scopes};
use domain::{AccountId, RoleId};
use serde::Serialize;
use tenant_store::control::{NewRole, RolePatch, WorkspaceRoleRow};
use wire::{Input, Limit, Output, Time};

use super::{AnyName, Name, by, names, shown};
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/workspace_roles/filter" filter(JsonBody<WorkspaceRolesFilter>) -> Json<Vec<WorkspaceRoleShown>>,
        need Account(ReadWorkspaceRole), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/workspace_roles/" create(JsonBody<WorkspaceRoleCreate>) -> Created<WorkspaceRoleShown>,
        need Account(CreateWorkspaceRole), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-role.created");
    GET "/workspace_roles/{role_id}" read(Path<RoleId>) -> Json<WorkspaceRoleShown>,
        need Account(ReadWorkspaceRole), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/workspace_roles/{role_id}" update(Path<RoleId>, JsonBody<WorkspaceRoleUpdate>) -> NoContent,
        need Account(UpdateWorkspaceRole), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-role.updated");
    DELETE "/workspace_roles/{role_id}" delete(Path<RoleId>) -> NoContent,
        need Account(DeleteWorkspaceRole), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-role.deleted");
];

/// A role of workspaces.
#[derive(Debug, Serialize, Output)]
struct WorkspaceRoleShown {
    id: RoleId,
    created: Time,
    updated: Time,
    /// Null for the built-in ones.
    account_id: Option<AccountId>,
    name: String,
    description: String,
    permissions: Vec<String>,
    scopes: Vec<&'static str>,
    inherited_role_id: Option<RoleId>,
}

impl From<WorkspaceRoleRow> for WorkspaceRoleShown {
    fn from(role: WorkspaceRoleRow) -> Self {
        Self {
            scopes: role.effective().iter().map(ScopeName::as_str).collect(),
            id: role.id,
            created: role.created,
            updated: role.updated,
            account_id: role.account,
            name: role.name,
            description: role.description,
            permissions: Vec::new(),
            inherited_role_id: role.inherits,
        }
    }
}

#[derive(Debug, Input)]
struct WorkspaceRoleCreate {
    name: Name,
    description: Option<String>,
    #[input(default)]
    scopes: Vec<String>,
    inherited_role_id: Option<RoleId>,
}

#[derive(Debug, Input)]
struct WorkspaceRoleUpdate {
    name: Option<Name>,
    description: Option<String>,
    scopes: Option<Vec<String>>,
    inherited_role_id: Option<RoleId>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct WorkspaceRolesFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    workspace_roles: Option<WorkspaceRoleCriteria>,
}

/// Which roles.
#[derive(Debug, Input)]
struct WorkspaceRoleCriteria {
    name: Option<AnyName>,
}

fn not_found() -> Failure {
    Failure::not_found("Workspace role not found")
}

/// A misspelt scope is refused: a role that silently lacks it would be a riddle.
fn scopes(names: &[String]) -> Reply<Scopes> {
    let read = |name: &String| {
        let unknown =
            || Failure::unprocessable(format!("There is no scope {name:?}; GET /api/workspace_scopes lists them."));
        ScopeName::from_name(name).ok_or_else(unknown)
    };
    names.iter().map(read).collect()
}

async fn filter(cx: Call, body: JsonBody<WorkspaceRolesFilter>) -> Reply<Json<Vec<WorkspaceRoleShown>>> {
    let WorkspaceRolesFilter { limit, offset, workspace_roles } = body.0;
    let names = names(workspace_roles.and_then(|criteria| criteria.name));
    let account = cx.account()?.account();
    let roles = cx.app.control().list_workspace_roles(account, names.as_deref(), limit.0, offset).await?;
    Ok(Json(roles.into_iter().map(Into::into).collect()))
}

async fn create(cx: Call, body: JsonBody<WorkspaceRoleCreate>) -> Reply<Created<WorkspaceRoleShown>> {
    let WorkspaceRoleCreate { name, description, scopes: names, inherited_role_id } = &body.0;
    let new = NewRole {
        name: &name.0,
        description: description.as_deref().unwrap_or_default(),
        scopes: scopes(names)?,
        inherits: *inherited_role_id,
    };
    let account = cx.account()?.account();
    let role = cx.app.control().create_workspace_role(by(&cx)?, account, &new).await.map_err(shown)?;
    Ok(Created::new(role.into()))
}

async fn read(cx: Call, id: Path<RoleId>) -> Reply<Json<WorkspaceRoleShown>> {
    let role = cx.app.control().read_workspace_role(cx.account()?.account(), *id).await?;
    Ok(Json(role.ok_or_else(not_found)?.into()))
}

async fn update(cx: Call, id: Path<RoleId>, body: JsonBody<WorkspaceRoleUpdate>) -> Reply<NoContent> {
    let WorkspaceRoleUpdate { name, description, scopes: names, inherited_role_id: inherits } = body.0;
    let scopes = names.map(|names| scopes(&names)).transpose()?;
    let patch = RolePatch { name: name.map(|name| name.0), description, scopes, inherits };
    let account = cx.account()?.account();
    match cx.app.control().update_workspace_role(by(&cx)?, account, *id, &patch).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn delete(cx: Call, id: Path<RoleId>) -> Reply<NoContent> {
    match cx.app.control().delete_workspace_role(by(&cx)?, cx.account()?.account(), *id).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}
