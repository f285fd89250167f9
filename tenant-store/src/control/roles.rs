//! Roles of workspaces and of accounts: the built-in ones, which every account has, and an account's own.

use domain::access::{Permissions, Power, Scopes, is_built_in};
use domain::{AccountId, RoleId};
use serde_json::json;
use wire::Time;

use super::Control;
use super::audit::{self, By, Change};
use super::db::Transaction;
use super::giver::Giver;
use crate::{Error, Result};

/// A role of workspaces as it is stored: `scopes` are its own, without those it inherits.
#[derive(Clone, Debug)]
pub struct WorkspaceRoleRow {
    pub id: RoleId,
    pub created: Time,
    pub updated: Time,
    /// `None` for the built-in ones.
    pub account: Option<AccountId>,
    pub name: String,
    pub description: String,
    pub scopes: Vec<String>,
    pub inherits: Option<RoleId>,
    pub inherited_scopes: Vec<String>,
}

crate::row! { WorkspaceRoleRow: id "r.id", created "r.created", updated "r.updated", account "r.account_id",
name "r.name", description "r.description", scopes "r.scopes", inherits "r.inherited_role_id",
inherited_scopes "coalesce(i.scopes, '{}')" }

impl WorkspaceRoleRow {
    /// Everything the role gives.
    pub fn effective(&self) -> Scopes {
        Scopes::from_names(&self.scopes).union(Scopes::from_names(&self.inherited_scopes))
    }
}

#[derive(Clone, Debug)]
pub struct NewRole<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub scopes: Scopes,
    /// A built-in role.
    pub inherits: Option<RoleId>,
}

/// Absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct RolePatch {
    pub name: Option<String>,
    pub description: Option<String>,
    pub scopes: Option<Scopes>,
    pub inherits: Option<RoleId>,
}

/// A role of accounts.
#[derive(Clone, Debug)]
pub struct AccountRoleRow {
    pub id: RoleId,
    pub created: Time,
    pub updated: Time,
    /// `None` for the built-in ones.
    pub account: Option<AccountId>,
    pub name: String,
    pub permissions: Vec<String>,
}

impl AccountRoleRow {
    pub fn effective(&self) -> Permissions {
        Permissions::from_names(&self.permissions)
    }
}

crate::row! { AccountRoleRow: id "r.id", created "r.created", updated "r.updated", account "r.account_id", name "r.name",
permissions "r.permissions" }

macro_rules! workspace_role {
    ($rest:literal) => {
        concat!(
            "select r.id, r.created, r.updated, r.account_id, r.name, r.description, r.scopes, r.inherited_role_id,
                coalesce(i.scopes, '{}')
            from control.workspace_role r left join control.workspace_role i on i.id = r.inherited_role_id
            where (r.account_id = $1 or r.account_id is null) ",
            $rest
        )
    };
}

macro_rules! account_role {
    ($rest:literal) => {
        concat!(
            "select r.id, r.created, r.updated, r.account_id, r.name, r.permissions from control.account_role r
            where (r.account_id = $1 or r.account_id is null) ",
            $rest
        )
    };
}

const LIST: &str = workspace_role!(
    "and ($2::text[] is null or r.name = any($2)) order by r.account_id nulls first, r.created, r.id limit $3 offset $4"
);
const READ: &str = workspace_role!("and r.id = $2");
const CREATE: &str = "insert into control.workspace_role (id, account_id, name, description, scopes, inherited_role_id)
    values ($1, $2, $3, $4, $5, $6)";
const UPDATE: &str = "update control.workspace_role set updated = clock_timestamp(), name = coalesce($3, name),
        description = coalesce($4, description), scopes = coalesce($5, scopes),
        inherited_role_id = coalesce($6, inherited_role_id)
    where account_id = $1 and id = $2";
const DELETE: &str = "delete from control.workspace_role where account_id = $1 and id = $2";
const ACCOUNT_LIST: &str = account_role!(
    "and ($2::text[] is null or r.name = any($2)) order by r.account_id nulls first, r.created, r.id limit $3 offset $4"
);
const ACCOUNT_READ: &str = account_role!("and r.id = $2");

