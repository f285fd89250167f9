//! Who may enter a workspace, with which role.

use domain::{ActorId, BotId, RoleId, UserId, WorkspaceId};
use serde::Serialize;
use tenant_store::control::{Access, Grantee, Reach, ReachKind};
use uuid::Uuid;
use wire::{Input, Limit, Output, Time};

use super::{OneOrMany, by, id_of, shown};
use crate::kit::{Call, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/access/" who() -> Json<Vec<Reachable>>,
        need Workspace(SeeWorkspaceUsers), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/user_access/" grant_users(JsonBody<OneOrMany<UserGrant>>) -> Json<OneOrMany<UserAccess>>,
        need Workspace(ManageWorkspaceUsers), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-access.created");
    POST "/user_access/filter" filter_users(JsonBody<AccessFilter>) -> Json<Vec<UserAccess>>,
        need Workspace(SeeWorkspaceUsers), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/user_access/{id}" read_user(Path<String>) -> Json<UserAccess>,
        need Workspace(SeeWorkspaceUsers), lane Read, cost One, cache Never, touches [], audit Nothing;
    DELETE "/user_access/{id}" delete_user(Path<String>) -> NoContent,
        need Workspace(ManageWorkspaceUsers), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-access.deleted");
    POST "/bot_access/" grant_bots(JsonBody<OneOrMany<BotGrant>>) -> Json<OneOrMany<BotAccess>>,
        need Workspace(ManageWorkspaceServiceAccounts), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-access.created");
    POST "/bot_access/filter" filter_bots(JsonBody<AccessFilter>) -> Json<Vec<BotAccess>>,
        need Workspace(SeeWorkspaceServiceAccounts), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/bot_access/{id}" read_bot(Path<String>) -> Json<BotAccess>,
        need Workspace(SeeWorkspaceServiceAccounts), lane Read, cost One, cache Never, touches [], audit Nothing;
    DELETE "/bot_access/{id}" delete_bot(Path<String>) -> NoContent,
        need Workspace(ManageWorkspaceServiceAccounts), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.workspace-access.deleted");
];

/// Grants in one request at most: each is a few statements of one transaction.
const MOST_GRANTS: usize = 200;

/// The role of a user in a workspace.
#[derive(Debug, Serialize, Output)]
struct UserAccess {
    id: Uuid,
    created: Time,
    updated: Time,
    workspace_id: WorkspaceId,
    workspace_role_id: RoleId,
    workspace_role_name: String,
    actor_id: ActorId,
    user_id: Option<UserId>,
    first_name: String,
    last_name: String,
    email: Option<String>,
    handle: String,
}

impl From<Access> for UserAccess {
    fn from(access: Access) -> Self {
        Self {
            id: access.id,
            created: access.created,
            updated: access.updated,
            workspace_id: access.workspace,
            workspace_role_id: access.role,
            workspace_role_name: access.role_name,
            actor_id: access.actor,
            user_id: access.user,
            first_name: access.first_name,
            last_name: access.last_name,
            email: access.email,
            handle: access.name,
        }
    }
}

/// The role of a service account in a workspace.
#[derive(Debug, Serialize, Output)]
struct BotAccess {
    id: Uuid,
    created: Time,
    updated: Time,
    workspace_id: WorkspaceId,
    workspace_role_id: RoleId,
    workspace_role_name: String,
    actor_id: ActorId,
    bot_id: Option<BotId>,
    bot_name: String,
}

impl From<Access> for BotAccess {
    fn from(access: Access) -> Self {
        Self {
            id: access.id,
            created: access.created,
            updated: access.updated,
            workspace_id: access.workspace,
            workspace_role_id: access.role,
            workspace_role_name: access.role_name,
            actor_id: access.actor,
            bot_id: access.bot,
            bot_name: access.name,
        }
    }
}

/// Someone who can enter, by whatever way.
#[derive(Debug, Serialize, Output)]
struct Reachable {
    id: ActorId,
    name: String,
    email: Option<String>,
    r#type: &'static str,
}

