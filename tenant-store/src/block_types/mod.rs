//! Block types: all SQL of the resource. What may be asked of them is in [`filter`], those that every workspace has are in
//! [`system`].

mod filter;
mod system;

use domain::BlockTypeId;
use domain::block_types::{BlockType, BlockTypeCreate, BlockTypeUpdate};
use domain::events::lifecycle::{self, Action};
use wire::Time;

use crate::block_schemas::BlockSchemaFilter;
use crate::sql::Sql;
use crate::{Result, Tx};

pub use filter::{BlockTypeFilter, BlockTypeSort};
pub(crate) use system::install;
pub use system::{SYSTEM, install_protected};

/// The select list of a type (`t`), for statements that show types beside what is of them.
macro_rules! block_type_columns {
    () => {
        "t.id, t.created, t.updated, t.name, t.slug, t.logo_url, t.documentation_url, t.description, t.code_example, \
         t.is_protected"
    };
}
pub(crate) use block_type_columns;

impl crate::sql::Columns for BlockType {
    const COLUMNS: &'static str = block_type_columns!();
}

impl crate::pool::FromRow for BlockType {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        at(row, 0)
    }
}

/// Columns of [`at`].
pub(crate) const WIDTH: usize = 10;

/// Reads a type from the columns that begin at `first`.
pub(crate) fn at(row: &tokio_postgres::Row, first: usize) -> Result<BlockType, tokio_postgres::Error> {
    Ok(BlockType {
        id: row.try_get(first)?,
        created: row.try_get(first + 1)?,
        updated: row.try_get(first + 2)?,
        name: row.try_get(first + 3)?,
        slug: row.try_get(first + 4)?,
        logo_url: row.try_get(first + 5)?,
        documentation_url: row.try_get(first + 6)?,
        description: row.try_get(first + 7)?,
        code_example: row.try_get(first + 8)?,
        is_protected: row.try_get(first + 9)?,
    })
}

const CREATE: &str = concat!(
    "insert into block_type as t (id, name, slug, logo_url, documentation_url, description, code_example) \
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (slug) do nothing returning ",
    block_type_columns!()
);
const READ: &str = concat!("select ", block_type_columns!(), " from block_type t where t.id = $1");
const BY_SLUG: &str = concat!("select ", block_type_columns!(), " from block_type t where t.slug = $1");
const READ_TO_WRITE: &str =
    concat!("select ", block_type_columns!(), " from block_type t where t.id = $1 for no key update of t");
const UPDATE: &str = concat!(
    "update block_type t set logo_url = case when $2 then $3 else t.logo_url end, \
     documentation_url = case when $4 then $5 else t.documentation_url end, \
     description = case when $6 then $7 else t.description end, \
     code_example = case when $8 then $9 else t.code_example end, updated = now() where t.id = $1 returning ",
    block_type_columns!()
);
/// Waits for whoever makes a block of it.
const READ_TO_DELETE: &str =
    concat!("select ", block_type_columns!(), " from block_type t where t.id = $1 for update of t");
/// With its schemas, its documents and those of its schemas, what holds them, and the setting that names one of them.
const DELETE: &str = "with gone as (delete from block_type where id = $1 returning id), \
    schemas as (delete from block_schema s using gone g where s.block_type_id = g.id returning s.id), \
    documents as (delete from block_document d where d.block_type_id in (select g.id from gone g) \
        or d.block_schema_id in (select s.id from block_schema s where s.block_type_id in (select g.id from gone g)) \
        returning d.id), \
    held as (delete from block_ref r where r.parent_id in (select d.id from documents d) \
        or r.child_id in (select d.id from documents d)), \
    storage as (delete from setting where key = 'default_result_storage_block_id' \
        and (value #>> '{}') in (select d.id::text from documents d)) \
    select count(*) from gone";

/// What became of a type that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Done,
    Unknown,
    Protected,
}

/// Which type is meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    Id(BlockTypeId),
    Slug(&'a str),
}

/// `None` when there is one of that slug.
pub async fn create(mut tx: Tx<'_>, new: &BlockTypeCreate) -> Result<Option<BlockType>> {
    let BlockTypeCreate { name, slug, logo_url, documentation_url, description, code_example } = new;
    let id = BlockTypeId::new(Time::of_machine());
    let params: [crate::pool::Param<'_>; 7] = [&id, name, slug, logo_url, documentation_url, description, code_example];
    let made = tx.opt(CREATE, &params).await?;
    if let Some(block_type) = &made {
        tx.tell(lifecycle::blocks::block_type(Action::Created, block_type));
    }
    tx.commit().await?;
    Ok(made)
}

pub async fn read(tx: &mut Tx<'_>, which: Which<'_>) -> Result<Option<BlockType>> {
    match which {
        Which::Id(id) => tx.opt(READ, &[&id]).await,
        Which::Slug(slug) => tx.opt(BY_SLUG, &[&slug]).await,
    }
}

/// Whether there was such a type.
pub async fn update(mut tx: Tx<'_>, id: BlockTypeId, change: &BlockTypeUpdate) -> Result<bool> {
    let current: Option<BlockType> = tx.opt(READ_TO_WRITE, &[&id]).await?;
    if !current.as_ref().is_some_and(|current| change.changes(current)) {
        tx.rollback().await?;
        return Ok(current.is_some());
    }
    let BlockTypeUpdate { logo_url, documentation_url, description, code_example } = change;
    let params: [crate::pool::Param<'_>; 9] = [
        &id,
        &logo_url.is_set(),
        &logo_url.value().and_then(Option::as_ref),
        &documentation_url.is_set(),
        &documentation_url.value().and_then(Option::as_ref),
        &description.is_set(),
        &description.value().and_then(Option::as_ref),
        &code_example.is_set(),
        &code_example.value().and_then(Option::as_ref),
    ];
    let changed: Option<BlockType> = tx.opt(UPDATE, &params).await?;
    if let Some(block_type) = &changed {
        tx.tell(lifecycle::blocks::block_type(Action::Updated, block_type));
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

/// Its schemas and documents go with it.
pub async fn delete(mut tx: Tx<'_>, id: BlockTypeId) -> Result<Deleted> {
    let current: Option<BlockType> = tx.opt(READ_TO_DELETE, &[&id]).await?;
    match current {
        None => {
            tx.rollback().await?;
            Ok(Deleted::Unknown)
        }
        Some(current) if current.is_protected => {
            tx.rollback().await?;
            Ok(Deleted::Protected)
        }
        Some(current) => {
            tx.tell(lifecycle::blocks::block_type(Action::Deleted, &current));
            let _: (i64,) = tx.last_one(DELETE, &[&id]).await?;
            Ok(Deleted::Done)
        }
    }
}

pub async fn list(
    tx: &mut Tx<'_>,
    filter: Option<&BlockTypeFilter>,
    schemas: Option<&BlockSchemaFilter>,
    sort: BlockTypeSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<BlockType>> {
    tx.all_of(&page(filter, schemas, sort, limit, offset)).await
}

pub(crate) fn page<'a>(
    filter: Option<&'a BlockTypeFilter>,
    schemas: Option<&'a BlockSchemaFilter>,
    sort: BlockTypeSort,
    limit: i64,
    offset: i64,
) -> Sql<'a> {
    let mut sql = Sql::new(concat!("select ", block_type_columns!(), " from block_type t where true"));
    sql.and(filter);
    sql.and_exists("select from block_schema s where s.block_type_id = t.id", schemas);
    sql.page(sort.sql(), limit, offset);
    sql
}
