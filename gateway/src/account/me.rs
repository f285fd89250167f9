//! `/me`: what the holder of a key is, and what it opens. The list of workspaces is what `prefect cloud login` asks for.

use domain::access::{Permission, ScopeName};
use domain::{AccountId, RoleId, WorkspaceId};
use serde::Serialize;
use tenant_store::control::{MyAccount, MyWorkspace, PrincipalKind};
use uuid::Uuid;
use wire::{Input, Output, RawObject};

use super::{AnyName, KeyShown, by, names, plan_type, shown};
use crate::kit::{Call, Failure, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/me/" read() -> Json<Me>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    GET "/me/workspaces" workspaces() -> Json<Vec<ReachableWorkspace>>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    GET "/me/accounts" accounts() -> Json<Vec<OwnAccount>>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    GET "/me/organizations" organizations() -> Json<Vec<OwnAccount>>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    GET "/me/accounts/{account_id}/permissions" permissions(Path<AccountId>) -> Json<Vec<&'static str>>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    GET "/me/accounts/{account_id}/has_permission" has_permission(Path<AccountId>, Query<PermissionAsked>) -> Json<bool>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    GET "/me/accounts/has_permission" has_permission_anywhere(Query<PermissionAsked>) -> Json<bool>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    DELETE "/me/accounts/{account_id}" leave_account(Path<AccountId>) -> NoContent,
        need AnyKey, lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.account-membership.deleted");
    GET "/me/workspaces/{workspace_id}/scopes" scopes(Path<WorkspaceId>) -> Json<Vec<&'static str>>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    GET "/me/workspaces/{workspace_id}/has_scope" has_scope(Path<WorkspaceId>, Query<ScopeAsked>) -> Json<bool>,
        need AnyKey, lane Read, cost One, cache Kind(Control), touches [], audit Nothing;
    DELETE "/me/workspaces/{workspace_id}" leave_workspace(Path<WorkspaceId>) -> NoContent,
        need AnyKey, lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-access.deleted");
    GET "/me/api_keys" api_keys(Query<KeysAsked>) -> Json<Vec<KeyShown>>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/me/api_keys/filter" filter_api_keys(JsonBody<KeysFilter>) -> Json<Vec<KeyShown>>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
];

/// The holder of a key; a service account has a handle alone.
#[derive(Debug, Serialize, Output)]
struct Me {
    id: Uuid,
    handle: String,
    first_name: String,
    last_name: String,
    email: Option<String>,
    location: Option<String>,
    personal_account_id: Option<AccountId>,
    settings: RawObject,
}

/// A workspace that the caller can enter.
#[derive(Debug, Serialize, Output)]
struct ReachableWorkspace {
    account_id: AccountId,
    account_name: String,
    account_handle: String,
    workspace_id: WorkspaceId,
    workspace_name: String,
    /// Never null: clients read it as a plain string.
    workspace_description: String,
    workspace_handle: String,
}

impl From<MyWorkspace> for ReachableWorkspace {
    fn from(mine: MyWorkspace) -> Self {
        Self {
            account_id: mine.account,
            account_name: mine.account_name,
            account_handle: mine.account_handle,
            workspace_id: mine.workspace,
            workspace_name: mine.workspace_name,
            workspace_description: mine.workspace_description,
            workspace_handle: mine.workspace_handle,
        }
    }
}

/// An account that the caller is in.
#[derive(Debug, Serialize, Output)]
struct OwnAccount {
    account_membership_id: Uuid,
    account_id: AccountId,
    account_name: String,
    account_role_id: RoleId,
    account_role_name: String,
    account_handle: String,
    account_plan_type: String,
    account_plan_tier: i64,
    account_plan_features: Vec<String>,
    self_serve: bool,
    annual_billing: bool,
    annual_self_serve_enabled: bool,
}

impl OwnAccount {
    fn of(cx: &Call, mine: MyAccount) -> Self {
        Self {
            account_membership_id: mine.membership,
            account_id: mine.account,
            account_name: mine.account_name,
            account_role_id: mine.role,
            account_role_name: mine.role_name,
            account_handle: mine.account_handle,
            account_plan_type: plan_type(cx, mine.account_plan.as_deref()),
            account_plan_tier: 0,
            account_plan_features: Vec::new(),
            self_serve: false,
            annual_billing: false,
            annual_self_serve_enabled: false,
        }
    }
}

#[derive(Debug, Input)]
struct PermissionAsked {
    permission: String,
}

#[derive(Debug, Input)]
struct ScopeAsked {
    scope: String,
}

