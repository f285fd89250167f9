//! Service accounts and their keys. A key is shown when it is made or rotated and never again.

use std::time::Duration;

use domain::{AccountId, ActorId, BotId, KeyId, RoleId};
use serde::Serialize;
use tenant_store::control::{self, BotPatch, IssuedKey, NewBot, Rotation};
use wire::{Input, Limit, Output, Time};

use super::{AnyName, KeyCreated, KeyShown, Name, by, names, shown};
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/bots/" create(JsonBody<BotCreate>) -> Created<BotCreated>,
        need Account(CreateBot), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.service-account.created");
    POST "/bots/filter" filter(JsonBody<BotsFilter>) -> Json<Vec<BotShown>>,
        need Account(ReadBot), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/bots/{bot_id}" read(Path<BotId>) -> Json<BotShown>,
        need Account(ReadBot), lane Read, cost One, cache Never, touches [], audit Nothing;
    PATCH "/bots/{bot_id}" update(Path<BotId>, JsonBody<BotUpdate>) -> NoContent,
        need Account(UpdateBot), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.service-account.updated");
    DELETE "/bots/{bot_id}" delete(Path<BotId>) -> NoContent,
        need Account(DeleteBot), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.service-account.deleted");
    POST "/bots/{bot_id}/rotate_api_key" rotate(Path<BotId>, JsonBody<KeyRotation>) -> Created<BotCreated>,
        need Account(UpdateBot), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.api-key.rotated");
    GET "/bots/{bot_id}/read_bot_api_keys" keys(Path<BotId>) -> Json<BotKeysShown>,
        need Account(ReadBot), lane Read, cost One, cache Never, touches [], audit Nothing;
    DELETE "/bots/{bot_id}/delete_bot_api_key/{key_id}" delete_key(Path<(BotId, KeyId)>) -> NoContent,
        need Account(UpdateBot), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.api-key.deleted");
];

/// Longest that a rotated key may live on, in seconds: two days.
const LONGEST_OVERLAP: i64 = 172_800;

/// A service account.
#[derive(Debug, Serialize, Output)]
struct BotShown {
    id: BotId,
    created: Time,
    updated: Time,
    actor_id: ActorId,
    account_id: AccountId,
    name: String,
    account_role_id: RoleId,
    account_role_name: String,
    api_key: Option<KeyShown>,
}

/// A service account with a key that is shown this once.
#[derive(Serialize, Output)]
struct BotCreated {
    id: BotId,
    created: Time,
    updated: Time,
    actor_id: ActorId,
    account_id: AccountId,
    name: String,
    account_role_id: RoleId,
    account_role_name: String,
    api_key: KeyCreated,
}

impl BotCreated {
    fn of(bot: control::Bot, issued: IssuedKey) -> Self {
        Self {
            id: bot.id,
            created: bot.created,
            updated: bot.updated,
            actor_id: bot.actor,
            account_id: bot.account,
            name: bot.name,
            account_role_id: bot.role,
            account_role_name: bot.role_name,
            api_key: issued.into(),
        }
    }
}

/// The keys of a service account that work.
#[derive(Debug, Serialize, Output)]
struct BotKeysShown {
    active_key: Option<KeyShown>,
    rotating_keys: Vec<KeyShown>,
}

#[derive(Debug, Input)]
struct BotCreate {
    name: Name,
    /// Null never expires.
    api_key_expiration: Option<Time>,
    /// Member when absent.
    account_role_id: Option<RoleId>,
}

#[derive(Debug, Input)]
struct BotUpdate {
    name: Option<Name>,
    account_role_id: Option<RoleId>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct BotsFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    service_accounts: Option<BotCriteria>,
    /// The same under the resource's other name.
    bots: Option<BotCriteria>,
}