impl From<Reach> for Reachable {
    fn from(reach: Reach) -> Self {
        let kind = match reach.kind {
            ReachKind::User => "user",
            ReachKind::Bot => "service_account",
        };
        Self { id: reach.actor, name: reach.name, email: reach.email, r#type: kind }
    }
}

#[derive(Debug, Input)]
struct UserGrant {
    user_id: UserId,
    workspace_role_id: RoleId,
}

#[derive(Debug, Input)]
struct BotGrant {
    bot_id: BotId,
    workspace_role_id: RoleId,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct AccessFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

fn not_found() -> Failure {
    Failure::not_found("Workspace access not found")
}

async fn who(cx: Call) -> Reply<Json<Vec<Reachable>>> {
    let reach = cx.app.control().who_can_reach(cx.member()?.workspace()).await?;
    Ok(Json(reach.into_iter().map(Into::into).collect()))
}

/// Grants all that was asked for or nothing, and answers in the form of the question.
async fn grant<G, A: From<Access>>(
    cx: &Call,
    asked: OneOrMany<G>,
    read: impl Fn(G) -> (Grantee, RoleId),
    missing: &'static str,
) -> Reply<Json<OneOrMany<A>>> {
    let (one, grants) = match asked {
        OneOrMany::One(asked) => (true, vec![read(asked)]),
        OneOrMany::Many(list) => (false, list.into_iter().map(read).collect::<Vec<_>>()),
    };
    if grants.len() > MOST_GRANTS {
        return Err(Failure::unprocessable(format!("At most {MOST_GRANTS} can be granted at once.")));
    }
    let member = cx.member()?;
    let (account, workspace) = (member.account(), member.workspace());
    let granted = cx.app.control().grant_access(by(cx)?, account, workspace, &grants).await.map_err(shown)?;
    let granted = granted.ok_or_else(|| Failure::not_found(missing))?;
    let mut granted = granted.into_iter().map(A::from);
    match (one, granted.next()) {
        (true, Some(access)) => Ok(Json(OneOrMany::One(access))),
        (_, first) => Ok(Json(OneOrMany::Many(first.into_iter().chain(granted).collect()))),
    }
}

async fn filter<A: From<Access>>(cx: &Call, kind: ReachKind, page: &AccessFilter) -> Reply<Json<Vec<A>>> {
    let workspace = cx.member()?.workspace();
    let access = cx.app.control().list_access(workspace, kind, page.limit.0, page.offset).await?;
    Ok(Json(access.into_iter().map(Into::into).collect()))
}

async fn read<A: From<Access>>(cx: &Call, kind: ReachKind, id: &str) -> Reply<Json<A>> {
    let access = cx.app.control().read_access(cx.member()?.workspace(), kind, id_of(id)?).await?;
    Ok(Json(access.ok_or_else(not_found)?.into()))
}

async fn delete(cx: &Call, kind: ReachKind, id: &str) -> Reply<NoContent> {
    match cx.app.control().revoke_access(by(cx)?, cx.member()?.workspace(), kind, id_of(id)?).await? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn grant_users(cx: Call, body: JsonBody<OneOrMany<UserGrant>>) -> Reply<Json<OneOrMany<UserAccess>>> {
    let read = |asked: UserGrant| (Grantee::User(asked.user_id), asked.workspace_role_id);
    grant(&cx, body.0, read, "User not found").await
}

async fn filter_users(cx: Call, body: JsonBody<AccessFilter>) -> Reply<Json<Vec<UserAccess>>> {
    filter(&cx, ReachKind::User, &body).await
}

async fn read_user(cx: Call, id: Path<String>) -> Reply<Json<UserAccess>> {
    read(&cx, ReachKind::User, &id).await
}

async fn delete_user(cx: Call, id: Path<String>) -> Reply<NoContent> {
    delete(&cx, ReachKind::User, &id).await
}

async fn grant_bots(cx: Call, body: JsonBody<OneOrMany<BotGrant>>) -> Reply<Json<OneOrMany<BotAccess>>> {
    let read = |asked: BotGrant| (Grantee::Bot(asked.bot_id), asked.workspace_role_id);
    grant(&cx, body.0, read, "Service account not found").await
}

async fn filter_bots(cx: Call, body: JsonBody<AccessFilter>) -> Reply<Json<Vec<BotAccess>>> {
    filter(&cx, ReachKind::Bot, &body).await
}

async fn read_bot(cx: Call, id: Path<String>) -> Reply<Json<BotAccess>> {
    read(&cx, ReachKind::Bot, &id).await
}

async fn delete_bot(cx: Call, id: Path<String>) -> Reply<NoContent> {
    delete(&cx, ReachKind::Bot, &id).await
}
