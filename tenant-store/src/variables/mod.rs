//! Variables: all SQL of the resource. What may be asked of them is in [`filter`].

mod filter;

use std::collections::HashMap;

use domain::VariableId;
use domain::events::lifecycle::{self, Action};
use domain::variables::{Variable, VariableCreate, VariableReplace, VariableUpdate};
use wire::{RawJson, Time};

use crate::sql::{Columns, Sql};
use crate::{Result, Tx, row};

pub use filter::{VariableFilter, VariableSort};

row! { Variable: id "v.id", created "v.created", updated "v.updated", name "v.name", value "v.value", tags "v.tags" }

macro_rules! changes {
    () => {
        "update variable v set name = case when $2 then $3 else v.name end, value = case when $4 then $5 else v.value end, \
         tags = case when $6 then $7 else v.tags end, updated = now() where "
    };
}

macro_rules! returning {
    () => {
        " returning v.id, v.created, v.updated, v.name, v.value, v.tags"
    };
}

const CREATE: &str = "insert into variable as v (id, name, value, tags) values ($1, $2, $3, $4) \
    on conflict (name) do nothing returning v.id, v.created, v.updated, v.name, v.value, v.tags";
/// A row that was inserted has no older version (`xmax`).
const REPLACE: &str = "insert into variable as v (id, name, value, tags) values ($1, $2, $3, $4) \
    on conflict (name) do update set value = excluded.value, tags = excluded.tags, updated = now() \
    returning v.id, v.created, v.updated, v.name, v.value, v.tags, v.xmax = 0";
const READ: &str = "select v.id, v.created, v.updated, v.name, v.value, v.tags from variable v where v.id = $1";
const BY_NAME: &str = "select v.id, v.created, v.updated, v.name, v.value, v.tags from variable v where v.name = $1";
const UPDATE: &str = concat!(changes!(), "v.id = $1", returning!());
const UPDATE_BY_NAME: &str = concat!(changes!(), "v.name = $1", returning!());
const DELETE: &str = concat!("delete from variable v where v.id = $1", returning!());
const DELETE_BY_NAME: &str = concat!("delete from variable v where v.name = $1", returning!());

const VALUES: &str = "select v.name, v.value from variable v where v.name = any($1)";

/// Which variable is meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    Id(VariableId),
    Name(&'a str),
}

struct Replaced {
    variable: Variable,
    fresh: bool,
}

impl crate::pool::FromRow for Replaced {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { variable: Variable::from_row(row)?, fresh: row.try_get(6)? })
    }
}

/// `None` when there is one of that name.
pub async fn create(mut tx: Tx<'_>, new: &VariableCreate) -> Result<Option<Variable>> {
    let VariableCreate { name, value, tags } = new;
    let made = tx.opt(CREATE, &[&VariableId::new(Time::of_machine()), name, value, tags]).await?;
    tell(tx, Action::Created, made).await
}

/// Commits what became of a variable, and tells of it.
async fn tell(mut tx: Tx<'_>, action: Action, variable: Option<Variable>) -> Result<Option<Variable>> {
    if let Some(variable) = &variable {
        tx.tell(lifecycle::variable(action, variable));
    }
    tx.commit().await?;
    Ok(variable)
}

/// The variable of that name as it is to be, and whether it is new.
pub async fn replace(mut tx: Tx<'_>, name: &str, new: &VariableReplace) -> Result<(Variable, bool)> {
    let VariableReplace { value, tags } = new;
    let replaced = tx.one(REPLACE, &[&VariableId::new(Time::of_machine()), &name, value, tags]).await?;
    let Replaced { variable, fresh } = replaced;
    tx.tell(lifecycle::variable(if fresh { Action::Created } else { Action::Updated }, &variable));
    tx.commit().await?;
    Ok((variable, fresh))
}

pub async fn read(tx: &mut Tx<'_>, which: Which<'_>) -> Result<Option<Variable>> {
    match which {
        Which::Id(id) => tx.opt(READ, &[&id]).await,
        Which::Name(name) => tx.opt(BY_NAME, &[&name]).await,
    }
}

/// Whether there was such a variable. A name that another one has is a conflict, and so is a null that has no place.
pub async fn update(mut tx: Tx<'_>, which: Which<'_>, change: &VariableUpdate) -> Result<bool> {
    let VariableUpdate { name, value, tags } = change;
    let (new_name, new_tags) = (name.value().and_then(Option::as_ref), tags.value().and_then(Option::as_ref));
    let (text, key): (&'static str, crate::pool::Param<'_>) = match &which {
        Which::Id(id) => (UPDATE, id),
        Which::Name(name) => (UPDATE_BY_NAME, name),
    };
    let params = [key, &name.is_set(), &new_name, &value.is_set(), &value.value(), &tags.is_set(), &new_tags];
    let changed = tx.opt(text, &params).await?;
    Ok(tell(tx, Action::Updated, changed).await?.is_some())
}

/// Whether there was such a variable.
pub async fn delete(mut tx: Tx<'_>, which: Which<'_>) -> Result<bool> {
    let gone = match which {
        Which::Id(id) => tx.opt(DELETE, &[&id]).await?,
        Which::Name(name) => tx.opt(DELETE_BY_NAME, &[&name]).await?,
    };
    Ok(tell(tx, Action::Deleted, gone).await?.is_some())
}

pub async fn list(
    tx: &mut Tx<'_>,
    filter: Option<&VariableFilter>,
    sort: VariableSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<Variable>> {
    tx.all_of(&page(filter, sort, limit, offset)).await
}

pub async fn count(tx: &mut Tx<'_>, filter: Option<&VariableFilter>) -> Result<i64> {
    let (count,) = tx.one_of(&counting(filter)).await?;
    Ok(count)
}

/// Those of some names, for parameters that ask for them.
pub async fn values(tx: &mut Tx<'_>, names: &[String]) -> Result<HashMap<String, serde_json::Value>> {
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let all: Vec<(String, RawJson)> = tx.all(VALUES, &[&names]).await?;
    Ok(all.into_iter().map(|(name, value)| (name, value.to_value())).collect())
}

pub(crate) fn page(filter: Option<&VariableFilter>, sort: VariableSort, limit: i64, offset: i64) -> Sql<'_> {
    let mut sql = Sql::new("select ");
    sql.push(Variable::COLUMNS).push(" from variable v where true");
    sql.and(filter).page(sort.sql(), limit, offset);
    sql
}

pub(crate) fn counting(filter: Option<&VariableFilter>) -> Sql<'_> {
    let mut sql = Sql::new("select count(*) from variable v where true");
    sql.and(filter);
    sql
}
