//! Schemas ahead of the workspaces that will take them, and after the workspaces that left them.

use std::sync::Arc;
use std::time::Duration;

use domain::WorkspaceId;
use tokio::sync::Notify;
use uuid::Uuid;

use super::owner::Owners;
use super::{WORKSPACE_VERSION, schema};
use crate::scope::SchemaName;
use crate::{Error, Result};

/// One replica fills up at a time ("spare" in ASCII).
const REFILL_LOCK: i64 = 0x73_7061_7265;
/// A schema that is still being made after this was left behind by a program that was killed.
const ABANDONED: &str = "10 minutes";
/// How often `run` looks for what is due when nobody asks.
const ROUND: Duration = Duration::from_secs(60);

/// Makes and drops schemas with the owner's login. Cheap to clone.
#[derive(Clone)]
pub struct Provisioner(Arc<Inner>);

struct Inner {
    owners: Owners,
    spares: usize,
    wanted: Notify,
}

impl std::fmt::Debug for Provisioner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provisioner").field("spares", &self.0.spares).finish_non_exhaustive()
    }
}

impl Provisioner {
    /// `spares`: how many schemas stand ready in each placement.
    pub fn new(owners: Owners, spares: usize) -> Self {
        Self(Arc::new(Inner { owners, spares, wanted: Notify::new() }))
    }

    /// Keeps spares ready and drops workspaces whose grace period is over, until the future is dropped. What fails is
    /// logged and tried again in the next round.
    pub async fn run(&self, grace: Duration) {
        loop {
            if let Err(error) = self.refill().await {
                tracing::warn!(%error, "spare schemas could not be made");
            }
            if let Err(error) = self.purge(grace).await {
                tracing::warn!(%error, "deleted workspaces could not be dropped");
            }
            // Either way there is another round to do.
            let _ = tokio::time::timeout(ROUND, self.0.wanted.notified()).await;
        }
    }

    /// A spare was taken.
    pub(crate) fn refill_soon(&self) {
        self.0.wanted.notify_one();
    }

    /// Makes as many spares as are missing in each placement. Answers with how many it made.
    pub async fn refill(&self) -> Result<usize> {
        let Inner { owners, spares, .. } = &*self.0;
        let control = owners.control().await?;
        let mine: bool = control.query_one("select pg_try_advisory_lock($1)", &[&REFILL_LOCK]).await?.try_get(0)?;
        if !mine {
            return Ok(0);
        }
        self.drop_abandoned(&control).await?;
        let mut made = 0;
        for placement in owners.places.keys() {
            let sql = "select count(*) from control.spare where placement = $1 and schema_version >= $2";
            let ready: i64 = control.query_one(sql, &[placement, &WORKSPACE_VERSION]).await?.try_get(0)?;
            for _ in usize::try_from(ready).unwrap_or(0)..*spares {
                self.make(placement).await?;
                made += 1;
            }
        }
        // The lock goes with the connection.
        Ok(made)
    }

    /// Makes one spare schema of this program's version in a placement.
    pub(crate) async fn make(&self, placement: &str) -> Result<()> {
        let owners = &self.0.owners;
        let schema = SchemaName::random();
        let control = owners.control().await?;
        // Entered before it exists, so that a program killed in between leaves a trace to clean up.
        let sql = "insert into control.spare (schema_name, placement, schema_version) values ($1, $2, 0)";
        control.execute(sql, &[&schema.as_str(), &placement]).await?;
        schema::create(&mut owners.place(placement).await?, owners, &schema).await?;
        let sql = "update control.spare set schema_version = $2 where schema_name = $1";
        control.execute(sql, &[&schema.as_str(), &WORKSPACE_VERSION]).await?;
        Ok(())
    }

    async fn drop_abandoned(&self, control: &tokio_postgres::Client) -> Result<()> {
        let sql = "select schema_name, placement from control.spare
            where schema_version = 0 and created < clock_timestamp() - $1::text::interval";
        for row in control.query(sql, &[&ABANDONED]).await? {
            let (name, placement): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let schema =
                SchemaName::from_column(&name).ok_or_else(|| Error::internal(format!("schema name {name:?}")))?;
            schema::drop(&mut self.0.owners.place(&placement).await?, &schema).await?;
            control.execute("delete from control.spare where schema_name = $1", &[&name]).await?;
        }
        Ok(())
    }

    /// Drops every workspace that was deleted longer ago than `grace`. Answers with how many.
    pub async fn purge(&self, grace: Duration) -> Result<usize> {
        let control = self.0.owners.control().await?;
        let sql = "select id from control.workspace
            where deleted_at <= clock_timestamp() - $1 * interval '1 second' order by deleted_at";
        let mut purged = 0;
        for row in control.query(sql, &[&grace.as_secs_f64()]).await? {
            purged += usize::from(self.purge_one(row.try_get(0)?, grace).await?);
        }
        Ok(purged)
    }

    /// Drops one workspace if it was deleted longer ago than `grace`. Whether it was.
    pub async fn purge_one(&self, id: WorkspaceId, grace: Duration) -> Result<bool> {
        let owners = &self.0.owners;
        let mut control = owners.control().await?;
        let tx = control.transaction().await?;
        // A restore at the same time waits for the row and then finds none; or was first, and there is nothing to drop.
        let sql = "select schema_name, placement, account_id from control.workspace
            where id = $1 and deleted_at <= clock_timestamp() - $2 * interval '1 second' for update skip locked";
        let Some(row) = tx.query_opt(sql, &[&id, &grace.as_secs_f64()]).await? else { return Ok(false) };
        let (name, placement, account): (String, String, Uuid) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let schema = SchemaName::from_column(&name).ok_or_else(|| Error::internal(format!("schema name {name:?}")))?;
        schema::drop(&mut owners.place(&placement).await?, &schema).await?;
        tx.execute("delete from control.workspace where id = $1", &[&id]).await?;
        let sql = "insert into control.audit (id, account_id, workspace_id, event, resource_id, detail)
            values ($1, $2, $3, 'prefect-cloud.workspace.deleted', $3, '{\"purged\": true}')";
        tx.execute(sql, &[&Uuid::now_v7(), &account, &id]).await?;
        tx.commit().await?;
        tracing::info!(workspace = %id, "workspace dropped");
        Ok(true)
    }
}