/// Which service accounts.
#[derive(Debug, Input)]
struct BotCriteria {
    name: Option<AnyName>,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct KeyRotation {
    /// Null never expires.
    api_key_expiration: Option<Time>,
    /// How long the old key works on; absent, null or 0 ends it now.
    old_key_expires_in_seconds: Option<Overlap>,
}

/// Seconds, at most two days.
#[derive(Debug)]
struct Overlap(i64);

impl Input for Overlap {
    fn parse(value: &wire::Json<'_>, errors: &mut wire::Errors) -> Option<Self> {
        let seconds = i64::parse(value, errors)?;
        wire::check::ge(&seconds, 0, value, errors)?;
        wire::check::le(&seconds, LONGEST_OVERLAP, value, errors)?;
        Some(Self(seconds))
    }
}

impl wire::Described for Overlap {
    fn schema(_: &mut wire::Schemas) -> wire::Schema {
        serde_json::json!({ "type": "integer", "minimum": 0, "maximum": LONGEST_OVERLAP })
    }
}

fn not_found() -> Failure {
    Failure::not_found("Service account not found")
}

/// Each with the key in force.
async fn with_keys(cx: &Call, bots: Vec<control::Bot>) -> Reply<Vec<BotShown>> {
    let actors: Vec<ActorId> = bots.iter().map(|bot| bot.actor).collect();
    let mut keys = cx.app.control().keys_in_force(&actors).await?;
    let shown = bots.into_iter().map(|bot| BotShown {
        id: bot.id,
        created: bot.created,
        updated: bot.updated,
        actor_id: bot.actor,
        account_id: bot.account,
        name: bot.name,
        account_role_id: bot.role,
        account_role_name: bot.role_name,
        api_key: keys.remove(&bot.actor).map(Into::into),
    });
    Ok(shown.collect())
}

async fn found(cx: &Call, id: BotId) -> Reply<control::Bot> {
    cx.app.control().read_bot(cx.account()?.account(), id).await?.ok_or_else(not_found)
}

async fn create(cx: Call, body: JsonBody<BotCreate>) -> Reply<Created<BotCreated>> {
    let BotCreate { name, api_key_expiration, account_role_id } = &body.0;
    let new = NewBot { name: &name.0, role: *account_role_id, key_expiration: *api_key_expiration };
    let account = cx.account()?.account();
    let (bot, issued) = cx.app.control().create_bot(by(&cx)?, account, &new).await.map_err(shown)?;
    Ok(Created::new(BotCreated::of(bot, issued)))
}

async fn filter(cx: Call, body: JsonBody<BotsFilter>) -> Reply<Json<Vec<BotShown>>> {
    let BotsFilter { limit, offset, service_accounts, bots } = body.0;
    let names = names(service_accounts.or(bots).and_then(|criteria| criteria.name));
    let account = cx.account()?.account();
    let bots = cx.app.control().list_bots(account, names.as_deref(), limit.0, offset).await?;
    Ok(Json(with_keys(&cx, bots).await?))
}

async fn read(cx: Call, id: Path<BotId>) -> Reply<Json<BotShown>> {
    let bot = found(&cx, *id).await?;
    with_keys(&cx, vec![bot]).await?.pop().map(Json).ok_or_else(not_found)
}

async fn update(cx: Call, id: Path<BotId>, body: JsonBody<BotUpdate>) -> Reply<NoContent> {
    let BotUpdate { name, account_role_id } = body.0;
    let patch = BotPatch { name: name.map(|name| name.0), role: account_role_id };
    let account = cx.account()?.account();
    match cx.app.control().update_bot(by(&cx)?, account, *id, &patch).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn delete(cx: Call, id: Path<BotId>) -> Reply<NoContent> {
    match cx.app.control().delete_bot(by(&cx)?, cx.account()?.account(), *id).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}

async fn rotate(cx: Call, id: Path<BotId>, body: JsonBody<KeyRotation>) -> Reply<Created<BotCreated>> {
    let KeyRotation { api_key_expiration: expiration, old_key_expires_in_seconds } = body.0;
    let overlap = old_key_expires_in_seconds.map_or(0, |overlap| overlap.0.unsigned_abs());
    let rotation = Rotation { expiration, overlap: Duration::from_secs(overlap) };
    let account = cx.account()?.account();
    let rotated = cx.app.control().rotate_bot_key(by(&cx)?, account, *id, rotation).await.map_err(shown)?;
    let (bot, issued) = rotated.ok_or_else(not_found)?;
    Ok(Created::new(BotCreated::of(bot, issued)))
}

async fn keys(cx: Call, id: Path<BotId>) -> Reply<Json<BotKeysShown>> {
    let bot = found(&cx, *id).await?;
    let keys = cx.app.control().list_bot_keys(bot.actor).await?;
    let rotating_keys = keys.rotating.into_iter().map(Into::into).collect();
    Ok(Json(BotKeysShown { active_key: keys.active.map(Into::into), rotating_keys }))
}

async fn delete_key(cx: Call, ids: Path<(BotId, KeyId)>) -> Reply<NoContent> {
    let account = cx.account()?.account();
    match cx.app.control().revoke_bot_key(by(&cx)?, account, ids.0.0, ids.0.1).await? {
        true => Ok(NoContent),
        false => Err(Failure::not_found("API key not found")),
    }
}
