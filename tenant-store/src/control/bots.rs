//! Service accounts: actors of one account that only hold keys.

use std::time::Duration;

use domain::access::AccountRole;
use domain::{AccountId, ActorId, BotId, KeyId, RoleId};
use serde_json::json;
use uuid::Uuid;
use wire::Time;

use super::audit::{self, By, Change};
use super::giver::Giver;
use super::key::KeyKind;
use super::keys::{self, IssuedKey, KeyInfo, NewKey};
use super::{Control, roles};
use crate::Result;

#[derive(Clone, Debug)]
pub struct Bot {
    pub id: BotId,
    pub actor: ActorId,
    pub created: Time,
    pub updated: Time,
    pub account: AccountId,
    pub name: String,
    pub role: RoleId,
    pub role_name: String,
}

crate::row! { Bot: id "b.id", actor "b.actor_id", created "b.created", updated "b.updated", account "b.account_id",
name "b.name", role "r.id", role_name "r.name" }

#[derive(Clone, Debug)]
pub struct NewBot<'a> {
    pub name: &'a str,
    /// `None` is Member.
    pub role: Option<RoleId>,
    pub key_expiration: Option<Time>,
}

/// Absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct BotPatch {
    pub name: Option<String>,
    pub role: Option<RoleId>,
}

/// How a key is replaced.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// When the new key ends; `None` never.
    pub expiration: Option<Time>,
    /// How long the old key still works; zero ends it now.
    pub overlap: Duration,
}

/// The keys of a service account: the one in force and those it replaced that still work.
#[derive(Clone, Debug)]
pub struct BotKeys {
    pub active: Option<KeyInfo>,
    pub rotating: Vec<KeyInfo>,
}

macro_rules! bot {
    ($rest:literal) => {
        concat!(
            "select b.id, b.actor_id, b.created, b.updated, b.account_id, b.name, r.id, r.name
            from control.bot b join control.membership m on m.actor_id = b.actor_id and m.account_id = b.account_id
                join control.account_role r on r.id = m.account_role_id ",
            $rest
        )
    };
}

const ACTOR: &str = "insert into control.actor (id, kind) values ($1, 1)";
const CREATE: &str = "insert into control.bot (id, actor_id, account_id, name) values ($1, $2, $3, $4)";
const JOIN: &str = "insert into control.membership (id, account_id, actor_id, account_role_id) values ($1, $2, $3, $4)";
pub(super) const READ: &str = bot!("where b.account_id = $1 and b.id = $2");
const OWN: &str = bot!("where b.id = $1");
const LIST: &str =
    bot!("where b.account_id = $1 and ($2::text[] is null or b.name = any($2)) order by b.name limit $3 offset $4");
const RENAME: &str = "update control.bot set updated = clock_timestamp(), name = coalesce($3, name)
    where account_id = $1 and id = $2";
const SET_ROLE: &str = "update control.membership set account_role_id = $3, updated = clock_timestamp()
    where account_id = $1 and actor_id = $2";
const DELETE: &str = "delete from control.actor a using control.bot b
    where b.actor_id = a.id and b.account_id = $1 and b.id = $2";
// Keys that were already replaced keep the end they were given.
const RETIRE: &str = "update control.api_key set rotated_to = $2,
        revoked_at = case when $3::float8 <= 0 then clock_timestamp() end,
        expiration = least(expiration, clock_timestamp() + $3::float8 * interval '1 second')
    where actor_id = $1 and id <> $2 and rotated_to is null and revoked_at is null";

impl Control {
    /// A service account with its first key.
    pub async fn create_bot(&self, by: By, account: AccountId, new: &NewBot<'_>) -> Result<(Bot, IssuedKey)> {
        let now = Time::of_machine();
        let (id, actor) = (BotId::new(now), ActorId::new(now));
        let role = new.role.unwrap_or(AccountRole::Member.id());
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        giver.gives(roles::of_account_role(&tx, account, role).await?)?;
        tx.run(ACTOR, &[&actor]).await?;
        tx.run(CREATE, &[&id, &actor, &account, &new.name]).await?;
        tx.run(JOIN, &[&Uuid::now_v7(), &account, &actor, &role]).await?;
        let key = NewKey { name: new.name, expiration: new.key_expiration };
        let issued = keys::issue(&tx, by, actor, KeyKind::Bot, &key).await?;
        let bot: Bot = tx.one(READ, &[&account, &id]).await?;
        let detail = json!({ "name": new.name, "account_role_id": role });
        audit::write(&tx, by, of_bot("prefect-cloud.service-account.created", &bot, &detail)).await?;
        tx.commit().await?;
        Ok((bot, issued))
    }

