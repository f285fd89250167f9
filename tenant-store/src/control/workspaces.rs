//! Workspaces: made from a schema that stands ready, hidden at once when deleted, and kept for a while so that an owner
//! can have them back.

use std::time::Duration;

use domain::access::{Power, WorkspaceRole};
use domain::{AccountId, ActorId, RoleId, WorkspaceId};
use serde_json::json;
use uuid::Uuid;
use wire::{Patch, RawObject, Time};

use super::audit::{self, By, Change};
use super::db::Transaction;
use super::giver::Giver;
use super::{Control, roles};
use crate::migrate::WORKSPACE_SERVED;
use crate::{Error, Result};

#[derive(Clone, Debug)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub created: Time,
    pub updated: Time,
    pub account: AccountId,
    pub handle: String,
    pub name: String,
    pub description: String,
    pub settings: RawObject,
    /// What every member of the account may do here; `None` leaves it to those who were given a role.
    pub default_role: Option<RoleId>,
    pub placement: String,
    pub schema_version: i32,
    pub deleted: Option<Time>,
}

crate::row! { Workspace: id "w.id", created "w.created", updated "w.updated", account "w.account_id", handle "w.handle",
name "w.name", description "w.description", settings "w.settings", default_role "w.default_role_id",
placement "w.placement", schema_version "w.schema_version", deleted "w.deleted_at" }

#[derive(Clone, Debug)]
pub struct NewWorkspace<'a> {
    /// Checked by the caller with `domain::access::is_handle`.
    pub handle: &'a str,
    pub name: &'a str,
    pub description: &'a str,
    /// On which of the databases; `default` where there is one.
    pub placement: &'a str,
}

/// Absent fields stay; of the settings, those named are replaced.
#[derive(Clone, Debug, Default)]
pub struct WorkspacePatch {
    pub handle: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub default_role: Patch<Option<RoleId>>,
    pub settings: Option<RawObject>,
}

/// Which of an account's workspaces.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceFilter {
    pub ids: Option<Vec<WorkspaceId>>,
    pub handles: Option<Vec<String>>,
    pub names: Option<Vec<String>>,
    /// Only what this actor can reach.
    pub reached_by: Option<ActorId>,
}

macro_rules! workspace {
    ($rest:literal) => {
        concat!(
            "select w.id, w.created, w.updated, w.account_id, w.handle, w.name, w.description, w.settings,
                w.default_role_id, w.placement, w.schema_version, w.deleted_at from control.workspace w ",
            $rest
        )
    };
}

const READ: &str = workspace!("where w.id = $1 and w.account_id = $2 and w.deleted_at is null");
const ANY: &str = workspace!("where w.id = $1");
const LIST: &str = workspace!(
    "where w.account_id = $1 and w.deleted_at is null
        and ($2::uuid[] is null or w.id = any($2)) and ($3::text[] is null or w.handle = any($3))
        and ($4::text[] is null or w.name = any($4))
        and ($5::uuid is null or exists (
            select 1 from control.membership m join control.account_role r on r.id = m.account_role_id
                left join control.workspace_access x on x.workspace_id = w.id and x.actor_id = m.actor_id
            where m.account_id = w.account_id and m.actor_id = $5 and m.active
                and (x.id is not null or w.default_role_id is not null or 'administrate:workspace' = any(r.permissions))))
    order by w.handle limit $6 offset $7"
);
const EVERY: &str = workspace!(
    "where ($1::uuid is null or w.account_id = $1) and (w.deleted_at is null or $2) order by w.account_id, w.handle, w.id"
);
/// A schema that stands ready leaves the table, and nobody else can have it.
const TAKE: &str = "delete from control.spare where schema_name = (
        select s.schema_name from control.spare s
        where s.placement = $1 and s.schema_version between $2 and $3
        order by s.schema_version desc, s.created limit 1 for update skip locked)
    returning schema_name, schema_version";
const CREATE: &str = "insert into control.workspace
        (id, account_id, handle, name, description, schema_name, schema_version, placement)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";
