//! Who holds which role in a workspace.

use domain::access::Power;
use domain::{AccountId, ActorId, BotId, RoleId, UserId, WorkspaceId};
use serde_json::json;
use uuid::Uuid;
use wire::Time;

use super::audit::{self, By, Change};
use super::db::Transaction;
use super::giver::Giver;
use super::{Control, roles};
use crate::Result;

/// A role that was granted to one actor in one workspace.
#[derive(Clone, Debug)]
pub struct Access {
    pub id: Uuid,
    pub created: Time,
    pub updated: Time,
    pub workspace: WorkspaceId,
    pub role: RoleId,
    pub role_name: String,
    pub actor: ActorId,
    pub user: Option<UserId>,
    pub bot: Option<BotId>,
    /// The handle of a user, the name of a service account.
    pub name: String,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
}

crate::row! { Access: id "x.id", created "x.created", updated "x.updated", workspace "x.workspace_id",
role "x.workspace_role_id", role_name "r.name", actor "x.actor_id", user "u.id", bot "b.id",
name "coalesce(u.handle, b.name, '')", first_name "coalesce(u.first_name, '')",
last_name "coalesce(u.last_name, '')", email "u.email" }

/// To whom a role is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grantee {
    User(UserId),
    Bot(BotId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachKind {
    User,
    Bot,
}

impl ReachKind {
    const fn number(self) -> i16 {
        match self {
            Self::User => 0,
            Self::Bot => 1,
        }
    }
}

/// Someone who can reach a workspace, by whatever way.
#[derive(Clone, Debug)]
pub struct Reach {
    pub actor: ActorId,
    pub name: String,
    pub email: Option<String>,
    pub kind: ReachKind,
}

macro_rules! access {
    ($rest:literal) => {
        concat!(
            "select x.id, x.created, x.updated, x.workspace_id, x.workspace_role_id, r.name, x.actor_id, u.id, b.id,
                coalesce(u.handle, b.name, ''), coalesce(u.first_name, ''), coalesce(u.last_name, ''), u.email
            from control.workspace_access x join control.actor a on a.id = x.actor_id
                join control.workspace_role r on r.id = x.workspace_role_id
                left join control.users u on u.actor_id = x.actor_id left join control.bot b on b.actor_id = x.actor_id
            where x.workspace_id = $1 and a.kind = $2 ",
            $rest
        )
    };
}

const LIST: &str = access!("order by x.created, x.id limit $3 offset $4");
const READ: &str = access!("and x.id = $3");
const BY_ACTOR: &str = access!("and x.actor_id = $3");
const ACTOR: &str =
    "select m.actor_id from control.workspace w join control.membership m on m.account_id = w.account_id
        left join control.users u on u.actor_id = m.actor_id left join control.bot b on b.actor_id = m.actor_id
    where w.id = $1 and w.account_id = $2 and (u.id = $3 or b.id = $4)";
const GRANT: &str = "insert into control.workspace_access (id, workspace_id, actor_id, workspace_role_id)
    values ($1, $2, $3, $4)
    on conflict (workspace_id, actor_id) do update
        set workspace_role_id = excluded.workspace_role_id, updated = clock_timestamp()";
const REVOKE: &str = "delete from control.workspace_access x using control.actor a
    where a.id = x.actor_id and x.workspace_id = $1 and a.kind = $2 and x.id = $3";
const REVOKE_ACTOR: &str = "delete from control.workspace_access where workspace_id = $1 and actor_id = $2";
const ACCOUNT: &str = "select account_id from control.workspace where id = $1";
const REACH: &str = "select m.actor_id, coalesce(u.handle, b.name, ''), u.email, b.id is not null
    from control.workspace w join control.membership m on m.account_id = w.account_id and m.active
        join control.account_role r on r.id = m.account_role_id
        left join control.users u on u.actor_id = m.actor_id left join control.bot b on b.actor_id = m.actor_id
        left join control.workspace_access x on x.workspace_id = w.id and x.actor_id = m.actor_id
    where w.id = $1 and (x.id is not null or w.default_role_id is not null or 'administrate:workspace' = any(r.permissions))
    order by 4, 2, 1";

impl Control {
    /// Gives each actor its role in the workspace, in place of the one it had: all of them or none. `None` if one is not in
    /// the account; a role of another account is a conflict, and what gives more than the caller holds, or takes it from who
    /// holds more, is forbidden.
    pub async fn grant_access(
        &self,
        by: By,
        account: AccountId,
        workspace: WorkspaceId,
        grants: &[(Grantee, RoleId)],
    ) -> Result<Option<Vec<Access>>> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let mut granted = Vec::with_capacity(grants.len());
        for (grantee, role) in grants {
            let (user, bot, kind) = match grantee {
                Grantee::User(user) => (Some(user), None, ReachKind::User),
                Grantee::Bot(bot) => (None, Some(bot), ReachKind::Bot),
            };
            let actor: Option<(ActorId,)> = tx.opt(ACTOR, &[&workspace, &account, &user, &bot]).await?;
            let Some((actor,)) = actor else { return Ok(None) };
            giver.gives(Power::Workspace(workspace, roles::of_workspace_role(&tx, account, *role).await?))?;
            if let Some(held) = tx.opt::<Access>(BY_ACTOR, &[&workspace, &kind.number(), &actor]).await? {
                changes(&giver, &tx, account, &held).await?;
            }
            tx.run(GRANT, &[&Uuid::now_v7(), &workspace, &actor, role]).await?;
            let access: Access = tx.one(BY_ACTOR, &[&workspace, &kind.number(), &actor]).await?;
            let detail = json!({ "actor_id": actor, "workspace_role_id": role });
            let event = "prefect-cloud.workspace-access.created";
            audit::write(&tx, by, of_access(event, Some(account), workspace, access.id, &detail)).await?;
            granted.push(access);
        }
        tx.commit().await?;
        Ok(Some(granted))
    }

    pub async fn list_access(
        &self,
        workspace: WorkspaceId,
        kind: ReachKind,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Access>> {
        self.0.db.client().await?.all(LIST, &[&workspace, &kind.number(), &limit, &offset]).await
    }

    pub async fn read_access(&self, workspace: WorkspaceId, kind: ReachKind, id: Uuid) -> Result<Option<Access>> {
        self.0.db.client().await?.opt(READ, &[&workspace, &kind.number(), &id]).await
    }

    /// Takes a role from an actor. Whether there was such a grant.
    pub async fn revoke_access(&self, by: By, workspace: WorkspaceId, kind: ReachKind, id: Uuid) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let account: Option<(AccountId,)> = tx.opt(ACCOUNT, &[&workspace]).await?;
        let Some((account,)) = account else { return Ok(false) };
        let giver = Giver::of(&tx, by, account).await?;
        let held: Option<Access> = tx.opt(READ, &[&workspace, &kind.number(), &id]).await?;
        let Some(held) = held else { return Ok(false) };
        // Anybody may leave.
        if by != By::Actor(held.actor) {
            changes(&giver, &tx, account, &held).await?;
        }
        tx.run(REVOKE, &[&workspace, &kind.number(), &id]).await?;
        let event = "prefect-cloud.workspace-access.deleted";
        let detail = json!({ "actor_id": held.actor, "workspace_role_id": held.role });
        audit::write(&tx, by, of_access(event, Some(account), workspace, id, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Gives up an actor's own role in a workspace. Whether it had one of its own.
    pub async fn leave_workspace(&self, actor: ActorId, workspace: WorkspaceId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        if tx.run(REVOKE_ACTOR, &[&workspace, &actor]).await? == 0 {
            return Ok(false);
        }
        let event = "prefect-cloud.workspace-access.deleted";
        audit::write(&tx, By::Actor(actor), of_access(event, None, workspace, actor.0, &json!({}))).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Everyone who can reach a workspace: by a role of their own, by its default role or as one who administrates all.
    pub async fn who_can_reach(&self, workspace: WorkspaceId) -> Result<Vec<Reach>> {
        let rows: Vec<(ActorId, String, Option<String>, bool)> =
            self.0.db.client().await?.all(REACH, &[&workspace]).await?;
        let reach = |(actor, name, email, bot)| {
            let kind = if bot { ReachKind::Bot } else { ReachKind::User };
            Reach { actor, name, email, kind }
        };
        Ok(rows.into_iter().map(reach).collect())
    }
}

/// Refuses to change a role in the hands of who holds more by it than the caller does.
async fn changes(giver: &Giver, tx: &Transaction<'_>, account: AccountId, held: &Access) -> Result<()> {
    let scopes = roles::of_workspace_role(tx, account, held.role).await?;
    giver.changes(Power::Workspace(held.workspace, scopes))
}

fn of_access<'a>(
    event: &'static str,
    account: Option<AccountId>,
    workspace: WorkspaceId,
    id: Uuid,
    detail: &'a serde_json::Value,
) -> Change<'a> {
    Change { event, account, workspace: Some(workspace), resource: id, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<Access>(READ);
    }
}
