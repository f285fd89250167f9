//! Artifacts: all SQL of the resource. What may be asked of them is in [`filter`], what goes with a run in [`delete`].
//!
//! `artifact_latest` has a row for each key, which says which artifact of it is the latest: the one that was created last.
//! A create writes it with the artifact, and creates of one key wait for each other at that row.

mod delete;
mod filter;
mod latest;

use std::sync::LazyLock;

use domain::ArtifactCollectionId;
use domain::ArtifactId;
use domain::artifacts::{Artifact, ArtifactCollection, ArtifactCreate, ArtifactUpdate};
use domain::events::lifecycle::{self, Action};
use tokio_postgres::Row;
use wire::Time;

use crate::pool::FromRow;
use crate::relations::Filters;
use crate::sql::{Columns, Sql};
use crate::{Result, Tx, row};

pub use delete::{Gone, delete, delete_with};
pub use filter::{ArtifactCollectionFilter, ArtifactCollectionSort, ArtifactFilter, ArtifactSort};
pub use latest::{count_latest, latest_of, list_latest};
#[cfg(test)]
pub(crate) use latest::{counting_latest, page_latest};

row! { Artifact: id "a.id", created "a.created", updated "a.updated", key "a.key", type_ "a.type",
description "a.description", data "a.data", metadata_ "a.metadata_", flow_run_id "a.flow_run_id",
task_run_id "a.task_run_id" }

static CREATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "with made as (insert into artifact (id, key, type, description, data, metadata_, flow_run_id, task_run_id) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) \
         returning id, created, updated, key, type, description, data, metadata_, flow_run_id, task_run_id), \
         latest as (insert into artifact_latest (key, id, latest_id) select m.key, $9, m.id from made m where m.key is not null \
         on conflict (key) do update set latest_id = excluded.latest_id, updated = now() \
         returning id, created, updated, key, latest_id, xmax = 0 as fresh) \
         select {}, l.id, l.created, l.updated, l.key, l.latest_id, l.fresh from made a left join latest l on true",
        Artifact::COLUMNS
    )
});
static READ: LazyLock<String> =
    LazyLock::new(|| format!("select {} from artifact a where a.id = $1", Artifact::COLUMNS));

/// The key's row before the artifact's, as deletes take them: asking whether it is there takes it first.
const UPDATE: &str = "with held as (update artifact_latest set updated = now() where latest_id = $1 returning key) \
    update artifact set data = case when $2 then $3 else data end, \
    description = case when $4 then $5 else description end, \
    metadata_ = case when $6 then $7 else metadata_ end, updated = now() \
    where id = $1 and (select count(*) from held) >= 0";

/// A new artifact, and its key if it has one.
struct Made {
    artifact: Artifact,
    key: Option<(Action, ArtifactCollection)>,
}

impl FromRow for Made {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let artifact = Artifact::from_row(row)?;
        let Some(id) = row.try_get(10)? else { return Ok(Self { artifact, key: None }) };
        let Artifact { type_, description, data, metadata_, flow_run_id, task_run_id, .. } = artifact.clone();
        let (created, updated, key, latest_id) =
            (row.try_get(11)?, row.try_get(12)?, row.try_get(13)?, row.try_get(14)?);
        // A row that was inserted has no older version (`xmax`).
        let action = if row.try_get(15)? { Action::Created } else { Action::Updated };
        let collection = ArtifactCollection {
            id,
            created,
            updated,
            key,
            latest_id,
            type_,
            description,
            data,
            metadata_,
            flow_run_id,
            task_run_id,
        };
        Ok(Self { artifact, key: Some((action, collection)) })
    }
}

pub async fn create(mut tx: Tx<'_>, new: &ArtifactCreate) -> Result<Artifact> {
    let ArtifactCreate { key, type_, description, data, metadata_, flow_run_id, task_run_id } = new;
    let now = Time::of_machine();
    let (id, of_key) = (ArtifactId::new(now), ArtifactCollectionId::new(now));
    let params: [crate::pool::Param<'_>; 9] =
        [&id, key, type_, description, data, metadata_, flow_run_id, task_run_id, &of_key];
    // Without a key there is nothing to tell, and the commit goes along.
    let Made { artifact, key } = match key {
        None => return Ok(tx.last_one::<Made>(CREATE.as_str(), &params).await?.artifact),
        Some(_) => tx.one(CREATE.as_str(), &params).await?,
    };
    if let Some((action, collection)) = &key {
        tx.tell(lifecycle::artifact_collection(*action, collection));
    }
    tx.commit().await?;
    Ok(artifact)
}

pub async fn read(tx: &mut Tx<'_>, id: ArtifactId) -> Result<Option<Artifact>> {
    tx.opt(READ.as_str(), &[&id]).await
}

/// Whether there was such an artifact.
pub async fn update(tx: Tx<'_>, id: ArtifactId, change: &ArtifactUpdate) -> Result<bool> {
    let ArtifactUpdate { data, description, metadata_ } = change;
    let params: [crate::pool::Param<'_>; 7] = [
        &id,
        &data.is_set(),
        &data.value().and_then(Option::as_ref),
        &description.is_set(),
        &description.value().and_then(Option::as_ref),
        &metadata_.is_set(),
        &metadata_.value().and_then(Option::as_ref),
    ];
    Ok(tx.last_run(UPDATE, &params).await? == 1)
}

pub async fn list(
    tx: &mut Tx<'_>,
    filter: Option<&ArtifactFilter>,
    related: &Filters,
    sort: ArtifactSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<Artifact>> {
    tx.all_of(&page(filter, related, sort, limit, offset)).await
}

pub async fn count(tx: &mut Tx<'_>, filter: Option<&ArtifactFilter>, related: &Filters) -> Result<i64> {
    let (count,) = tx.one_of(&counting(filter, related)).await?;
    Ok(count)
}

pub(crate) fn page<'a>(
    filter: Option<&'a ArtifactFilter>,
    related: &'a Filters,
    sort: ArtifactSort,
    limit: i64,
    offset: i64,
) -> Sql<'a> {
    let mut sql = Sql::new("select ");
    sql.push(Artifact::COLUMNS).push(" from artifact a where true").and(filter);
    related.of_artifacts(&mut sql);
    sql.page(sort.sql(), limit, offset);
    sql
}

pub(crate) fn counting<'a>(filter: Option<&'a ArtifactFilter>, related: &'a Filters) -> Sql<'a> {
    let mut sql = Sql::new("select count(*) from artifact a where true");
    sql.and(filter);
    related.of_artifacts(&mut sql);
    sql
}