const OWN: &str = "insert into control.workspace_access (id, workspace_id, actor_id, workspace_role_id)
    select $1, $2, m.actor_id, $5 from control.membership m where m.account_id = $3 and m.actor_id = $4";
const UPDATE: &str = "update control.workspace set updated = clock_timestamp(), handle = coalesce($3, handle),
        name = coalesce($4, name), description = coalesce($5, description),
        default_role_id = case when $6 then $7 else default_role_id end, settings = settings || coalesce($8::jsonb, '{}')
    where id = $1 and account_id = $2 and deleted_at is null";
const HIDE: &str = "update control.workspace set deleted_at = clock_timestamp(), updated = clock_timestamp()
    where id = $1 and account_id = $2 and deleted_at is null";
const RESTORE: &str = "update control.workspace set deleted_at = null, updated = clock_timestamp(),
        handle = coalesce($2, handle)
    where id = $1 and deleted_at is not null";

/// The whole table, once a minute: it has a row for each workspace of the installation, and no index would spare reading
/// them all.
const BY_VERSION: &str = "select schema_version, count(*) from control.workspace where deleted_at is null group by 1";

impl Control {
    /// How many workspaces have each version of the schema; deleted ones are not counted.
    pub async fn workspaces_by_version(&self) -> Result<Vec<(i32, i64)>> {
        self.0.db.client().await?.all(BY_VERSION, &[]).await
    }

    /// A workspace, ready for use when this answers. Whoever makes it owns it. A taken handle is a conflict.
    pub async fn create_workspace(&self, by: By, account: AccountId, new: &NewWorkspace<'_>) -> Result<Workspace> {
        // Others may take what was made here before this does.
        const ATTEMPTS: usize = 3;
        let Some(pool) = self.0.places.get(new.placement) else {
            return Err(Error::Conflict(format!("There is no placement {:?}.", new.placement)));
        };
        let mut client = self.0.db.client().await?;
        for _ in 0..ATTEMPTS {
            if let Some(workspace) = create(client.begin().await?, by, account, new).await? {
                pool.enter(workspace.id).await;
                if let Some(provisioner) = &self.0.provisioner {
                    provisioner.refill_soon();
                }
                return Ok(workspace);
            }
            let Some(provisioner) = &self.0.provisioner else {
                return Err(Error::Unavailable("no schema stands ready, and this program may not make one".into()));
            };
            // In no transaction: it takes its time.
            provisioner.make(new.placement).await?;
        }
        Err(Error::Unavailable("schemas were taken faster than they could be made".into()))
    }

    pub async fn read_workspace(&self, account: AccountId, id: WorkspaceId) -> Result<Option<Workspace>> {
        self.0.db.client().await?.opt(READ, &[&id, &account]).await
    }

