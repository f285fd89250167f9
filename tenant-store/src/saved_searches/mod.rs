//! Saved searches: all SQL of the resource.

use domain::SavedSearchId;
use domain::saved_searches::{SavedSearch, SavedSearchCreate};
use domain::stored::Stored;
use wire::Time;

use crate::sql::{Columns, Sql};
use crate::{Result, Tx, row, sort};

row! { SavedSearch: id "s.id", created "s.created", updated "s.updated", name "s.name", filters "s.filters" }

/// A row that was inserted has no older version (`xmax`).
const SAVE: &str = "insert into saved_search as s (id, name, filters) values ($1, $2, $3) \
    on conflict (name) do update set filters = excluded.filters, updated = now() \
    returning s.id, s.created, s.updated, s.name, s.filters, s.xmax = 0";
const READ: &str = "select s.id, s.created, s.updated, s.name, s.filters from saved_search s where s.id = $1";
const DELETE: &str = "delete from saved_search where id = $1";

sort! {
    /// Orders of saved searches.
    SavedSearchSort default NameAsc {
        NameDesc => "s.name desc",
        NameAsc => "s.name",
    }
}

struct Saved {
    search: SavedSearch,
    fresh: bool,
}

impl crate::pool::FromRow for Saved {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { search: SavedSearch::from_row(row)?, fresh: row.try_get(5)? })
    }
}

/// The search of that name with these criteria, and whether it is new.
pub async fn save(tx: Tx<'_>, new: &SavedSearchCreate) -> Result<(SavedSearch, bool)> {
    let SavedSearchCreate { name, filters } = new;
    let id = SavedSearchId::new(Time::of_machine());
    let Saved { search, fresh } = tx.last_one(SAVE, &[&id, name, &Stored::of(filters)]).await?;
    Ok((search, fresh))
}

pub async fn read(tx: &mut Tx<'_>, id: SavedSearchId) -> Result<Option<SavedSearch>> {
    tx.opt(READ, &[&id]).await
}

/// Whether there was such a search.
pub async fn delete(tx: Tx<'_>, id: SavedSearchId) -> Result<bool> {
    Ok(tx.last_run(DELETE, &[&id]).await? == 1)
}

pub async fn list(tx: &mut Tx<'_>, sort: SavedSearchSort, limit: i64, offset: i64) -> Result<Vec<SavedSearch>> {
    tx.all_of(&page(sort, limit, offset)).await
}

pub(crate) fn page(sort: SavedSearchSort, limit: i64, offset: i64) -> Sql<'static> {
    let mut sql = Sql::new("select ");
    sql.push(SavedSearch::COLUMNS).push(" from saved_search s where true").page(sort.sql(), limit, offset);
    sql
}