#[derive(Debug, Input)]
struct KeysAsked {
    /// Keys of this name alone.
    name: Option<String>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct KeysFilter {
    api_keys: Option<KeysCriteria>,
}

#[derive(Debug, Input)]
struct KeysCriteria {
    name: Option<AnyName>,
}

async fn read(cx: Call) -> Reply<Json<Me>> {
    let control = cx.app.control();
    let gone = Failure::unauthenticated;
    Ok(Json(match cx.principal()?.kind {
        PrincipalKind::User(id) => {
            let user = control.read_user(id).await?.ok_or_else(gone)?;
            Me {
                id: user.id.0,
                handle: user.handle,
                first_name: user.first_name,
                last_name: user.last_name,
                email: user.email,
                location: user.location,
                personal_account_id: None,
                settings: user.settings,
            }
        }
        PrincipalKind::Bot(id) => {
            let bot = control.own_bot(id).await?.ok_or_else(gone)?;
            Me {
                id: bot.id.0,
                handle: bot.name,
                first_name: String::new(),
                last_name: String::new(),
                email: None,
                location: None,
                personal_account_id: None,
                settings: RawObject::default(),
            }
        }
    }))
}

async fn workspaces(cx: Call) -> Reply<Json<Vec<ReachableWorkspace>>> {
    let mine = cx.app.control().my_workspaces(cx.principal()?.actor).await?;
    Ok(Json(mine.into_iter().map(Into::into).collect()))
}

async fn accounts(cx: Call) -> Reply<Json<Vec<OwnAccount>>> {
    Ok(Json(my_accounts(&cx).await?.into_iter().map(|mine| OwnAccount::of(&cx, mine)).collect()))
}

/// The older name of the same list.
async fn organizations(cx: Call) -> Reply<Json<Vec<OwnAccount>>> {
    accounts(cx).await
}

async fn my_accounts(cx: &Call) -> Reply<Vec<MyAccount>> {
    Ok(cx.app.control().my_accounts(cx.principal()?.actor).await?)
}

async fn my_account(cx: &Call, id: AccountId) -> Reply<MyAccount> {
    let mine = my_accounts(cx).await?.into_iter().find(|account| account.account == id);
    mine.ok_or_else(|| Failure::not_found("Account not found"))
}

async fn permissions(cx: Call, account: Path<AccountId>) -> Reply<Json<Vec<&'static str>>> {
    let mine = my_account(&cx, *account).await?;
    Ok(Json(mine.permissions().iter().map(Permission::as_str).collect()))
}

async fn has_permission(cx: Call, account: Path<AccountId>, asked: Query<PermissionAsked>) -> Reply<Json<bool>> {
    let mine = my_account(&cx, *account).await?;
    Ok(Json(Permission::from_name(&asked.permission).is_some_and(|permission| mine.permissions().contains(permission))))
}

async fn has_permission_anywhere(cx: Call, asked: Query<PermissionAsked>) -> Reply<Json<bool>> {
    let Some(permission) = Permission::from_name(&asked.permission) else { return Ok(Json(false)) };
    Ok(Json(my_accounts(&cx).await?.iter().any(|account| account.permissions().contains(permission))))
}

async fn leave_account(cx: Call, account: Path<AccountId>) -> Reply<NoContent> {
    let actor = cx.principal()?.actor;
    match cx.app.control().remove_member(by(&cx)?, *account, actor).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(Failure::not_found("Account not found")),
    }
}

async fn my_scopes(cx: &Call, workspace: WorkspaceId) -> Reply<domain::access::Scopes> {
    let scopes = cx.app.control().my_scopes(cx.principal()?.actor, workspace).await?;
    scopes.ok_or_else(Failure::no_workspace)
}

async fn scopes(cx: Call, workspace: Path<WorkspaceId>) -> Reply<Json<Vec<&'static str>>> {
    Ok(Json(my_scopes(&cx, *workspace).await?.iter().map(ScopeName::as_str).collect()))
}

async fn has_scope(cx: Call, workspace: Path<WorkspaceId>, asked: Query<ScopeAsked>) -> Reply<Json<bool>> {
    let scopes = my_scopes(&cx, *workspace).await?;
    Ok(Json(ScopeName::from_name(&asked.scope).is_some_and(|scope| scopes.contains(scope))))
}

async fn leave_workspace(cx: Call, workspace: Path<WorkspaceId>) -> Reply<NoContent> {
    match cx.app.control().leave_workspace(cx.principal()?.actor, *workspace).await? {
        true => Ok(NoContent),
        false => Err(Failure::no_workspace()),
    }
}

async fn api_keys(cx: Call, asked: Query<KeysAsked>) -> Reply<Json<Vec<KeyShown>>> {
    let keys = cx.app.control().list_keys(cx.principal()?.actor, asked.name.as_deref()).await?;
    Ok(Json(keys.into_iter().map(KeyShown::from).collect()))
}

async fn filter_api_keys(cx: Call, body: JsonBody<KeysFilter>) -> Reply<Json<Vec<KeyShown>>> {
    let names = names(body.0.api_keys.and_then(|criteria| criteria.name));
    let keys = cx.app.control().list_keys(cx.principal()?.actor, None).await?.into_iter();
    let asked = keys.filter(|key| names.as_ref().is_none_or(|names| names.contains(&key.name)));
    Ok(Json(asked.map(KeyShown::from).collect()))
}