    /// An account's workspaces by handle.
    pub async fn list_workspaces(
        &self,
        account: AccountId,
        filter: &WorkspaceFilter,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Workspace>> {
        let WorkspaceFilter { ids, handles, names, reached_by } = filter;
        self.0.db.client().await?.all(LIST, &[&account, ids, handles, names, reached_by, &limit, &offset]).await
    }

    /// Whether there was such a workspace.
    pub async fn update_workspace(
        &self,
        by: By,
        account: AccountId,
        id: WorkspaceId,
        patch: &WorkspacePatch,
    ) -> Result<bool> {
        let WorkspacePatch { handle, name, description, default_role, settings } = patch;
        let (set_role, role) = match default_role {
            Patch::Absent => (false, None),
            Patch::Set(role) => (true, *role),
        };
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        if let Some(role) = role {
            // Every member of the account will hold it here, whoever sets it among them.
            let giver = Giver::of(&tx, by, account).await?;
            giver.gives(Power::Workspace(id, roles::of_workspace_role(&tx, account, role).await?))?;
        }
        let params: [crate::pool::Param<'_>; 8] =
            [&id, &account, handle, name, description, &set_role, &role, settings];
        if tx.run(UPDATE, &params).await? == 0 {
            return Ok(false);
        }
        let workspace: Workspace = tx.one(READ, &[&id, &account]).await?;
        let detail = json!({ "handle": handle, "name": name, "description": description, "default_role_id": role });
        audit::write(&tx, by, of_workspace("prefect-cloud.workspace.updated", &workspace, &detail)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Hides a workspace and frees its handle. It can be restored until it is purged. Whether there was one.
    pub async fn delete_workspace(&self, by: By, account: AccountId, id: WorkspaceId) -> Result<bool> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        if tx.run(HIDE, &[&id, &account]).await? == 0 {
            return Ok(false);
        }
        let workspace: Workspace = tx.one(ANY, &[&id]).await?;
        audit::write(&tx, by, of_workspace("prefect-cloud.workspace.deleted", &workspace, &json!({}))).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Workspaces of one account or of all, the deleted ones among them if asked for: for the admin shell.
    pub async fn every_workspace(&self, account: Option<AccountId>, deleted: bool) -> Result<Vec<Workspace>> {
        self.0.db.client().await?.all(EVERY, &[&account, &deleted]).await
    }

    /// Any workspace, deleted or not: for the admin shell.
    pub async fn any_workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>> {
        self.0.db.client().await?.opt(ANY, &[&id]).await
    }

    /// Brings a deleted workspace back, under another handle if its own was given away. `None` if it is not there or not
    /// deleted.
    pub async fn restore_workspace(&self, by: By, id: WorkspaceId, handle: Option<&str>) -> Result<Option<Workspace>> {
        let mut client = self.0.db.client().await?;
        let tx = client.begin().await?;
        if tx.run(RESTORE, &[&id, &handle]).await? == 0 {
            return Ok(None);
        }
        let workspace: Workspace = tx.one(ANY, &[&id]).await?;
        let detail = json!({ "restored": true, "handle": workspace.handle });
        audit::write(&tx, by, of_workspace("prefect-cloud.workspace.updated", &workspace, &detail)).await?;
        tx.commit().await?;
        Ok(Some(workspace))
    }

    /// Drops a deleted workspace now, whatever its grace period. Whether it was there and deleted.
    pub async fn purge_workspace(&self, id: WorkspaceId) -> Result<bool> {
        match &self.0.provisioner {
            Some(provisioner) => provisioner.purge_one(id, Duration::ZERO).await,
            None => Err(Error::Unavailable("this program may not drop schemas".into())),
        }
    }
}

/// A workspace in a schema that stood ready, which stays a spare if the workspace does not come to be; `None` where none did.
async fn create(tx: Transaction<'_>, by: By, account: AccountId, new: &NewWorkspace<'_>) -> Result<Option<Workspace>> {
    let NewWorkspace { handle, name, description, placement } = new;
    let spare = tx.opt(TAKE, &[placement, WORKSPACE_SERVED.start(), WORKSPACE_SERVED.end()]).await?;
    let Some((schema, version)): Option<(String, i32)> = spare else { return Ok(None) };
    let id = WorkspaceId::new(Time::of_machine());
    let params: [crate::pool::Param<'_>; 8] = [&id, &account, handle, name, description, &schema, &version, placement];
    tx.run(CREATE, &params).await?;
    if let By::Actor(actor) = by {
        tx.run(OWN, &[&Uuid::now_v7(), &id, &account, &actor, &WorkspaceRole::Owner.id()]).await?;
    }
    let workspace: Workspace = tx.one(READ, &[&id, &account]).await?;
    let detail = json!({ "handle": handle, "name": name });
    audit::write(&tx, by, of_workspace("prefect-cloud.workspace.created", &workspace, &detail)).await?;
    tx.commit().await?;
    Ok(Some(workspace))
}

fn of_workspace<'a>(event: &'static str, workspace: &Workspace, detail: &'a serde_json::Value) -> Change<'a> {
    Change { event, account: Some(workspace.account), workspace: Some(workspace.id), resource: workspace.id.0, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<Workspace>(READ);
    }
}
