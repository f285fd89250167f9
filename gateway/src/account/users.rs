//! `/users/{id}`: a user's own record and keys. Nobody else's key sees that the user exists.

use domain::{ActorId, KeyId, UserId};
use serde::Serialize;
use tenant_store::control::{NewKey, PrincipalKind, UserPatch};
use wire::{Input, Output, RawObject, Time};

use super::{Handle, KeyCreated, KeyShown, Name, by, shown};
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Query, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/users/{user_id}" read(Path<UserId>) -> Json<UserShown>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/users/{user_id}" update(Path<UserId>, JsonBody<UserUpdate>) -> NoContent,
        need AnyKey, lane Hot, cost One, cache Never, touches [Control], audit Event("prefect-cloud.user.updated");
    DELETE "/users/{user_id}" delete(Path<UserId>) -> NoContent,
        need AnyKey, lane Hot, cost One, cache Never, touches [Control], audit Event("prefect-cloud.user.deleted");
    POST "/users/{user_id}/api_keys" create_key(Path<UserId>, JsonBody<KeyCreate>) -> Created<KeyCreated>,
        need AnyKey, lane Hot, cost One, cache Never, touches [Control], audit Event("prefect-cloud.api-key.created");
    GET "/users/{user_id}/api_keys" keys(Path<UserId>, Query<KeysNamed>) -> Json<Vec<KeyShown>>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/users/{user_id}/api_keys/{key_id}" key(Path<(UserId, KeyId)>) -> Json<KeyShown>,
        need AnyKey, lane Read, cost One, cache Never, touches [], audit Nothing;
    DELETE "/users/{user_id}/api_keys/{key_id}" delete_key(Path<(UserId, KeyId)>) -> NoContent,
        need AnyKey, lane Hot, cost One, cache Never, touches [Control], audit Event("prefect-cloud.api-key.deleted");
];

/// A user.
#[derive(Debug, Serialize, Output)]
struct UserShown {
    id: UserId,
    created: Time,
    updated: Time,
    actor_id: ActorId,
    handle: String,
    first_name: String,
    last_name: String,
    email: Option<String>,
    location: Option<String>,
    personal_account_id: Option<domain::AccountId>,
    idp_user_id: Option<String>,
    settings: RawObject,
    last_login: Option<Time>,
}

#[derive(Debug, Input)]
struct UserUpdate {
    handle: Option<Handle>,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    location: Option<String>,
    settings: Option<RawObject>,
    last_login: Option<Time>,
}

#[derive(Debug, Input)]
struct KeyCreate {
    name: Name,
    /// Null never expires.
    expiration: Option<Time>,
}

#[derive(Debug, Input)]
struct KeysNamed {
    /// Keys of this name alone.
    name: Option<String>,
}

/// The caller, if it is the user of the path.
fn own(cx: &Call, user: UserId) -> Reply<ActorId> {
    let principal = cx.principal()?;
    match principal.kind {
        PrincipalKind::User(own) if own == user => Ok(principal.actor),
        _ => Err(not_found()),
    }
}

fn not_found() -> Failure {
    Failure::not_found("User not found")
}

fn no_key() -> Failure {
    Failure::not_found("API key not found")
}

async fn read(cx: Call, id: Path<UserId>) -> Reply<Json<UserShown>> {
    own(&cx, *id)?;
    let user = cx.app.control().read_user(*id).await?.ok_or_else(not_found)?;
    Ok(Json(UserShown {
        id: user.id,
        created: user.created,
        updated: user.updated,
        actor_id: user.actor,
        handle: user.handle,
        first_name: user.first_name,
        last_name: user.last_name,
        email: user.email,
        location: user.location,
        personal_account_id: None,
        idp_user_id: None,
        settings: user.settings,
        last_login: user.last_login,
    }))
}

async fn update(cx: Call, id: Path<UserId>, body: JsonBody<UserUpdate>) -> Reply<NoContent> {
    own(&cx, *id)?;
    let UserUpdate { handle, first_name, last_name, email, location, settings, last_login } = body.0;
    let handle = handle.map(|handle| handle.0);
    let patch = UserPatch { handle, first_name, last_name, email, location, settings, last_login };
    match cx.app.control().update_user(by(&cx)?, *id, &patch).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn delete(cx: Call, id: Path<UserId>) -> Reply<NoContent> {
    own(&cx, *id)?;
    match cx.app.control().delete_user(by(&cx)?, *id).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn create_key(cx: Call, id: Path<UserId>, body: JsonBody<KeyCreate>) -> Reply<Created<KeyCreated>> {
    let actor = own(&cx, *id)?;
    let new = NewKey { name: &body.name.0, expiration: body.expiration };
    let issued = cx.app.control().create_key(by(&cx)?, actor, &new).await.map_err(shown)?;
    Ok(Created::new(issued.ok_or_else(not_found)?.into()))
}

async fn keys(cx: Call, id: Path<UserId>, asked: Query<KeysNamed>) -> Reply<Json<Vec<KeyShown>>> {
    let actor = own(&cx, *id)?;
    let keys = cx.app.control().list_keys(actor, asked.name.as_deref()).await?;
    Ok(Json(keys.into_iter().map(Into::into).collect()))
}

async fn key(cx: Call, ids: Path<(UserId, KeyId)>) -> Reply<Json<KeyShown>> {
    let actor = own(&cx, ids.0.0)?;
    let key = cx.app.control().read_key(actor, ids.0.1).await?;
    Ok(Json(key.ok_or_else(no_key)?.into()))
}

async fn delete_key(cx: Call, ids: Path<(UserId, KeyId)>) -> Reply<NoContent> {
    let actor = own(&cx, ids.0.0)?;
    match cx.app.control().revoke_key(by(&cx)?, actor, ids.0.1).await? {
        true => Ok(NoContent),
        false => Err(no_key()),
    }
}
