//! Identities: which tokens of an issuer stand for which service account, so that a job that has such a token needs no key.
//! The issuers are the operator's to name; an account maps the claims of those it may use.

use domain::access::{MOST_VALUES, weight};
use domain::{AccountId, BotId, IdentityId, IssuerId};
use serde::Serialize;
use serde_json::Value;
use tenant_store::control::{Identity, Issuer, Made, NewIdentity};
use wire::{Input, Limit, Output, RawObject, Time};

use super::{Name, by, shown};
use crate::kit::{Call, Created, Failure, Json, JsonBody, NoContent, Op, Path, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/issuers/filter" issuers(JsonBody<IssuersFilter>) -> Json<Vec<IssuerShown>>,
        need Account(ReadBot), lane Read, cost One, cache Never, touches [], audit Nothing;
    POST "/identities/" create(JsonBody<IdentityCreate>) -> Created<IdentityShown>,
        need Account(UpdateBot), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.identity.created");
    POST "/identities/filter" filter(JsonBody<IdentitiesFilter>) -> Json<Vec<IdentityShown>>,
        need Account(ReadBot), lane Read, cost One, cache Never, touches [], audit Nothing;
    GET "/identities/{identity_id}" read(Path<IdentityId>) -> Json<IdentityShown>,
        need Account(ReadBot), lane Read, cost One, cache Never, touches [], audit Nothing;
    DELETE "/identities/{identity_id}" delete(Path<IdentityId>) -> NoContent,
        need Account(UpdateBot), lane Hot, cost One, cache Never, touches [Control],
        audit Event("prefect-cloud.identity.deleted");
];

/// An issuer whose tokens the account's identities may name.
#[derive(Debug, Serialize, Output)]
struct IssuerShown {
    id: IssuerId,
    created: Time,
    url: String,
    /// Null where any account may use it.
    account_id: Option<AccountId>,
}

impl From<Issuer> for IssuerShown {
    fn from(issuer: Issuer) -> Self {
        let Issuer { id, created, url, account, jwks_url: _ } = issuer;
        Self { id, created, url, account_id: account }
    }
}

/// Which tokens stand for a service account.
#[derive(Debug, Serialize, Output)]
struct IdentityShown {
    id: IdentityId,
    created: Time,
    account_id: AccountId,
    name: String,
    issuer: String,
    audience: String,
    claims: RawObject,
    bot_id: BotId,
    bot_name: String,
    last_used: Option<Time>,
}

impl From<Identity> for IdentityShown {
    fn from(identity: Identity) -> Self {
        let Identity { id, created, account, name, issuer, audience, claims, bot, bot_name, last_used } = identity;
        Self { id, created, account_id: account, name, issuer, audience, claims, bot_id: bot, bot_name, last_used }
    }
}

#[derive(Debug, Input)]
struct IdentityCreate {
    /// Unique in the account.
    name: Name,
    /// The issuer's URL.
    issuer: String,
    /// One of the audiences of the tokens; no other account can use it with this issuer.
    audience: Name,
    /// What a token must say, at least: a value is equal, an object has at least these fields, a list these items.
    claims: RawObject,
    bot_id: BotId,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct IssuersFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
}

#[derive(Debug, Input)]
#[input(parameters)]
struct IdentitiesFilter {
    limit: Limit,
    #[input(default, ge = 0)]
    offset: i64,
    /// Those of one service account.
    bot_id: Option<BotId>,
}

fn not_found() -> Failure {
    Failure::not_found("Identity not found")
}

async fn issuers(cx: Call, page: JsonBody<IssuersFilter>) -> Reply<Json<Vec<IssuerShown>>> {
    let issuers = cx.app.control().issuers_of(cx.account()?.account(), page.limit.0, page.offset).await?;
    Ok(Json(issuers.into_iter().map(Into::into).collect()))
}

async fn create(cx: Call, body: JsonBody<IdentityCreate>) -> Reply<Created<IdentityShown>> {
    let IdentityCreate { name, issuer, audience, claims, bot_id } = body.0;
    // Parsed as an object.
    let Value::Object(claims) = claims.0.to_value() else { return Err(Failure::internal("claims are no object")) };
    let weight = weight(&claims).ok_or_else(|| {
        Failure::unprocessable(format!(
            "The claims must ask for one to {MOST_VALUES} values: with none, any token of the issuer would do."
        ))
    })?;
    let (name, audience) = (&name.0, &audience.0);
    let new = NewIdentity { name, issuer: &issuer, audience, claims: &claims, weight, bot: bot_id };
    match cx.app.control().create_identity(by(&cx)?, cx.account()?.account(), &new).await.map_err(shown)? {
        Made::Made(identity) => Ok(Created::new((*identity).into())),
        Made::NoBot => Err(Failure::not_found("Service account not found")),
        Made::NoIssuer => Err(Failure::not_found("Issuer not found")),
    }
}

async fn filter(cx: Call, body: JsonBody<IdentitiesFilter>) -> Reply<Json<Vec<IdentityShown>>> {
    let IdentitiesFilter { limit, offset, bot_id } = body.0;
    let found = cx.app.control().list_identities(cx.account()?.account(), bot_id, limit.0, offset).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

async fn read(cx: Call, id: Path<IdentityId>) -> Reply<Json<IdentityShown>> {
    let found = cx.app.control().read_identity(cx.account()?.account(), *id).await?;
    found.map(|identity| Json(identity.into())).ok_or_else(not_found)
}

async fn delete(cx: Call, id: Path<IdentityId>) -> Reply<NoContent> {
    match cx.app.control().delete_identity(by(&cx)?, cx.account()?.account(), *id).await.map_err(shown)? {
        true => Ok(NoContent),
        false => Err(not_found()),
    }
}
