//! One workspace's schema: made, brought up, opened to those who work in it, dropped.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use super::files::{self, File};
use super::owner::{Owners, quoted, server_version};
use crate::scope::SchemaName;
use crate::{Error, Result, block_types};

/// Longest wait for a lock, in milliseconds: whoever queues for one also stops those who come after.
pub(super) const LOCK_TIMEOUT: u32 = 2_000;
/// Attempts at a file whose locks were taken, and the pause after the first, doubled each time.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// `GRANT … WITH INHERIT FALSE` is from here on.
const POSTGRES_16: i32 = 160_000;

/// Makes a schema of this program's version, complete with its role and rights, in one transaction.
pub(super) async fn create(client: &mut Client, owners: &Owners, schema: &SchemaName) -> Result<()> {
    let version = server_version(client).await?;
    let name = schema.as_str();
    let mut sql = format!("{};CREATE SCHEMA {name};SET LOCAL search_path TO {name};\n", role(owners, schema, version));
    for File { sql: file, .. } in files::WORKSPACE {
        sql.push_str(file);
        sql.push_str("\n;\n");
    }
    let tx = client.transaction().await?;
    tx.batch_execute(&sql).await?;
    block_types::install(&tx).await?;
    set_version(&tx, schema, super::WORKSPACE_VERSION).await?;
    tx.batch_execute(&rights(owners, schema)).await?;
    Ok(tx.commit().await?)
}

/// Brings a schema to this program's version. Answers with its version before and after.
pub(super) async fn bring_up(client: &mut Client, owners: &Owners, schema: &SchemaName) -> Result<(i32, i32)> {
    let before = version(client, schema).await?;
    let mut now = before;
    for file in files::WORKSPACE.iter().filter(|file| file.number > before) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            match run(client, owners, schema, file).await {
                Ok(()) => break,
                Err(error) if attempt < ATTEMPTS && error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return Err(Error::internal(format!("{}: {}", file.name, Error::from(error)))),
            }
        }
        now = file.number;
    }
    Ok((before, now))
}

/// One file and the version after it. Somebody who ran it meanwhile is found by the version under the lock.
async fn run(
    client: &mut Client,
    owners: &Owners,
    schema: &SchemaName,
    file: &File,
) -> Result<(), tokio_postgres::Error> {
    let name = schema.as_str();
    let tx = client.transaction().await?;
    tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", &[&name]).await?;
    tx.batch_execute(&format!("SET LOCAL lock_timeout TO {LOCK_TIMEOUT};SET LOCAL search_path TO {name}")).await?;
    if read_version(&tx, schema).await? >= file.number {
        return Ok(());
    }
    tx.batch_execute(file.sql).await?;
    if file.number == super::WORKSPACE_VERSION {
        block_types::install(&tx).await?;
    }
    set_version(&tx, schema, file.number).await?;
    tx.batch_execute(&rights(owners, schema)).await?;
    tx.commit().await
}

/// What a schema says of itself; 0 when it says nothing.
pub(super) async fn version(client: &mut Client, schema: &SchemaName) -> Result<i32> {
    let tx = client.transaction().await?;
    Ok(read_version(&tx, schema).await?)
}

async fn read_version(tx: &Transaction<'_>, schema: &SchemaName) -> Result<i32, tokio_postgres::Error> {
    let table = format!("{}.workspace_meta", schema.as_str());
    let there: bool = tx.query_one("select to_regclass($1) is not null", &[&table]).await?.try_get(0)?;
    if !there {
        return Ok(0);
    }
    let row = tx.query_opt(&format!("select schema_version from {table}"), &[]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}

async fn set_version(tx: &Transaction<'_>, schema: &SchemaName, version: i32) -> Result<(), tokio_postgres::Error> {
    let table = format!("{}.workspace_meta", schema.as_str());
    let updated = tx.execute(&format!("update {table} set schema_version = $1"), &[&version]).await?;
    if updated == 0 {
        tx.execute(&format!("insert into {table} (schema_version) values ($1)"), &[&version]).await?;
    }
    Ok(())
}

/// The schema's own role, into which the serving login can step and of which it inherits nothing.
fn role(owners: &Owners, schema: &SchemaName, server: i32) -> String {
    if !owners.tenant_roles {
        return String::new();
    }
    let (name, serving) = (schema.as_str(), quoted(&owners.serving_role));
    let how = if server >= POSTGRES_16 { " WITH INHERIT FALSE, SET TRUE" } else { "" };
    format!("CREATE ROLE {name} NOLOGIN NOINHERIT;GRANT {name} TO {serving}{how}")
}

/// Work on the rows, for the schema's role; without roles, for the serving login itself.
fn rights(owners: &Owners, schema: &SchemaName) -> String {
    let name = schema.as_str();
    let to = if owners.tenant_roles { name.to_owned() } else { quoted(&owners.serving_role) };
    format!(
        "GRANT USAGE ON SCHEMA {name} TO {to};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {to};
         GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {name} TO {to}"
    )
}

/// Drops a schema with everything in it, and its role. Nothing to drop is fine.
pub(super) async fn drop(client: &mut Client, schema: &SchemaName) -> Result<()> {
    let name = schema.as_str();
    let tx = client.transaction().await?;
    let sql = format!(
        "SET LOCAL lock_timeout TO {LOCK_TIMEOUT};DROP SCHEMA IF EXISTS {name} CASCADE;DROP ROLE IF EXISTS {name}"
    );
    tx.batch_execute(&sql).await?;
    Ok(tx.commit().await?)
}
