//! Block documents: all SQL of the resource. What may be asked of them is in [`filter`], how documents are put together from
//! those they refer to in [`tree`], how they are written in [`write`].

mod filter;
mod tree;
mod write;

use domain::BlockDocumentId;
use domain::block_documents::{BlockDocument, data};
use domain::block_schemas::BlockSchema;
use tokio_postgres::Row;
use wire::{RawJson, RawObject, Time};

use crate::block_schemas::{self, BlockSchemaFilter};
use crate::block_types::BlockTypeFilter;
use crate::encryption::{KeyRing, Wrapped};
use crate::sql::Sql;
use crate::{Error, Result, Tx};

pub use filter::{BlockDocumentFilter, BlockDocumentSort};
pub use write::{Creation, Update, create, delete, replace, update};

/// How documents are opened and shown.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub ring: &'a KeyRing,
    pub secrets: Secrets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    Hidden,
    /// For callers who asked for them and may see them.
    Shown,
}

/// The filters of one request.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    pub block_documents: Option<BlockDocumentFilter>,
    pub block_types: Option<BlockTypeFilter>,
    pub block_schemas: Option<BlockSchemaFilter>,
}

/// Which document is meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    Id(BlockDocumentId),
    /// The slug of its type, and its name.
    Name(&'a str, &'a str),
}

/// Documents that hold one another without an end, or more than an answer has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// A document as its row is, sealed, with its type, its schema and the workspace's key.
pub(crate) struct Sealed {
    id: BlockDocumentId,
    created: Time,
    updated: Time,
    name: String,
    is_anonymous: bool,
    data: Vec<u8>,
    /// Whether it refers to others.
    refers: bool,
    wrapped: Wrapped,
    schema: BlockSchema,
    block_type: domain::block_types::BlockType,
}

/// The type of a document and that of its schema may differ: nobody hinders it, here or in the reference.
macro_rules! columns {
    () => {
        concat!(
            "d.id, d.created, d.updated, d.name, d.is_anonymous, d.data, \
             exists (select from block_ref r where r.parent_id = d.id), m.wrapped_by, m.wrapped_key, ",
            $crate::block_schemas::block_schema_columns!(),
            ", o.id, o.created, o.updated, o.name, o.slug, o.logo_url, o.documentation_url, o.description, \
             o.code_example, o.is_protected"
        )
    };
}
macro_rules! from {
    () => {
        " from block_document d join block_schema s on s.id = d.block_schema_id \
         join block_type t on t.id = s.block_type_id join block_type o on o.id = d.block_type_id \
         cross join workspace_meta m"
    };
}
pub(crate) use {columns, from};

impl crate::pool::FromRow for Sealed {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Sealed::at(row, 0)
    }
}

impl Sealed {
    /// Reads a document from the columns that begin at `first`.
    fn at(row: &Row, first: usize) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            id: row.try_get(first)?,
            created: row.try_get(first + 1)?,
            updated: row.try_get(first + 2)?,
            name: row.try_get(first + 3)?,
            is_anonymous: row.try_get(first + 4)?,
            data: row.try_get(first + 5)?,
            refers: row.try_get(first + 6)?,
            wrapped: (row.try_get(first + 7)?, row.try_get(first + 8)?),
            schema: block_schemas::at(row, first + 9)?,
            block_type: crate::block_types::at(row, first + 9 + block_schemas::WIDTH)?,
        })
    }

    /// The document without those it refers to.
    fn open(self, workspace: uuid::Uuid, reading: &Reading<'_>) -> Result<BlockDocument> {
        let key = reading.ring.unwrap(workspace, self.wrapped)?;
        let key = key.ok_or_else(|| Error::internal("a block document in a workspace without a key"))?;
        let text = key.open(self.id, &self.data)?;
        let secrets = match reading.secrets {
            Secrets::Shown => Vec::new(),
            Secrets::Hidden => data::secret_fields(&self.schema.fields),
        };
        let data = match secrets.is_empty() {
            true => RawJson::from_text(text),
            false => {
                let data = wire::json::parse(text.as_bytes()).ok();
                data.and_then(|data| wire::json::to_text(&data::hide(&data, &secrets)).ok())
                    .and_then(RawJson::from_text)
            }
        };
        let data =
            data.map(RawObject).ok_or_else(|| Error::internal(format!("block document {} is no JSON", self.id)))?;
        Ok(BlockDocument {
            id: self.id,
            created: self.created,
            updated: self.updated,
            name: Some(self.name),
            data,
            block_schema_id: self.schema.id,
            block_type_id: self.block_type.id,
            block_type_name: Some(self.block_type.name.clone()),
            block_schema: Some(self.schema),
            block_type: Some(self.block_type),
            block_document_references: Default::default(),
            is_anonymous: self.is_anonymous,
        })
    }
}

