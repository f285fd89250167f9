//! The schema `cell` of each database that holds workspaces: what services share there, and what the serving login may do
//! with it.

use super::files;
use super::owner::{Owners, quoted};
use super::schema::LOCK_TIMEOUT;
use crate::{Error, Result};

/// One migration of a cell at a time ("cell" in ASCII).
const LOCK: i64 = 0x6365_6c6c;

/// Makes or completes the schema in every database. Its files can all run again, so there is no version to remember.
pub async fn migrate_cells(owners: &Owners) -> Result<()> {
    for placement in owners.places.keys() {
        let mut client = owners.place(placement).await?;
        let tx = client.transaction().await?;
        tx.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        tx.batch_execute(&format!("SET LOCAL lock_timeout TO {LOCK_TIMEOUT}")).await?;
        for file in files::CELL {
            tx.batch_execute(file.sql)
                .await
                .map_err(|e| Error::internal(format!("{}: {}", file.name, Error::from(e))))?;
        }
        let owner: String = tx.query_one("select current_user::text", &[]).await?.try_get(0)?;
        if owner != owners.serving_role {
            let role = quoted(&owners.serving_role);
            let grants = format!(
                "GRANT USAGE ON SCHEMA cell TO {role};
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cell TO {role}"
            );
            tx.batch_execute(&grants).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}
