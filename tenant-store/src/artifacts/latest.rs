//! The latest artifact of each key.

use std::sync::LazyLock;

use domain::artifacts::ArtifactCollection;

use super::{ArtifactCollectionFilter, ArtifactCollectionSort};
use crate::relations::Filters;
use crate::sql::{Columns, Sql};
use crate::{Result, Tx, row};

row! { ArtifactCollection: id "l.id", created "l.created", updated "l.updated", key "l.key", latest_id "l.latest_id",
type_ "a.type", description "a.description", data "a.data", metadata_ "a.metadata_", flow_run_id "a.flow_run_id",
task_run_id "a.task_run_id" }

static READ: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {} from artifact_latest l join artifact a on a.id = l.latest_id where l.key = $1",
        ArtifactCollection::COLUMNS
    )
});

/// A key with its latest artifact.
pub async fn latest_of(tx: &mut Tx<'_>, key: &str) -> Result<Option<ArtifactCollection>> {
    tx.opt(READ.as_str(), &[&key]).await
}

pub async fn list_latest(
    tx: &mut Tx<'_>,
    filter: Option<&ArtifactCollectionFilter>,
    related: &Filters,
    sort: ArtifactCollectionSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<ArtifactCollection>> {
    tx.all_of(&page_latest(filter, related, sort, limit, offset)).await
}

pub async fn count_latest(
    tx: &mut Tx<'_>,
    filter: Option<&ArtifactCollectionFilter>,
    related: &Filters,
) -> Result<i64> {
    let (count,) = tx.one_of(&counting_latest(filter, related)).await?;
    Ok(count)
}

pub(crate) fn page_latest<'a>(
    filter: Option<&'a ArtifactCollectionFilter>,
    related: &'a Filters,
    sort: ArtifactCollectionSort,
    limit: i64,
    offset: i64,
) -> Sql<'a> {
    let mut sql = Sql::new("select ");
    sql.push(ArtifactCollection::COLUMNS);
    sql.push(" from artifact_latest l join artifact a on a.id = l.latest_id where true").and(filter);
    related.of_artifacts(&mut sql);
    sql.page(sort.sql(), limit, offset);
    sql
}

pub(crate) fn counting_latest<'a>(filter: Option<&'a ArtifactCollectionFilter>, related: &'a Filters) -> Sql<'a> {
    let mut sql = Sql::new("select count(*) from artifact_latest l join artifact a on a.id = l.latest_id where true");
    sql.and(filter);
    related.of_artifacts(&mut sql);
    sql
}