/// The select list of a sealed document.
#[cfg(test)]
pub(crate) const COLUMNS: &str = columns!();

const HOLD: &str = "select d.id from block_document d where d.id = $1 for key share of d";
const CAPABILITIES: &str = "select s.capabilities from block_document d join block_schema s on s.id = d.block_schema_id \
    where d.id = $1 for key share of d";
const READ: &str = concat!("select ", columns!(), from!(), " where d.id = $1");
const BY_NAME: &str = concat!("select ", columns!(), from!(), " where o.slug = $1 and d.name = $2");

/// What blocks of the document's schema can do; `None` where there is no such document. It stays until the transaction ends.
pub async fn capabilities(tx: &mut Tx<'_>, id: BlockDocumentId) -> Result<Option<Vec<String>>> {
    let found: Option<(Vec<String>,)> = tx.opt(CAPABILITIES, &[&id]).await?;
    Ok(found.map(|(capabilities,)| capabilities))
}

/// Whether there is such a document. It stays until the transaction ends.
pub(crate) async fn exists(tx: &mut Tx<'_>, id: uuid::Uuid) -> Result<bool> {
    let found: Option<(uuid::Uuid,)> = tx.opt(HOLD, &[&id]).await?;
    Ok(found.is_some())
}

/// The document, with those it refers to in it.
pub async fn read(
    tx: &mut Tx<'_>,
    which: Which<'_>,
    reading: &Reading<'_>,
) -> Result<Result<Option<BlockDocument>, TooMany>> {
    let sealed: Option<Sealed> = match which {
        Which::Id(id) => tx.opt(READ, &[&id]).await?,
        Which::Name(slug, name) => tx.opt(BY_NAME, &[&slug, &name]).await?,
    };
    let Some(sealed) = sealed else { return Ok(Ok(None)) };
    let whole = tree::whole(tx, vec![sealed], reading).await?;
    Ok(whole.map(|mut documents| documents.pop()))
}

pub async fn list(
    tx: &mut Tx<'_>,
    filters: &Filters,
    sort: BlockDocumentSort,
    page: Option<(i64, i64)>,
    reading: &Reading<'_>,
) -> Result<Result<Vec<BlockDocument>, TooMany>> {
    let sealed = tx.all_of(&listing(filters, sort, page)).await?;
    tree::whole(tx, sealed, reading).await
}

pub async fn count(tx: &mut Tx<'_>, filters: &Filters) -> Result<i64> {
    let (count,) = tx.one_of(&counting(filters)).await?;
    Ok(count)
}

/// `page` is limit and offset.
pub(crate) fn listing<'a>(filters: &'a Filters, sort: BlockDocumentSort, page: Option<(i64, i64)>) -> Sql<'a> {
    let mut sql = Sql::new(concat!("select ", columns!(), from!(), " where true"));
    narrow(filters, &mut sql);
    match page {
        Some((limit, offset)) => sql.page(sort.sql(), limit, offset),
        None => sql.push(" order by ").push(sort.sql()),
    };
    sql
}

pub(crate) fn counting(filters: &Filters) -> Sql<'_> {
    let mut sql = Sql::new("select count(*) from block_document d where true");
    narrow(filters, &mut sql);
    sql
}

fn narrow<'a>(filters: &'a Filters, sql: &mut Sql<'a>) {
    match &filters.block_documents {
        Some(filter) => sql.and(Some(filter)),
        None => sql.push(" and (not d.is_anonymous)"),
    };
    sql.and_exists("select from block_type t where t.id = d.block_type_id", filters.block_types.as_ref());
    sql.and_exists("select from block_schema s where s.id = d.block_schema_id", filters.block_schemas.as_ref());
}
