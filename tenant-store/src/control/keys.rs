//! The keys of an actor: issued, listed with a mask, revoked.

use std::collections::HashMap;

use domain::{ActorId, KeyId};
use serde_json::json;
use wire::Time;

use super::Control;
use super::audit::{self, By, Change};
use super::db::Transaction;
use super::key::{ApiKey, KeyKind};
use crate::Result;

/// What may be shown of a key.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    pub id: KeyId,
    pub created: Time,
    pub name: String,
    pub mask: String,
    pub expiration: Option<Time>,
    /// To the minute.
    pub last_used: Option<Time>,
    /// Another key took its place; it works until it expires.
    pub rotated: bool,
}

crate::row! { KeyInfo: id "k.id", created "k.created", name "k.name", mask "k.mask", expiration "k.expiration",
last_used "k.last_used", rotated "k.rotated_to is not null" }

#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    pub name: &'a str,
    /// `None` never expires.
    pub expiration: Option<Time>,
}

/// A key with its secret, which is nowhere after this value is gone.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    pub info: KeyInfo,
    pub key: ApiKey,
}

macro_rules! live {
    ($rest:literal) => {
        concat!(
            "select k.id, k.created, k.name, k.mask, k.expiration, k.last_used, k.rotated_to is not null
            from control.api_key k where k.actor_id = $1 and k.revoked_at is null
                and (k.expiration is null or k.expiration > clock_timestamp()) ",
            $rest
        )
    };
}

const ISSUE: &str = "insert into control.api_key as k (id, actor_id, name, hash, mask, expiration)
    values ($1, $2, $3, $4, $5, $6)
    returning k.id, k.created, k.name, k.mask, k.expiration, k.last_used, false";
const LIST: &str = live!("and ($2::text is null or k.name = $2) order by k.created desc, k.id desc");
const READ: &str = live!("and k.id = $2");
const IN_FORCE: &str = "select k.actor_id, k.id, k.created, k.name, k.mask, k.expiration, k.last_used
    from control.api_key k where k.actor_id = any($1) and k.revoked_at is null and k.rotated_to is null
        and (k.expiration is null or k.expiration > clock_timestamp()) order by k.created, k.id";
const REVOKE: &str = "update control.api_key set revoked_at = clock_timestamp()
    where actor_id = $1 and id = $2 and revoked_at is null";
const KIND: &str = "select kind from control.actor where id = $1";
const OWNER: &str = "select actor_id from control.api_key where id = $1";

impl Control {
    /// A new key of an actor; `None` if there is no such actor.
    pub async fn create_key(&self, by: By, actor: ActorId, new: &NewKey<'_>) -> Result<Option<IssuedKey>> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let Some((kind,)): Option<(i16,)> = tx.opt(KIND, &[&actor]).await? else { return Ok(None) };
        let kind = if kind == 1 { KeyKind::Bot } else { KeyKind::User };
        let issued = issue(&tx, by, actor, kind, new).await?;
        tx.commit().await?;
        Ok(Some(issued))
    }

    /// The keys of an actor that work now, the newest first.
    pub async fn list_keys(&self, actor: ActorId, name: Option<&str>) -> Result<Vec<KeyInfo>> {
        self.0.db.client().await?.all(LIST, &[&actor, &name]).await
    }

    /// The newest key of each actor that works and was not replaced.
    pub async fn keys_in_force(&self, actors: &[ActorId]) -> Result<HashMap<ActorId, KeyInfo>> {
        type Row = (ActorId, KeyId, Time, String, String, Option<Time>, Option<Time>);
        let rows: Vec<Row> = self.0.db.client().await?.all(IN_FORCE, &[&actors]).await?;
        // The rows are in the order of time: of several the last one stays.
        let read = |(actor, id, created, name, mask, expiration, last_used)| {
            (actor, KeyInfo { id, created, name, mask, expiration, last_used, rotated: false })
        };
        Ok(rows.into_iter().map(read).collect())
    }

    pub async fn read_key(&self, actor: ActorId, key: KeyId) -> Result<Option<KeyInfo>> {
        self.0.db.client().await?.opt(READ, &[&actor, &key]).await
    }

    /// Whose key it is, for the admin shell.
    pub async fn owner_of_key(&self, key: KeyId) -> Result<Option<ActorId>> {
        let owner: Option<(ActorId,)> = self.0.db.client().await?.opt(OWNER, &[&key]).await?;
        Ok(owner.map(|(actor,)| actor))
    }

    /// Ends a key of an actor at once. Whether there was one that could be ended.
    pub async fn revoke_key(&self, by: By, actor: ActorId, key: KeyId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let revoked = revoke(&tx, by, actor, key).await?;
        tx.commit().await?;
        Ok(revoked)
    }
}

/// Ends a key within a larger change. Whether there was one that could be ended.
pub(super) async fn revoke(tx: &Transaction<'_>, by: By, actor: ActorId, key: KeyId) -> Result<bool> {
    if tx.run(REVOKE, &[&actor, &key]).await? == 0 {
        return Ok(false);
    }
    audit::write(tx, by, of_key("prefect-cloud.api-key.deleted", key, &json!({ "actor_id": actor }))).await?;
    Ok(true)
}

/// Makes a key within a larger change.
pub(super) async fn issue(
    tx: &Transaction<'_>,
    by: By,
    actor: ActorId,
    kind: KeyKind,
    new: &NewKey<'_>,
) -> Result<IssuedKey> {
    let key = ApiKey::generate(kind);
    let id = KeyId::new(Time::of_machine());
    let hash = key.hash();
    let params: [crate::pool::Param<'_>; 6] = [&id, &actor, &new.name, &&hash[..], &key.mask(), &new.expiration];
    let info: KeyInfo = tx.one(ISSUE, &params).await?;
    let detail = json!({ "actor_id": actor, "name": new.name, "mask": key.mask(), "expiration": new.expiration });
    audit::write(tx, by, of_key("prefect-cloud.api-key.created", id, &detail)).await?;
    Ok(IssuedKey { info, key })
}

fn of_key<'a>(event: &'static str, key: KeyId, detail: &'a serde_json::Value) -> Change<'a> {
    Change { event, account: None, workspace: None, resource: key.0, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<KeyInfo>(READ);
    }
}
