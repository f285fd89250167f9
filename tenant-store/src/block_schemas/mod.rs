//! Block schemas: all SQL of the resource. What may be asked of them is in [`filter`], how one is made with all it nests in
//! [`create`].

mod create;
mod filter;

use domain::BlockSchemaId;
use domain::block_schemas::BlockSchema;
use tokio_postgres::Row;

use crate::block_types;
use crate::sql::Sql;
use crate::{Result, Tx};

pub use create::{Creation, create};
pub use filter::{BlockSchemaFilter, BlockSchemaSort};

/// The select list of a schema (`s`) with its type (`t`).
macro_rules! block_schema_columns {
    () => {
        concat!(
            "s.id, s.created, s.updated, s.checksum, s.fields, s.block_type_id, s.capabilities, s.version, ",
            $crate::block_types::block_type_columns!()
        )
    };
}
pub(crate) use block_schema_columns;

impl crate::sql::Columns for BlockSchema {
    const COLUMNS: &'static str = block_schema_columns!();
}

impl crate::pool::FromRow for BlockSchema {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        at(row, 0)
    }
}

/// Columns of [`at`].
pub(crate) const WIDTH: usize = 8 + block_types::WIDTH;

/// Reads a schema and its type from the columns that begin at `first`.
pub(crate) fn at(row: &Row, first: usize) -> Result<BlockSchema, tokio_postgres::Error> {
    Ok(BlockSchema {
        id: row.try_get(first)?,
        created: row.try_get(first + 1)?,
        updated: row.try_get(first + 2)?,
        checksum: row.try_get(first + 3)?,
        fields: row.try_get(first + 4)?,
        block_type_id: row.try_get(first + 5)?,
        capabilities: row.try_get(first + 6)?,
        version: row.try_get(first + 7)?,
        block_type: Some(block_types::at(row, first + 8)?),
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select ",
            block_schema_columns!(),
            " from block_schema s join block_type t on t.id = s.block_type_id where ",
            $rest
        )
    };
}

const READ: &str = select!("s.id = $1");
/// The same fields may have been registered in several versions: the newest, or that of the version asked for.
const BY_CHECKSUM: &str =
    select!("s.checksum = $1 and ($2::text is null or s.version = $2) order by s.created desc, s.id desc limit 1");
/// Waits for whoever makes a block of it.
const READ_TO_DELETE: &str = select!("s.id = $1 for update of s");
/// With its documents, what holds them, and the setting that names one of them.
const DELETE: &str = "with gone as (delete from block_schema where id = $1 returning id), \
    documents as (delete from block_document d using gone g where d.block_schema_id = g.id returning d.id), \
    held as (delete from block_ref r where r.parent_id in (select d.id from documents d) \
        or r.child_id in (select d.id from documents d)), \
    storage as (delete from setting where key = 'default_result_storage_block_id' \
        and (value #>> '{}') in (select d.id::text from documents d)) \
    select count(*) from gone";
/// All schemas are read: they are few, and who asks does so once.
const CAPABILITIES: &str = "select distinct c from block_schema s cross join unnest(s.capabilities) c order by c";

/// What became of a schema that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Done,
    Unknown,
    /// Its type is.
    Protected,
}

pub async fn read(tx: &mut Tx<'_>, id: BlockSchemaId) -> Result<Option<BlockSchema>> {
    tx.opt(READ, &[&id]).await
}

/// The newest schema of these fields, or the one of a version.
pub async fn by_checksum(tx: &mut Tx<'_>, checksum: &str, version: Option<&str>) -> Result<Option<BlockSchema>> {
    tx.opt(BY_CHECKSUM, &[&checksum, &version]).await
}

/// Its documents go with it.
pub async fn delete(mut tx: Tx<'_>, id: BlockSchemaId) -> Result<Deleted> {
    let current: Option<BlockSchema> = tx.opt(READ_TO_DELETE, &[&id]).await?;
    let protected = current.as_ref().and_then(|schema| schema.block_type.as_ref()).map(|kind| kind.is_protected);
    match protected {
        Some(false) => {
            let _: (i64,) = tx.last_one(DELETE, &[&id]).await?;
            Ok(Deleted::Done)
        }
        protected => {
            tx.rollback().await?;
            Ok(if protected.is_none() { Deleted::Unknown } else { Deleted::Protected })
        }
    }
}

/// What the blocks of some schema can do.
pub async fn capabilities(tx: &mut Tx<'_>) -> Result<Vec<String>> {
    let all: Vec<(String,)> = tx.all(CAPABILITIES, &[]).await?;
    Ok(all.into_iter().map(|(capability,)| capability).collect())
}

pub async fn list(
    tx: &mut Tx<'_>,
    filter: Option<&BlockSchemaFilter>,
    sort: BlockSchemaSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<BlockSchema>> {
    tx.all_of(&page(filter, sort, limit, offset)).await
}

pub(crate) fn page(filter: Option<&BlockSchemaFilter>, sort: BlockSchemaSort, limit: i64, offset: i64) -> Sql<'_> {
    let mut sql = Sql::new(select!("true"));
    sql.and(filter).page(sort.sql(), limit, offset);
    sql
}
