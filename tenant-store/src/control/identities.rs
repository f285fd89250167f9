//! Which tokens stand for which service account: those of an issuer, for an audience, that have certain claims.
//!
//! Promises:
//! * An identity, its audience and its service account are of one account, by the rules of the tables.
//! * Who makes or takes one away must hold what the service account holds, as with its keys.

use domain::{AccountId, BotId, IdentityId};
use serde_json::{Map, Value, json};
use wire::{RawJson, RawObject, Time};

use super::audit::{self, By, Change};
use super::bots::{self, Bot};
use super::giver::Giver;
use super::issuers::{self, Issuer};
use super::{Control, db::Transaction};
use crate::Result;

#[derive(Clone, Debug)]
pub struct Identity {
    pub id: IdentityId,
    pub created: Time,
    pub account: AccountId,
    pub name: String,
    pub issuer: String,
    pub audience: String,
    /// What a token must say, at least.
    pub claims: RawObject,
    pub bot: BotId,
    pub bot_name: String,
    /// To the minute.
    pub last_used: Option<Time>,
}

crate::row! { Identity: id "i.id", created "i.created", account "i.account_id", name "i.name", issuer "s.url",
audience "i.audience", claims "i.claims", bot "b.id", bot_name "b.name", last_used "i.last_used" }

#[derive(Clone, Debug)]
pub struct NewIdentity<'a> {
    /// Unique in the account.
    pub name: &'a str,
    /// The issuer's URL.
    pub issuer: &'a str,
    pub audience: &'a str,
    pub claims: &'a Map<String, Value>,
    /// `domain::access::weight` of the claims.
    pub weight: usize,
    pub bot: BotId,
}

/// What became of a new identity.
#[derive(Clone, Debug)]
pub enum Made {
    Made(Box<Identity>),
    /// The account has no such service account.
    NoBot,
    /// There is no such issuer, or it is another account's.
    NoIssuer,
}

macro_rules! identity {
    ($rest:literal) => {
        concat!(
            "select i.id, i.created, i.account_id, i.name, s.url, i.audience, i.claims, b.id, b.name, i.last_used
            from control.identity i join control.issuer s on s.id = i.issuer_id join control.bot b on b.id = i.bot_id ",
            $rest
        )
    };
}

const READ: &str = identity!("where i.account_id = $1 and i.id = $2");
// On the index of names, which begins with the account.
const LIST: &str = identity!(
    "where i.account_id = $1 and ($2::uuid is null or i.bot_id = $2) order by i.name, i.id limit $3 offset $4"
);
// An audience that no identity needs any more is free for anybody.
const RELEASE: &str = "delete from control.audience a where a.issuer_id = $1 and a.audience = $2 and a.account_id <> $3
    and not exists (select 1 from control.identity i where i.issuer_id = a.issuer_id and i.audience = a.audience)";
const CLAIM: &str = "insert into control.audience (issuer_id, audience, account_id) values ($1, $2, $3)
    on conflict (issuer_id, audience) do nothing";
const CREATE: &str = "insert into control.identity (id, account_id, issuer_id, audience, bot_id, name, claims, weight)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";
const DELETE: &str = "delete from control.identity where account_id = $1 and id = $2";

impl Control {
    /// Lets tokens stand for a service account. Another account's audience is a conflict.
    pub async fn create_identity(&self, by: By, account: AccountId, new: &NewIdentity<'_>) -> Result<Made> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(bot): Option<Bot> = tx.opt(bots::READ, &[&account, &new.bot]).await? else { return Ok(Made::NoBot) };
        giver.touches_keys_of(&tx, account, bot.actor).await?;
        let Some(issuer): Option<Issuer> = tx.opt(issuers::FIND, &[&account, &new.issuer]).await? else {
            return Ok(Made::NoIssuer);
        };
        let made = insert(&tx, account, &issuer, new).await?;
        let detail = json!({
            "name": new.name, "issuer": new.issuer, "audience": new.audience, "claims": new.claims, "bot_id": new.bot
        });
        audit::write(&tx, by, of_identity("prefect-cloud.identity.created", account, made.id, &detail)).await?;
        tx.commit().await?;
        Ok(Made::Made(Box::new(made)))
    }

    pub async fn read_identity(&self, account: AccountId, id: IdentityId) -> Result<Option<Identity>> {
        self.0.db.client().await?.opt(READ, &[&account, &id]).await
    }

    /// Identities by name, those of one service account alone where it is named.
    pub async fn list_identities(
        &self,
        account: AccountId,
        bot: Option<BotId>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Identity>> {
        self.0.db.client().await?.all(LIST, &[&account, &bot, &limit, &offset]).await
    }

    /// No token stands for the service account by this one any more, within a second. Whether there was one.
    pub async fn delete_identity(&self, by: By, account: AccountId, id: IdentityId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(identity): Option<Identity> = tx.opt(READ, &[&account, &id]).await? else { return Ok(false) };
        let Some(bot): Option<Bot> = tx.opt(bots::READ, &[&account, &identity.bot]).await? else { return Ok(false) };
        giver.touches_keys_of(&tx, account, bot.actor).await?;
        tx.run(DELETE, &[&account, &id]).await?;
        let detail = json!({ "name": identity.name, "bot_id": identity.bot });
        audit::write(&tx, by, of_identity("prefect-cloud.identity.deleted", account, id, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }
}

async fn insert(tx: &Transaction<'_>, account: AccountId, issuer: &Issuer, new: &NewIdentity<'_>) -> Result<Identity> {
    tx.run(RELEASE, &[&issuer.id, &new.audience, &account]).await?;
    tx.run(CLAIM, &[&issuer.id, &new.audience, &account]).await?;
    let (id, claims) = (IdentityId::new(Time::of_machine()), RawJson::of(new.claims));
    // Bounded by `domain::access::MOST_VALUES`.
    let weight = i32::try_from(new.weight).unwrap_or(i32::MAX);
    let params: [crate::pool::Param<'_>; 8] =
        [&id, &account, &issuer.id, &new.audience, &new.bot, &new.name, &claims, &weight];
    tx.run(CREATE, &params).await?;
    tx.one(READ, &[&account, &id]).await
}

fn of_identity<'a>(event: &'static str, account: AccountId, id: IdentityId, detail: &'a Value) -> Change<'a> {
    Change { event, account: Some(account), workspace: None, resource: id.0, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<Identity>(READ);
    }
}
