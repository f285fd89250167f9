//! What the holder of a key can reach, and what holders are called.

use std::collections::HashMap;

use domain::access::{Permission, Permissions, Scopes, WorkspaceRole};
use domain::{AccountId, ActorId, RoleId, WorkspaceId};
use uuid::Uuid;

use super::Control;
use crate::Result;

/// A workspace in the list from which a client chooses.
#[derive(Clone, Debug)]
pub struct MyWorkspace {
    pub account: AccountId,
    pub account_name: String,
    pub account_handle: String,
    pub workspace: WorkspaceId,
    pub workspace_name: String,
    pub workspace_description: String,
    pub workspace_handle: String,
}

crate::row! { MyWorkspace: account "a.id", account_name "a.name", account_handle "a.handle", workspace "w.id",
workspace_name "w.name", workspace_description "w.description", workspace_handle "w.handle" }

/// An account that an actor is an active member of.
#[derive(Clone, Debug)]
pub struct MyAccount {
    pub membership: Uuid,
    pub account: AccountId,
    pub account_name: String,
    pub account_handle: String,
    /// The account's own; `None` is the installation's default.
    pub account_plan: Option<String>,
    pub role: RoleId,
    pub role_name: String,
    permissions: Vec<String>,
}

crate::row! { MyAccount: membership "m.id", account "a.id", account_name "a.name", account_handle "a.handle",
account_plan "a.plan", role "r.id", role_name "r.name", permissions "r.permissions" }

impl MyAccount {
    pub fn permissions(&self) -> Permissions {
        Permissions::from_names(&self.permissions)
    }
}

const WORKSPACES: &str = "select a.id, a.name, a.handle, w.id, w.name, w.description, w.handle
    from control.membership m join control.account_role r on r.id = m.account_role_id
        join control.account a on a.id = m.account_id
        join control.workspace w on w.account_id = a.id and w.deleted_at is null
        left join control.workspace_access x on x.workspace_id = w.id and x.actor_id = m.actor_id
    where m.actor_id = $1 and m.active
        and (x.id is not null or w.default_role_id is not null or 'administrate:workspace' = any(r.permissions))
    order by a.handle, w.handle";
const ACCOUNTS: &str = "select m.id, a.id, a.name, a.handle, a.plan, r.id, r.name, r.permissions
    from control.membership m join control.account_role r on r.id = m.account_role_id
        join control.account a on a.id = m.account_id
    where m.actor_id = $1 and m.active order by a.handle";

const NAMES: &str = "select u.actor_id, u.handle from control.users u where u.actor_id = any($1)
    union all select b.actor_id, b.name from control.bot b where b.actor_id = any($1)";

const SCOPES: &str = "select r.permissions, x.id is not null or d.id is not null,
        coalesce(o.scopes, '{}') || coalesce(oi.scopes, '{}') || coalesce(d.scopes, '{}') || coalesce(di.scopes, '{}')
    from control.workspace w
        join control.membership m on m.account_id = w.account_id and m.actor_id = $1 and m.active
        join control.account_role r on r.id = m.account_role_id
        left join control.workspace_access x on x.workspace_id = w.id and x.actor_id = m.actor_id
        left join control.workspace_role o on o.id = x.workspace_role_id
        left join control.workspace_role oi on oi.id = o.inherited_role_id
        left join control.workspace_role d on d.id = w.default_role_id
        left join control.workspace_role di on di.id = d.inherited_role_id
    where w.id = $2 and w.deleted_at is null";

/// What the roles of an actor give in a workspace, the strongest of all ways; `None` without any way in.
pub(super) fn effective(permissions: &[String], granted: bool, scopes: &[String]) -> Option<Scopes> {
    if Permissions::from_names(permissions).contains(Permission::AdministrateWorkspace) {
        return Some(WorkspaceRole::Owner.scopes());
    }
    granted.then(|| Scopes::from_names(scopes))
}

impl Control {
    /// What an actor may do in a workspace; `None` if it cannot reach it.
    pub async fn my_scopes(&self, actor: ActorId, workspace: WorkspaceId) -> Result<Option<Scopes>> {
        let row: Option<(Vec<String>, bool, Vec<String>)> =
            self.0.db.client().await?.opt(SCOPES, &[&actor, &workspace]).await?;
        Ok(row.and_then(|(permissions, granted, scopes)| effective(&permissions, granted, &scopes)))
    }

    /// Every workspace an actor can reach, by `account/workspace`.
    pub async fn my_workspaces(&self, actor: ActorId) -> Result<Vec<MyWorkspace>> {
        self.0.db.client().await?.all(WORKSPACES, &[&actor]).await
    }

    /// What actors are called: a user by the handle, a service account by its name. Those that are gone are missing.
    pub async fn actor_names(&self, actors: &[ActorId]) -> Result<HashMap<ActorId, String>> {
        let rows: Vec<(ActorId, String)> = self.0.db.client().await?.all(NAMES, &[&actors]).await?;
        Ok(rows.into_iter().collect())
    }

    /// Every account an actor is in, by handle.
    pub async fn my_accounts(&self, actor: ActorId) -> Result<Vec<MyAccount>> {
        self.0.db.client().await?.all(ACCOUNTS, &[&actor]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<MyWorkspace>(WORKSPACES);
        reads::<MyAccount>(ACCOUNTS);
    }
}
