//! Documents made, changed, replaced and deleted.
//!
//! A write holds its document, and shares those that it refers to, until it is committed: so two writes at once cannot make
//! documents hold one another, and none refers to what is being deleted. Two that wait for each other are a deadlock, which
//! Postgres ends; the client is told to try again.

use domain::block_documents::{
    BlockDocument, BlockDocumentCreate, BlockDocumentReplace, BlockDocumentUpdate, data, data::Refusal,
};
use domain::events::lifecycle::{self, Action};
use domain::{BlockDocumentId, BlockSchemaId, BlockTypeId};
use uuid::Uuid;
use wire::{Json, Patch, RawObject, Time};

use super::{Reading, Secrets, TooMany, Which, read};
use crate::encryption::{self, KeyRing, WorkspaceKey};
use crate::{Error, Result, Tx};

/// Type and schema are held, so that neither goes while a block of theirs is made.
const GROUND: &str = "select (select true from block_type t where t.id = $1 for key share of t), \
    (select true from block_schema s where s.id = $2 for key share of s)";
const CREATE: &str = "insert into block_document (id, name, data, is_anonymous, block_type_id, block_schema_id) \
    values ($1, $2, $3, $4, $5, $6) on conflict (block_type_id, name) do nothing";
const CURRENT: &str = "select d.data, d.block_type_id, d.block_schema_id, s.fields from block_document d \
    join block_schema s on s.id = d.block_schema_id where d.id = $1 for update of d";
const TYPE_OF_SCHEMA: &str = "select s.block_type_id from block_schema s where s.id = $1 for key share of s";
const UPDATE: &str = "update block_document set data = $2, block_schema_id = coalesce($3, block_schema_id), updated = now() where id = $1";
const TOUCH: &str = "update block_document set updated = now() where id = $1";
const CHILDREN: &str = "select d.id from block_document d where d.id = any($1) order by d.id for share of d";
/// Whether a document is reached from some.
const REACHES: &str = "with recursive below as (select x.id from unnest($1::uuid[]) as x(id) \
    union select r.child_id from below b join block_ref r on r.parent_id = b.id) \
    select exists (select from below b where b.id = $2)";
const UNLINK: &str = "delete from block_ref where parent_id = $1";
const LINK: &str = "insert into block_ref (parent_id, name, child_id) \
    select $1, x.name, x.child from unnest($2::text[], $3::uuid[]) as x(name, child)";
const FIND: &str = "select t.id, (select d.id from block_document d where d.block_type_id = t.id and d.name = $2), \
    (select s.id from block_schema s where s.block_type_id = t.id order by s.created desc, s.id desc limit 1) \
    from block_type t where t.slug = $1";
const LOCK: &str = "select d.id from block_document d where d.id = $1 for update of d";
/// With what holds it and what it holds, and the setting that names it.
const DELETE: &str = "with gone as (delete from block_document where id = $1 returning id), \
    held as (delete from block_ref r where r.parent_id = $1 or r.child_id = $1), \
    storage as (delete from setting where key = 'default_result_storage_block_id' and (value #>> '{}') = $1::text) \
    select count(*) from gone";

/// What became of a document that was to be made.
#[derive(Debug)]
pub enum Creation {
    Made(Box<BlockDocument>),
    Replaced(Box<BlockDocument>),
    /// There is one of that type and name.
    Taken,
    NoBlockType,
    NoBlockSchema,
    /// It refers to one that is not there.
    NoSuchReference,
    Refused(Refusal),
    TooMany,
}

/// What became of a document that was to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    Done,
    Unknown,
    NoBlockSchema,
    NoSuchReference,
    Refused(Refusal),
    TooMany,
}

/// Why a document cannot be written so.
enum Halt {
    NoBlockSchema,
    NoSuchReference,
    Refused(Refusal),
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Halt::Failed(error)
    }
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Halt::Refused(refusal)
    }
}

pub async fn create(mut tx: Tx<'_>, new: &BlockDocumentCreate, ring: &KeyRing) -> Result<Creation> {
    match make(&mut tx, new, ring).await {
        Ok(Creation::Made(made)) => {
            tell(&mut tx, Action::Created, &made);
            tx.commit().await?;
            Ok(Creation::Made(made))
        }
        Ok(refused) => {
            tx.rollback().await?;
            Ok(refused)
        }
        Err(halt) => {
            tx.rollback().await?;
            halted(halt)
        }
    }
}

fn halted(halt: Halt) -> Result<Creation> {
    match halt {
        Halt::NoBlockSchema => Ok(Creation::NoBlockSchema),
        Halt::NoSuchReference => Ok(Creation::NoSuchReference),
        Halt::Refused(refusal) => Ok(Creation::Refused(refusal)),
        Halt::Failed(error) => Err(error),
    }
}

