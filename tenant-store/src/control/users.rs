//! Users, and who is a member of which account.

use domain::access::AccountRole;
use domain::{AccountId, ActorId, RoleId, UserId};
use serde_json::json;
use uuid::Uuid;
use wire::{RawObject, Time};

use super::audit::{self, By, Change};
use super::giver::Giver;
use super::{Control, roles};
use crate::Result;

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub actor: ActorId,
    pub created: Time,
    pub updated: Time,
    pub handle: String,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub location: Option<String>,
    pub settings: RawObject,
    pub last_login: Option<Time>,
}

crate::row! { User: id "u.id", actor "u.actor_id", created "u.created", updated "u.updated", handle "u.handle",
first_name "u.first_name", last_name "u.last_name", email "u.email", location "u.location", settings "u.settings",
last_login "u.last_login" }

#[derive(Clone, Debug)]
pub struct NewUser<'a> {
    /// Checked by the caller with `domain::access::is_handle`.
    pub handle: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub email: Option<&'a str>,
}

/// Absent fields stay; of the settings, those named are replaced.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    pub handle: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub location: Option<String>,
    pub settings: Option<RawObject>,
    pub last_login: Option<Time>,
}

/// An actor in an account.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: Uuid,
    pub created: Time,
    pub updated: Time,
    pub account: AccountId,
    pub actor: ActorId,
    /// `None` for a service account.
    pub user: Option<UserId>,
    /// A service account's name stands here.
    pub handle: String,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub role: RoleId,
    pub role_name: String,
    pub last_login: Option<Time>,
    pub active: bool,
}

crate::row! { Member: id "m.id", created "m.created", updated "m.updated", account "m.account_id", actor "m.actor_id",
user "u.id", handle "coalesce(u.handle, b.name, '')", first_name "coalesce(u.first_name, '')",
last_name "coalesce(u.last_name, '')", email "u.email", role "r.id", role_name "r.name", last_login "u.last_login",
active "m.active" }

macro_rules! user {
    ($rest:literal) => {
        concat!(
            "select u.id, u.actor_id, u.created, u.updated, u.handle, u.first_name, u.last_name, u.email, u.location,
                u.settings, u.last_login from control.users u ",
            $rest
        )
    };
}

macro_rules! member {
    ($rest:literal) => {
        concat!(
            "select m.id, m.created, m.updated, m.account_id, m.actor_id, u.id, coalesce(u.handle, b.name, ''),
                coalesce(u.first_name, ''), coalesce(u.last_name, ''), u.email, r.id, r.name, u.last_login, m.active
            from control.membership m join control.account_role r on r.id = m.account_role_id
                left join control.users u on u.actor_id = m.actor_id left join control.bot b on b.actor_id = m.actor_id ",
            $rest
        )
    };
}

const ACTOR: &str = "insert into control.actor (id, kind) values ($1, 0)";
const CREATE: &str = "insert into control.users (id, actor_id, handle, first_name, last_name, email)
    values ($1, $2, $3, $4, $5, $6)";
const READ: &str = user!("where u.id = $1");
const BY_HANDLE: &str = user!("where u.handle = $1 or lower(u.email) = lower($1) order by u.handle = $1 desc limit 1");
const LIST: &str = user!("order by u.handle");
const UPDATE: &str = "update control.users set updated = clock_timestamp(),
        handle = coalesce($2, handle), first_name = coalesce($3, first_name), last_name = coalesce($4, last_name),
        email = coalesce($5, email), location = coalesce($6, location), settings = settings || coalesce($7::jsonb, '{}'),
        last_login = coalesce($8, last_login)
    where id = $1";
const DELETE: &str = "delete from control.actor where id = (select u.actor_id from control.users u where u.id = $1)";

