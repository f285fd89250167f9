//! Where workspaces live.

use std::collections::HashMap;

use domain::{AccountId, WorkspaceId};
use wire::RawObject;

use super::Control;
use crate::migrate;
use crate::pool::{FromRow, Pool};
use crate::scope::{Place, SchemaName};
use crate::{Error, Result};

/// The columns of a place.
pub(super) struct Row {
    pub workspace: WorkspaceId,
    pub schema: String,
    pub version: i32,
    pub placement: String,
}

crate::row! { Row: workspace "w.id", schema "w.schema_name", version "w.schema_version", placement "w.placement" }

/// The place of a row. A workspace whose schema is too old or too new for this program is [`Error::SchemaVersion`], one
/// whose database is not configured here is [`Error::Unavailable`]; both pass when the installation is put right.
pub(super) fn place(places: &HashMap<String, Pool>, row: &Row) -> Result<Place> {
    if !migrate::WORKSPACE_SERVED.contains(&row.version) {
        return Err(Error::SchemaVersion(row.version));
    }
    let pool = places.get(&row.placement);
    let pool = pool.ok_or_else(|| Error::Unavailable(format!("placement {:?} is not configured", row.placement)))?;
    let schema = SchemaName::from_column(&row.schema);
    let schema = schema.ok_or_else(|| Error::internal("a schema name in the control database is not one of ours"))?;
    Ok(Place { workspace: row.workspace, schema, version: row.version, pool: pool.clone() })
}

const ONE: &str = "select w.id, w.schema_name, w.schema_version, w.placement from control.workspace w
    where w.id = $1 and w.deleted_at is null";
const WITH_SETTINGS: &str =
    "select w.id, w.schema_name, w.schema_version, w.placement, w.settings from control.workspace w
    where w.id = $1 and w.deleted_at is null";
const ALL: &str = "select w.id, w.schema_name, w.schema_version, w.placement from control.workspace w
    where w.deleted_at is null order by w.id";
const WITH_DELETED: &str = "select w.id, w.schema_name, w.schema_version, w.placement from control.workspace w
    order by w.id";
const FIND: &str = "select a.id, w.id from control.account a join control.workspace w on w.account_id = a.id
    where a.handle = $1 and w.handle = $2 and w.deleted_at is null";

impl Control {
    /// Where a live workspace is, for background work and the admin shell.
    pub async fn place(&self, workspace: WorkspaceId) -> Result<Option<Place>> {
        let row: Option<Row> = self.0.db.client().await?.opt(ONE, &[&workspace]).await?;
        row.map(|row| place(&self.0.places, &row)).transpose()
    }

    /// The same, with the workspace's settings, for services that claimed it.
    pub async fn place_with_settings(&self, workspace: WorkspaceId) -> Result<Option<(Place, RawObject)>> {
        struct Found(Row, RawObject);
        impl FromRow for Found {
            fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
                Ok(Self(Row::from_row(row)?, row.try_get(4)?))
            }
        }
        let found: Option<Found> = self.0.db.client().await?.opt(WITH_SETTINGS, &[&workspace]).await?;
        found.map(|Found(row, settings)| Ok((place(&self.0.places, &row)?, settings))).transpose()
    }

    /// Every live workspace that this program can serve; the others are left out with a line in the log.
    pub async fn places(&self) -> Result<Vec<Place>> {
        let rows: Vec<Row> = self.0.db.client().await?.all(ALL, &[]).await?;
        let served = rows.iter().filter_map(|row| match place(&self.0.places, row) {
            Ok(place) => Some(place),
            Err(error) => {
                tracing::warn!(workspace = %row.workspace, %error, "workspace is not served here");
                None
            }
        });
        Ok(served.collect())
    }

    /// Every workspace, deleted ones that can be restored among them, with why it is not served here where it is not.
    pub async fn places_with_deleted(&self) -> Result<Vec<(WorkspaceId, Result<Place>)>> {
        let rows: Vec<Row> = self.0.db.client().await?.all(WITH_DELETED, &[]).await?;
        Ok(rows.iter().map(|row| (row.workspace, place(&self.0.places, row))).collect())
    }

    /// The ids of a live workspace by its address `account/workspace`, both as handles. Gives no right to it.
    pub async fn find_workspace(&self, address: &str) -> Result<Option<(AccountId, WorkspaceId)>> {
        let Some((account, workspace)) = address.split_once('/') else { return Ok(None) };
        self.0.db.client().await?.opt(FIND, &[&account, &workspace]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::reads;

    #[test]
    fn the_queries_select_what_the_rows_read() {
        reads::<Row>(ONE);
    }
}
