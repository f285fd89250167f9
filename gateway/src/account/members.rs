//! Who is in an account, with which role.

use domain::{AccountId, ActorId, BotId, RoleId, UserId};
use serde::Serialize;
use tenant_store::control::{AccountRoleRow, Member};
use uuid::Uuid;
use wire::{Input, Limit, Output, Time};

use super::{AnyName, by, id_of, names, shown};
use crate::kit::{Call, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/account_memberships/filter" filter(JsonBody<MembersFilter>) -> Json<Vec<MemberShown>>,
        need Account(ReadAccountMembership), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/account_memberships/count" count(JsonBody<MembersFilter>) -> Json<i64>,
        need Account(ReadAccountMembership), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/account_memberships/{id}" read(Path<String>) -> Json<MemberShown>,
        need Account(ReadAccountMembership), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/account_memberships/by-user/{user_id}" by_user(Path<UserId>) -> Json<MemberShown>,
        need Account(ReadAccountMembership), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/account_memberships/by-bot/{bot_id}" by_bot(Path<BotId>) -> Json<MemberShown>,
        need Account(ReadAccountMembership), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/account_memberships/{id}" update(Path<String>, JsonBody<MemberUpdate>) -> NoContent,
        need Account(UpdateAccountMembership), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.account-membership.updated");
    DELETE "/account_memberships/{id}" delete(Path<String>) -> NoContent,
        need Account(DeleteAccountMembership), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.account-membership.deleted");
    POST "/account_roles/filter" filter_roles(JsonBody<AccountRolesFilter>) -> Json<Vec<AccountRoleShown>>,
        need Account(ReadAccountRole), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/account_roles/{role_id}" read_role(Path<RoleId>) -> Json<AccountRoleShown>,
        need Account(ReadAccountRole), lane Read, cost One, cache Never, touches [], audit Nothing;
];

/// A user or service account in an account.
#[derive(Debug, Serialize, Output)]
struct MemberShown {
    id: Uuid,
    created: Time,
    updated: Time,
    actor_id: ActorId,
    account_id: AccountId,
    /// Null for a service account.
    user_id: Option<UserId>,
    handle: String,
    first_name: String,
    last_name: String,
    email: Option<String>,
    account_role_id: RoleId,
    account_role_name: String,
    directory_id: (),
    timezone: (),
    teams: Vec<String>,
    last_login: Option<Time>,
    active: bool,
}

impl From<Member> for MemberShown {
    fn from(member: Member) -> Self {
        Self {
            id: member.id,
            created: member.created,
            updated: member.updated,
            actor_id: member.actor,
            account_id: member.account,
            user_id: member.user,
            handle: member.handle,
            first_name: member.first_name,
            last_name: member.last_name,
            email: member.email,
            account_role_id: member.role,
            account_role_name: member.role_name,
            directory_id: (),
            timezone: (),
            teams: Vec::new(),
            last_login: member.last_login,
            active: member.active,
        }
    }
}

/// A role in an account.
#[derive(Debug, Serialize, Output)]
struct AccountRoleShown {
    id: RoleId,
    created: Time,
    updated: Time,
    /// Null for the built-in ones.
    account_id: Option<AccountId>,
    name: String,
    permissions: Vec<String>,
    is_system_role: bool,
}

impl From<AccountRoleRow> for AccountRoleShown {
    fn from(role: AccountRoleRow) -> Self {
        let AccountRoleRow { id, created, updated, account, name, permissions } = role;
        Self { id, created, updated, account_id: account, name, permissions, is_system_role: account.is_none() }
    }
}

#[derive(Debug, Input)]
#[input(parameters)]
struct MembersFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    account_memberships: Option<MemberCriteria>,
    only_users: Option<bool>,
    only_bots: Option<bool>,
}

/// Which members.
#[derive(Debug, Input)]
struct MemberCriteria {
    email: Option<AnyName>,
}

#[derive(Debug, Input)]
struct MemberUpdate {
    account_role_id: RoleId,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct AccountRolesFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    account_roles: Option<AccountRoleCriteria>,
}