const MEMBERS: &str = member!(
    "where m.account_id = $1 and ($2::text[] is null or lower(u.email) = any($2) or u.handle = any($2))
        and ($3::boolean is null or (u.id is not null) = $3)
    order by m.created, m.id limit $4 offset $5"
);
const MEMBER: &str = member!("where m.account_id = $1 and m.id = $2");
const MEMBER_BY_ACTOR: &str = member!("where m.account_id = $1 and m.actor_id = $2");
const MEMBER_BY_USER: &str = member!("where m.account_id = $1 and u.id = $2");
const MEMBERSHIPS: &str =
    member!("where m.actor_id = (select s.actor_id from control.users s where s.id = $1) order by m.account_id");
const ADD: &str = "insert into control.membership (id, account_id, actor_id, account_role_id)
    select $1, $2, u.actor_id, $4 from control.users u where u.id = $3
    on conflict (account_id, actor_id) do update
        set account_role_id = excluded.account_role_id, active = true, updated = clock_timestamp()";
const SET_ROLE: &str = "update control.membership set account_role_id = $3, updated = clock_timestamp()
    where account_id = $1 and id = $2";
const REMOVE: &str = "delete from control.membership where account_id = $1 and actor_id = $2";
// With the membership go the grants in the account's workspaces.
const UNGRANT: &str = "delete from control.workspace_access x using control.workspace w
    where w.id = x.workspace_id and w.account_id = $1 and x.actor_id = $2";
const OTHER_OWNERS: &str = "select count(*) from control.membership m join control.users u on u.actor_id = m.actor_id
    where m.account_id = $1 and m.actor_id <> $2 and m.account_role_id = $3 and m.active";

impl Control {
    /// A user, in no account yet.
    pub async fn create_user(&self, by: By, new: &NewUser<'_>) -> Result<User> {
        let NewUser { handle, first_name, last_name, email } = new;
        let now = Time::of_machine();
        let (id, actor) = (UserId::new(now), ActorId::new(now));
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        tx.run(ACTOR, &[&actor]).await?;
        tx.run(CREATE, &[&id, &actor, handle, first_name, last_name, email]).await?;
        let user: User = tx.one(READ, &[&id]).await?;
        let detail = json!({ "handle": handle, "email": email });
        audit::write(&tx, by, of_user("prefect-cloud.user.created", id, &detail)).await?;
        tx.commit().await?;
        Ok(user)
    }

    pub async fn read_user(&self, id: UserId) -> Result<Option<User>> {
        self.0.db.client().await?.opt(READ, &[&id]).await
    }

    /// By handle or, failing that, by email address.
    pub async fn find_user(&self, handle_or_email: &str) -> Result<Option<User>> {
        self.0.db.client().await?.opt(BY_HANDLE, &[&handle_or_email]).await
    }

    /// All users by handle, for the admin shell.
    pub async fn list_users(&self) -> Result<Vec<User>> {
        self.0.db.client().await?.all(LIST, &[]).await
    }