    pub async fn read_bot(&self, account: AccountId, id: BotId) -> Result<Option<Bot>> {
        self.0.db.client().await?.opt(READ, &[&account, &id]).await
    }

    /// The service account of a key, whatever its account.
    pub async fn own_bot(&self, id: BotId) -> Result<Option<Bot>> {
        self.0.db.client().await?.opt(OWN, &[&id]).await
    }

    /// Service accounts by name, those of `names` alone where given.
    pub async fn list_bots(
        &self,
        account: AccountId,
        names: Option<&[String]>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Bot>> {
        self.0.db.client().await?.all(LIST, &[&account, &names, &limit, &offset]).await
    }

    /// Whether there was such a service account.
    pub async fn update_bot(&self, by: By, account: AccountId, id: BotId, patch: &BotPatch) -> Result<bool> {
        let BotPatch { name, role } = patch;
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(bot): Option<Bot> = tx.opt(READ, &[&account, &id]).await? else { return Ok(false) };
        giver.changes(roles::of_account_role(&tx, account, bot.role).await?)?;
        tx.run(RENAME, &[&account, &id, name]).await?;
        if let Some(role) = role {
            giver.gives(roles::of_account_role(&tx, account, *role).await?)?;
            tx.run(SET_ROLE, &[&account, &bot.actor, role]).await?;
        }
        let detail = json!({ "name": name, "account_role_id": role });
        audit::write(&tx, by, of_bot("prefect-cloud.service-account.updated", &bot, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes a service account with its keys and grants. Whether there was one.
    pub async fn delete_bot(&self, by: By, account: AccountId, id: BotId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(bot): Option<Bot> = tx.opt(READ, &[&account, &id]).await? else { return Ok(false) };
        giver.changes(roles::of_account_role(&tx, account, bot.role).await?)?;
        tx.run(DELETE, &[&account, &id]).await?;
        let detail = json!({ "name": bot.name });
        audit::write(&tx, by, of_bot("prefect-cloud.service-account.deleted", &bot, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A new key in place of the one in force, which works on for the overlap. `None` if there is no such service account.
    pub async fn rotate_bot_key(
        &self,
        by: By,
        account: AccountId,
        id: BotId,
        rotation: Rotation,
    ) -> Result<Option<(Bot, IssuedKey)>> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(bot): Option<Bot> = tx.opt(READ, &[&account, &id]).await? else { return Ok(None) };
        giver.touches_keys_of(&tx, account, bot.actor).await?;
        let key = NewKey { name: &bot.name, expiration: rotation.expiration };
        let issued = keys::issue(&tx, by, bot.actor, KeyKind::Bot, &key).await?;
        tx.run(RETIRE, &[&bot.actor, &issued.info.id, &rotation.overlap.as_secs_f64()]).await?;
        let detail = json!({ "api_key_id": issued.info.id, "overlap_seconds": rotation.overlap.as_secs() });
        audit::write(&tx, by, of_bot("prefect-cloud.api-key.rotated", &bot, &detail)).await?;
        tx.commit().await?;
        Ok(Some((bot, issued)))
    }

    pub async fn list_bot_keys(&self, actor: ActorId) -> Result<BotKeys> {
        let (rotating, active): (Vec<_>, Vec<_>) =
            self.list_keys(actor, None).await?.into_iter().partition(|key| key.rotated);
        Ok(BotKeys { active: active.into_iter().next(), rotating })
    }

    /// Ends one key of a service account at once. Whether there was one.
    pub async fn revoke_bot_key(&self, by: By, account: AccountId, id: BotId, key: KeyId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(bot): Option<Bot> = tx.opt(READ, &[&account, &id]).await? else { return Ok(false) };
        giver.touches_keys_of(&tx, account, bot.actor).await?;
        let revoked = keys::revoke(&tx, by, bot.actor, key).await?;
        tx.commit().await?;
        Ok(revoked)
    }
}

fn of_bot<'a>(event: &'static str, bot: &Bot, detail: &'a serde_json::Value) -> Change<'a> {
    Change { event, account: Some(bot.account), workspace: None, resource: bot.id.0, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<Bot>(READ);
        reads::<Bot>(OWN);
    }
}
