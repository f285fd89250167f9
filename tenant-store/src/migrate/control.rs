//! The control schema: its files, the rows of the built-in roles, and what the serving login may do there.

use domain::access::{AccountRole, WorkspaceRole};
use tokio_postgres::{Client, Transaction};

use super::files;
use super::owner::{Owners, quoted};
use super::schema::LOCK_TIMEOUT;
use crate::{Error, Result};

/// One migration of the control schema at a time ("prefecture" in ASCII, its first eight letters).
const LOCK: i64 = 0x7072_6566_6563_7475;

/// Brings the control schema to this program's version. Answers with the names of the files it ran.
pub async fn migrate_control(owners: &Owners) -> Result<Vec<&'static str>> {
    let mut client = owners.control().await?;
    let mut ran = Vec::new();
    for file in files::CONTROL {
        let tx = begin(&mut client).await?;
        if version(&tx).await? >= file.number {
            continue;
        }
        tx.batch_execute(file.sql).await.map_err(|e| Error::internal(format!("{}: {}", file.name, Error::from(e))))?;
        let sql = "insert into control.meta (schema_version) values ($1)
            on conflict (one) do update set schema_version = excluded.schema_version";
        tx.execute(sql, &[&file.number]).await?;
        tx.commit().await?;
        ran.push(file.name);
    }
    let tx = begin(&mut client).await?;
    if version(&tx).await? <= super::CONTROL_VERSION {
        built_in_roles(&tx).await?;
    }
    grants(&tx, &owners.serving_role).await?;
    tx.commit().await?;
    Ok(ran)
}

async fn begin(client: &mut Client) -> Result<Transaction<'_>> {
    let tx = client.transaction().await?;
    tx.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    tx.batch_execute(&format!("SET LOCAL lock_timeout TO {LOCK_TIMEOUT}")).await?;
    Ok(tx)
}

/// 0 when there is no control schema.
async fn version(tx: &Transaction<'_>) -> Result<i32> {
    let there: bool = tx.query_one("select to_regclass('control.meta') is not null", &[]).await?.try_get(0)?;
    if !there {
        return Ok(0);
    }
    let row = tx.query_opt("select schema_version from control.meta", &[]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}

/// The program is the source of what its built-in roles allow; the rows are there to be joined.
async fn built_in_roles(tx: &Transaction<'_>) -> Result<()> {
    let sql = "insert into control.workspace_role (id, name, description, scopes) values ($1, $2, $3, $4)
        on conflict (id) do update set name = excluded.name, description = excluded.description,
            scopes = excluded.scopes, updated = clock_timestamp()
        where (workspace_role.name, workspace_role.description, workspace_role.scopes)
            is distinct from (excluded.name, excluded.description, excluded.scopes)";
    for role in WorkspaceRole::ALL {
        let scopes: Vec<&str> = role.scopes().iter().map(|scope| scope.as_str()).collect();
        tx.execute(sql, &[&role.id(), &role.name(), &role.description(), &scopes]).await?;
    }
    let sql = "insert into control.account_role (id, name, permissions) values ($1, $2, $3)
        on conflict (id) do update set name = excluded.name, permissions = excluded.permissions,
            updated = clock_timestamp()
        where (account_role.name, account_role.permissions) is distinct from (excluded.name, excluded.permissions)";
    for role in AccountRole::ALL {
        let permissions: Vec<&str> = role.permissions().iter().map(|permission| permission.as_str()).collect();
        tx.execute(sql, &[&role.id(), &role.name(), &permissions]).await?;
    }
    Ok(())
}

/// The serving login works with the rows, cannot change the schema, and can only add to the audit log.
async fn grants(tx: &Transaction<'_>, serving: &str) -> Result<()> {
    let role = quoted(serving);
    let sql = format!(
        "GRANT USAGE ON SCHEMA control TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA control TO {role};
         REVOKE INSERT, UPDATE, DELETE ON control.meta FROM {role};
         REVOKE UPDATE, DELETE ON control.audit FROM {role}"
    );
    let owner: String = tx.query_one("select current_user::text", &[]).await?.try_get(0)?;
    if owner == serving {
        // One login for everything: it owns the tables, and taking its own rights away would only mislead.
        return Ok(());
    }
    Ok(tx.batch_execute(&sql).await?)
}