    /// Whether there was such a user.
    pub async fn update_user(&self, by: By, id: UserId, patch: &UserPatch) -> Result<bool> {
        let UserPatch { handle, first_name, last_name, email, location, settings, last_login } = patch;
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let params: [crate::pool::Param<'_>; 8] =
            [&id, handle, first_name, last_name, email, location, settings, last_login];
        if tx.run(UPDATE, &params).await? == 0 {
            return Ok(false);
        }
        let detail = json!({ "handle": handle, "first_name": first_name, "last_name": last_name, "email": email });
        audit::write(&tx, by, of_user("prefect-cloud.user.updated", id, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes a user with their keys, memberships and grants. Whether there was one; the last owner of an account stays.
    pub async fn delete_user(&self, by: By, id: UserId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let memberships: Vec<Member> = tx.all(MEMBERSHIPS, &[&id]).await?;
        for member in &memberships {
            keep_an_owner(&tx, member).await?;
        }
        if tx.run(DELETE, &[&id]).await? == 0 {
            return Ok(false);
        }
        audit::write(&tx, by, of_user("prefect-cloud.user.deleted", id, &json!({}))).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Makes a user a member, or gives a member this role. Whether there is such a user.
    pub async fn add_member(&self, by: By, account: AccountId, user: UserId, role: RoleId) -> Result<bool> {
        let id = Uuid::now_v7();
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        giver.gives(roles::of_account_role(&tx, account, role).await?)?;
        let member: Option<Member> = tx.opt(MEMBER_BY_USER, &[&account, &user]).await?;
        if let Some(member) = member {
            giver.changes(roles::of_account_role(&tx, account, member.role).await?)?;
        }
        if tx.run(ADD, &[&id, &account, &user, &role]).await? == 0 {
            return Ok(false);
        }
        let detail = json!({ "user_id": user, "account_role_id": role });
        audit::write(&tx, by, of_member("prefect-cloud.account-membership.created", account, id, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Members by the time they joined. `names`: emails or handles in lower case; `users`: users alone or service
    /// accounts alone.
    pub async fn list_members(
        &self,
        account: AccountId,
        names: Option<&[String]>,
        users: Option<bool>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Member>> {
        self.0.db.client().await?.all(MEMBERS, &[&account, &names, &users, &limit, &offset]).await
    }

    pub async fn read_member(&self, account: AccountId, id: Uuid) -> Result<Option<Member>> {
        self.0.db.client().await?.opt(MEMBER, &[&account, &id]).await
    }

    pub async fn member_by_actor(&self, account: AccountId, actor: ActorId) -> Result<Option<Member>> {
        self.0.db.client().await?.opt(MEMBER_BY_ACTOR, &[&account, &actor]).await
    }

    /// Gives a member another role. Whether there was such a member; the last owner stays one.
    pub async fn set_member_role(&self, by: By, account: AccountId, id: Uuid, role: RoleId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(member): Option<Member> = tx.opt(MEMBER, &[&account, &id]).await? else { return Ok(false) };
        giver.gives(roles::of_account_role(&tx, account, role).await?)?;
        giver.changes(roles::of_account_role(&tx, account, member.role).await?)?;
        if role != AccountRole::Owner.id() {
            keep_an_owner(&tx, &member).await?;
        }
        tx.run(SET_ROLE, &[&account, &id, &role]).await?;
        let detail = json!({ "account_role_id": role });
        audit::write(&tx, by, of_member("prefect-cloud.account-membership.updated", account, id, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes an actor out of an account and of its workspaces. Whether it was in; the last owner stays.
    pub async fn remove_member(&self, by: By, account: AccountId, actor: ActorId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(member): Option<Member> = tx.opt(MEMBER_BY_ACTOR, &[&account, &actor]).await? else {
            return Ok(false);
        };
        // Anybody may leave, an inactive member too.
        if by != By::Actor(actor) {
            giver.changes(roles::of_account_role(&tx, account, member.role).await?)?;
        }
        keep_an_owner(&tx, &member).await?;
        tx.run(UNGRANT, &[&account, &actor]).await?;
        tx.run(REMOVE, &[&account, &actor]).await?;
        let detail = json!({ "actor_id": actor });
        audit::write(&tx, by, of_member("prefect-cloud.account-membership.deleted", account, member.id, &detail))
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// An account without an owner could only be mended from the shell.
async fn keep_an_owner(tx: &super::db::Transaction<'_>, member: &Member) -> Result<()> {
    let owner = AccountRole::Owner.id();
    if member.user.is_none() || member.role != owner {
        return Ok(());
    }
    // Two owners who remove each other at the same time wait here for one another.
    tx.run("select 1 from control.account where id = $1 for update", &[&member.account]).await?;
    let (others,): (i64,) = tx.one(OTHER_OWNERS, &[&member.account, &member.actor, &owner]).await?;
    if others == 0 {
        return Err(crate::Error::Conflict("An account needs at least one owner.".into()));
    }
    Ok(())
}

fn of_user<'a>(event: &'static str, id: UserId, detail: &'a serde_json::Value) -> Change<'a> {
    Change { event, account: None, workspace: None, resource: id.0, detail }
}

fn of_member<'a>(event: &'static str, account: AccountId, id: Uuid, detail: &'a serde_json::Value) -> Change<'a> {
    Change { event, account: Some(account), workspace: None, resource: id, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<User>(READ);
        reads::<Member>(MEMBER);
    }
}