async fn make(tx: &mut Tx<'_>, new: &BlockDocumentCreate, ring: &KeyRing) -> Result<Creation, Halt> {
    let BlockDocumentCreate { name, data, block_schema_id, block_type_id, is_anonymous } = new;
    let (kind, schema): (Option<bool>, Option<bool>) = tx.one(GROUND, &[block_type_id, block_schema_id]).await?;
    if kind.is_none() {
        return Ok(Creation::NoBlockType);
    }
    if schema.is_none() {
        return Ok(Creation::NoBlockSchema);
    }
    let key = encryption::of_workspace(tx, ring).await?;
    let id = BlockDocumentId::new(Time::of_machine());
    let name = name.clone().unwrap_or_else(|| format!("anonymous-{}", Uuid::new_v4()));
    let parsed = parsed(data.0.text())?;
    let (plain, blocks) = data::split(&parsed)?;
    let sealed = key.seal(id, &text(&plain)?);
    if tx.run(CREATE, &[&id, &name, &sealed, is_anonymous, block_type_id, block_schema_id]).await? == 0 {
        return Ok(Creation::Taken);
    }
    link(tx, id, &blocks).await?;
    shown(tx, id, ring).await
}

/// The document as it is answered to whoever wrote it.
async fn shown(tx: &mut Tx<'_>, id: BlockDocumentId, ring: &KeyRing) -> Result<Creation, Halt> {
    match read(tx, Which::Id(id), &Reading { ring, secrets: Secrets::Hidden }).await? {
        Ok(Some(document)) => Ok(Creation::Made(Box::new(document))),
        Ok(None) => Err(Error::internal("a document that was just written is not there").into()),
        Err(TooMany) => Ok(Creation::TooMany),
    }
}

/// Tells of a document whose secrets are hidden; of anonymous ones nobody is told.
fn tell(tx: &mut Tx<'_>, action: Action, document: &BlockDocument) {
    if !document.is_anonymous {
        tx.tell(lifecycle::blocks::block_document(action, document));
    }
}

pub async fn update(
    mut tx: Tx<'_>,
    id: BlockDocumentId,
    change: &BlockDocumentUpdate,
    ring: &KeyRing,
) -> Result<Update> {
    match change_it(&mut tx, id, change, ring).await {
        Ok(true) => match read(&mut tx, Which::Id(id), &Reading { ring, secrets: Secrets::Hidden }).await? {
            Ok(document) => {
                document.iter().for_each(|document| tell(&mut tx, Action::Updated, document));
                tx.commit().await?;
                Ok(Update::Done)
            }
            Err(TooMany) => {
                tx.rollback().await?;
                Ok(Update::TooMany)
            }
        },
        outcome => {
            tx.rollback().await?;
            match outcome {
                Ok(_) => Ok(Update::Unknown),
                Err(Halt::NoBlockSchema) => Ok(Update::NoBlockSchema),
                Err(Halt::NoSuchReference) => Ok(Update::NoSuchReference),
                Err(Halt::Refused(refusal)) => Ok(Update::Refused(refusal)),
                Err(Halt::Failed(error)) => Err(error),
            }
        }
    }
}

/// Whether there is such a document. Without new data nothing changes, the schema neither, as in the reference.
async fn change_it(
    tx: &mut Tx<'_>,
    id: BlockDocumentId,
    change: &BlockDocumentUpdate,
    ring: &KeyRing,
) -> Result<bool, Halt> {
    let BlockDocumentUpdate { block_schema_id, data, merge_existing_data } = change;
    let current: Option<(Vec<u8>, BlockTypeId, BlockSchemaId, RawObject)> = tx.opt(CURRENT, &[&id]).await?;
    let Some((sealed, block_type_id, current_schema, fields)) = current else { return Ok(false) };
    let empty = RawObject::default();
    let new = match data {
        Patch::Set(new) => new,
        Patch::Absent if !*merge_existing_data => &empty,
        Patch::Absent => {
            tx.run(TOUCH, &[&id]).await?;
            return Ok(true);
        }
    };
    let key = encryption::of_workspace(tx, ring).await?;
    let opened = key.open(id, &sealed)?;
    let (old, new) = (parsed(&opened)?, parsed(new.0.text())?);
    let restored = data::restore(&new, &old, &data::secret_fields(&fields));
    let whole = if *merge_existing_data { data::merge(&old, &restored) } else { restored };

    let schema = block_schema_id.filter(|schema| *schema != current_schema);
    if let Some(schema) = schema {
        let of: Option<(BlockTypeId,)> = tx.opt(TYPE_OF_SCHEMA, &[&schema]).await?;
        let (of,) = of.ok_or(Halt::NoBlockSchema)?;
        if of != block_type_id {
            let why = "Must migrate block document to a block schema of the same block type.";
            return Err(Halt::Refused(why.to_owned()));
        }
    }
    put(tx, id, &whole, schema, &key).await?;
    Ok(true)
}

/// Writes the data of a document that is there, and what it refers to.
async fn put(
    tx: &mut Tx<'_>,
    id: BlockDocumentId,
    whole: &Json<'_>,
    schema: Option<BlockSchemaId>,
    key: &WorkspaceKey,
) -> Result<(), Halt> {
    let (plain, blocks) = data::split(whole)?;
    tx.run(UPDATE, &[&id, &key.seal(id, &text(&plain)?), &schema]).await?;
    tx.run(UNLINK, &[&id]).await?;
    link(tx, id, &blocks).await
}