impl Control {
    /// The built-in roles and then the account's own.
    pub async fn list_workspace_roles(
        &self,
        account: AccountId,
        names: Option<&[String]>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<WorkspaceRoleRow>> {
        self.0.db.client().await?.all(LIST, &[&account, &names, &limit, &offset]).await
    }

    pub async fn read_workspace_role(&self, account: AccountId, id: RoleId) -> Result<Option<WorkspaceRoleRow>> {
        self.0.db.client().await?.opt(READ, &[&account, &id]).await
    }

    pub async fn create_workspace_role(
        &self,
        by: By,
        account: AccountId,
        new: &NewRole<'_>,
    ) -> Result<WorkspaceRoleRow> {
        let NewRole { name, description, scopes, inherits } = new;
        inherits_built_in(*inherits)?;
        let id = RoleId::new(Time::of_machine());
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        tx.run(CREATE, &[&id, &account, name, description, &names(*scopes), inherits]).await?;
        let role: WorkspaceRoleRow = tx.one(READ, &[&account, &id]).await?;
        giver.gives(Power::AnyWorkspace(role.effective()))?;
        let detail = json!({ "name": name, "scopes": names(*scopes), "inherited_role_id": inherits });
        audit::write(&tx, by, of_role("prefect-cloud.workspace-role.created", account, id, &detail)).await?;
        tx.commit().await?;
        Ok(role)
    }

    /// Whether the account has such a role of its own; the built-in ones cannot be changed.
    pub async fn update_workspace_role(
        &self,
        by: By,
        account: AccountId,
        id: RoleId,
        patch: &RolePatch,
    ) -> Result<bool> {
        let RolePatch { name, description, scopes, inherits } = patch;
        inherits_built_in(*inherits)?;
        let scopes = scopes.map(names);
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        let giver = Giver::of(&tx, by, account).await?;
        let Some(before): Option<WorkspaceRoleRow> = tx.opt(READ, &[&account, &id]).await? else { return Ok(false) };
        if tx.run(UPDATE, &[&account, &id, name, description, &scopes, inherits]).await? == 0 {
            return Ok(false);
        }
        // Who holds the role now holds what it became.
        let after: WorkspaceRoleRow = tx.one(READ, &[&account, &id]).await?;
        giver.changes(Power::AnyWorkspace(before.effective()))?;
        giver.gives(Power::AnyWorkspace(after.effective()))?;
        let detail = json!({ "name": name, "scopes": scopes, "inherited_role_id": inherits });
        audit::write(&tx, by, of_role("prefect-cloud.workspace-role.updated", account, id, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whether the account had such a role of its own. A role that somebody holds is a conflict.
    pub async fn delete_workspace_role(&self, by: By, account: AccountId, id: RoleId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        if tx.run(DELETE, &[&account, &id]).await? == 0 {
            return Ok(false);
        }
        audit::write(&tx, by, of_role("prefect-cloud.workspace-role.deleted", account, id, &json!({}))).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The built-in roles and then the account's own.
    pub async fn list_account_roles(
        &self,
        account: AccountId,
        names: Option<&[String]>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<AccountRoleRow>> {
        self.0.db.client().await?.all(ACCOUNT_LIST, &[&account, &names, &limit, &offset]).await
    }

    pub async fn read_account_role(&self, account: AccountId, id: RoleId) -> Result<Option<AccountRoleRow>> {
        self.0.db.client().await?.opt(ACCOUNT_READ, &[&account, &id]).await
    }
}

/// What a role gives; refuses one that is neither built in nor the account's own.
pub(super) async fn of_workspace_role(tx: &Transaction<'_>, account: AccountId, role: RoleId) -> Result<Scopes> {
    let found: Option<WorkspaceRoleRow> = tx.opt(READ, &[&account, &role]).await?;
    let found = found.ok_or_else(|| Error::Conflict("The workspace role does not exist.".into()))?;
    Ok(found.effective())
}

/// The same for roles of the account.
pub(super) async fn of_account_role(tx: &Transaction<'_>, account: AccountId, role: RoleId) -> Result<Power> {
    let found: Option<AccountRoleRow> = tx.opt(ACCOUNT_READ, &[&account, &role]).await?;
    let found = found.ok_or_else(|| Error::Conflict("The account role does not exist.".into()))?;
    Ok(Power::Account(found.effective()))
}

/// One level of inheritance, so that what a role gives is two sets and there are no circles.
fn inherits_built_in(role: Option<RoleId>) -> Result<()> {
    match role {
        Some(role) if !is_built_in(role) => {
            Err(Error::Conflict("A role can inherit from a built-in role only.".into()))
        }
        _ => Ok(()),
    }
}

fn names(scopes: Scopes) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.as_str()).collect()
}

fn of_role<'a>(event: &'static str, account: AccountId, id: RoleId, detail: &'a serde_json::Value) -> Change<'a> {
    Change { event, account: Some(account), workspace: None, resource: id.0, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<WorkspaceRoleRow>(READ);
        reads::<AccountRoleRow>(ACCOUNT_READ);
    }
}