/// Which account roles.
#[derive(Debug, Input)]
struct AccountRoleCriteria {
    name: Option<AnyName>,
}

fn not_found() -> Failure {
    Failure::not_found("Account membership not found")
}

async fn found(cx: &Call, filter: MembersFilter, limit: i64, offset: i64) -> Reply<Vec<Member>> {
    let emails = names(filter.account_memberships.and_then(|criteria| criteria.email));
    let emails = emails.map(|emails| emails.iter().map(|email| email.to_lowercase()).collect::<Vec<_>>());
    let users = match (filter.only_users, filter.only_bots) {
        (Some(true), Some(true)) => return Ok(Vec::new()),
        (Some(true), _) => Some(true),
        (_, Some(true)) => Some(false),
        _ => None,
    };
    let account = cx.account()?.account();
    Ok(cx.app.control().list_members(account, emails.as_deref(), users, limit, offset).await?)
}

async fn filter(cx: Call, body: JsonBody<MembersFilter>) -> Reply<Json<Vec<MemberShown>>> {
    let (limit, offset) = (body.limit.0, body.offset);
    Ok(Json(found(&cx, body.0, limit, offset).await?.into_iter().map(Into::into).collect()))
}

async fn count(cx: Call, body: JsonBody<MembersFilter>) -> Reply<Json<i64>> {
    Ok(Json(found(&cx, body.0, i64::MAX, 0).await?.len() as i64))
}

async fn read(cx: Call, id: Path<String>) -> Reply<Json<MemberShown>> {
    let member = cx.app.control().read_member(cx.account()?.account(), id_of(&id)?).await?;
    Ok(Json(member.ok_or_else(not_found)?.into()))
}

async fn by_user(cx: Call, user: Path<UserId>) -> Reply<Json<MemberShown>> {
    let user = cx.app.control().read_user(*user).await?.ok_or_else(not_found)?;
    by_actor(&cx, user.actor).await
}

async fn by_bot(cx: Call, bot: Path<BotId>) -> Reply<Json<MemberShown>> {
    let bot = cx.app.control().read_bot(cx.account()?.account(), *bot).await?.ok_or_else(not_found)?;
    by_actor(&cx, bot.actor).await
}

async fn by_actor(cx: &Call, actor: ActorId) -> Reply<Json<MemberShown>> {
    let member = cx.app.control().member_by_actor(cx.account()?.account(), actor).await?;
    Ok(Json(member.ok_or_else(not_found)?.into()))
}

async fn update(cx: Call, id: Path<String>, body: JsonBody<MemberUpdate>) -> Reply<NoContent> {
    let (account, id) = (cx.account()?.account(), id_of(&id)?);
    match cx.app.control().set_member_role(by(&cx)?, account, id, body.account_role_id).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

/// A service account leaves its account by being deleted.
async fn delete(cx: Call, id: Path<String>) -> Reply<NoContent> {
    let (control, account) = (cx.app.control(), cx.account()?.account());
    let member = control.read_member(account, id_of(&id)?).await?.ok_or_else(not_found)?;
    if member.user.is_none() {
        return Err(Failure::conflict("A service account leaves its account by being deleted."));
    }
    match control.remove_member(by(&cx)?, account, member.actor).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn filter_roles(cx: Call, body: JsonBody<AccountRolesFilter>) -> Reply<Json<Vec<AccountRoleShown>>> {
    let AccountRolesFilter { limit, offset, account_roles } = body.0;
    let names = names(account_roles.and_then(|criteria| criteria.name));
    let account = cx.account()?.account();
    let roles = cx.app.control().list_account_roles(account, names.as_deref(), limit.0, offset).await?;
    Ok(Json(roles.into_iter().map(Into::into).collect()))
}

async fn read_role(cx: Call, id: Path<RoleId>) -> Reply<Json<AccountRoleShown>> {
    let role = cx.app.control().read_account_role(cx.account()?.account(), *id).await?;
    Ok(Json(role.ok_or_else(|| Failure::not_found("Account role not found"))?.into()))
}