/// The document of that type and name as it is to be, whatever it was before.
pub async fn replace(
    mut tx: Tx<'_>,
    slug: &str,
    name: &str,
    new: &BlockDocumentReplace,
    ring: &KeyRing,
) -> Result<Creation> {
    let made = replace_it(&mut tx, slug, name, new, ring).await;
    match made {
        Ok(made @ (Creation::Made(_) | Creation::Replaced(_))) => {
            if let Creation::Made(document) = &made {
                tell(&mut tx, Action::Created, document);
            }
            if let Creation::Replaced(document) = &made {
                tell(&mut tx, Action::Updated, document);
            }
            tx.commit().await?;
            Ok(made)
        }
        Ok(refused) => {
            tx.rollback().await?;
            Ok(refused)
        }
        Err(halt) => {
            tx.rollback().await?;
            halted(halt)
        }
    }
}

/// A document that somebody makes meanwhile is replaced too.
async fn replace_it(
    tx: &mut Tx<'_>,
    slug: &str,
    name: &str,
    new: &BlockDocumentReplace,
    ring: &KeyRing,
) -> Result<Creation, Halt> {
    match put_once(tx, slug, name, new, ring).await? {
        Creation::Taken => put_once(tx, slug, name, new, ring).await,
        done => Ok(done),
    }
}

async fn put_once(
    tx: &mut Tx<'_>,
    slug: &str,
    name: &str,
    new: &BlockDocumentReplace,
    ring: &KeyRing,
) -> Result<Creation, Halt> {
    type Found = (BlockTypeId, Option<BlockDocumentId>, Option<BlockSchemaId>);
    let BlockDocumentReplace { block_schema_id, data } = new;
    let found: Option<Found> = tx.opt(FIND, &[&slug, &name]).await?;
    let Some((block_type_id, there, newest)) = found else { return Ok(Creation::NoBlockType) };
    let block_schema_id = block_schema_id.or(newest).ok_or(Halt::NoBlockSchema)?;
    let Some(id) = there else {
        let (name, data) = (Some(name.to_owned()), data.clone());
        let new = BlockDocumentCreate { name, data, block_schema_id, block_type_id, is_anonymous: false };
        return make(tx, &new, ring).await;
    };
    let change = BlockDocumentUpdate {
        block_schema_id: Some(block_schema_id),
        data: Patch::Set(data.clone()),
        merge_existing_data: false,
    };
    if !change_it(tx, id, &change, ring).await? {
        return Err(Error::Unavailable("the block document is being deleted".into()).into());
    }
    Ok(match shown(tx, id, ring).await? {
        Creation::Made(document) => Creation::Replaced(document),
        refused => refused,
    })
}

/// Enters what a document refers to.
async fn link(tx: &mut Tx<'_>, id: BlockDocumentId, blocks: &[(String, BlockDocumentId)]) -> Result<(), Halt> {
    if blocks.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = blocks.iter().map(|(name, _)| name.as_str()).collect();
    let children: Vec<Uuid> = blocks.iter().map(|(_, child)| child.0).collect();
    let mut distinct = children.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let there: Vec<(Uuid,)> = tx.all(CHILDREN, &[&distinct]).await?;
    if there.len() != distinct.len() {
        return Err(Halt::NoSuchReference);
    }
    let (round,): (bool,) = tx.one(REACHES, &[&distinct, &id]).await?;
    if round {
        return Err(Halt::Refused(format!(
            "Cannot create block document reference: it would introduce a cycle into the block_document_reference graph \
             (parent={id}, reference={}).",
            children[0]
        )));
    }
    tx.run(LINK, &[&id, &names, &children]).await?;
    Ok(())
}

/// Whether there was such a document. Those that held it go on without it. One that cannot be opened any more goes untold.
pub async fn delete(mut tx: Tx<'_>, id: BlockDocumentId, ring: &KeyRing) -> Result<bool> {
    let there: Option<(Uuid,)> = tx.opt(LOCK, &[&id]).await?;
    if there.is_none() {
        tx.rollback().await?;
        return Ok(false);
    }
    if let Ok(Ok(Some(document))) = read(&mut tx, Which::Id(id), &Reading { ring, secrets: Secrets::Hidden }).await {
        tell(&mut tx, Action::Deleted, &document);
    }
    let (gone,): (i64,) = tx.last_one(DELETE, &[&id]).await?;
    Ok(gone == 1)
}

fn parsed(text: &str) -> Result<Json<'_>> {
    wire::json::parse(text.as_bytes()).map_err(|why| Error::internal(format!("data of a block: {why:?}")))
}

fn text(data: &Json<'_>) -> Result<String> {
    wire::json::to_text(data).map_err(|why| Error::internal(format!("data of a block: {why:?}")))
}
