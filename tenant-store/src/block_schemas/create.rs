//! A schema is made together with those it nests, as far as they are not there yet.

use domain::block_schemas::checksum::checksum;
use domain::block_schemas::nested::{self, Nested, Reference, Refusal};
use domain::block_schemas::{BlockSchema, BlockSchemaCreate, UNVERSIONED};
use domain::{BlockSchemaId, BlockTypeId};
use wire::{Json, RawJson, RawObject, Time};

use super::{by_checksum, read};
use crate::block_types::{self, Which};
use crate::{Error, Result, Tx};

const CREATE: &str = "insert into block_schema (id, checksum, fields, block_type_id, capabilities, version) \
    values ($1, $2, $3, $4, $5, $6) on conflict (checksum, version) do nothing";

/// What became of a schema that was to be made.
#[derive(Debug)]
pub enum Creation {
    Made(Box<BlockSchema>),
    /// There is one of these fields and this version.
    Found(Box<BlockSchema>),
    NoBlockType,
    /// A schema that it nests is of a type that is not there.
    NoNestedType(String),
    /// The fields are no schema of a block.
    Refused(Refusal),
}

/// What one schema of several is made of.
struct New<'v, 'a> {
    fields: &'v Json<'a>,
    /// Of the outermost schema.
    definitions: Option<&'v Json<'a>>,
    block_type_id: BlockTypeId,
    capabilities: &'v [String],
    version: &'v str,
}

/// Why none was made.
enum Halt {
    NoNestedType(String),
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

pub async fn create(mut tx: Tx<'_>, new: &BlockSchemaCreate) -> Result<Creation> {
    let BlockSchemaCreate { fields, block_type_id, capabilities, version } = new;
    if block_types::read(&mut tx, Which::Id(*block_type_id)).await?.is_none() {
        tx.rollback().await?;
        return Ok(Creation::NoBlockType);
    }
    // It was written by `json::to_text`.
    let text = fields.0.text();
    let parsed = wire::json::parse(text.as_bytes()).map_err(|why| Error::internal(format!("fields: {why:?}")))?;
    let definitions = nested::definitions(&parsed);
    let new = New { fields: &parsed, definitions, block_type_id: *block_type_id, capabilities, version };
    match make(&mut tx, new, 0).await {
        Ok((schema, fresh)) => {
            tx.commit().await?;
            Ok(if fresh {
                Creation::Made(Box::new(as_sent(schema, fields)))
            } else {
                Creation::Found(Box::new(schema))
            })
        }
        Err(halt) => {
            tx.rollback().await?;
            match halt {
                Halt::NoNestedType(slug) => Ok(Creation::NoNestedType(slug)),
                Halt::Refused(refusal) => Ok(Creation::Refused(refusal)),
                Halt::Failed(error) => Err(error),
            }
        }
    }
}

/// Whoever makes a schema is answered with the references and definitions that it sent.
fn as_sent(mut schema: BlockSchema, fields: &RawObject) -> BlockSchema {
    let (serde_json::Value::Object(mut kept), serde_json::Value::Object(sent)) =
        (schema.fields.0.to_value(), fields.0.to_value())
    else {
        return schema;
    };
    kept.remove("definitions");
    for name in ["block_schema_references", "definitions"] {
        if let Some(value) = sent.get(name) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    schema.fields = RawObject(RawJson::of(&kept));
    schema
}

/// The schema, and whether it is new.
async fn make(tx: &mut Tx<'_>, new: New<'_, '_>, depth: usize) -> Result<(BlockSchema, bool), Halt> {
    if depth > nested::DEEPEST {
        return Err(Halt::Refused(format!("schemas are nested deeper than {}", nested::DEEPEST)));
    }
    let checksum = match new.definitions {
        Some(definitions) => checksum(&nested::with_definitions(new.fields, definitions)),
        None => checksum(new.fields),
    };
    if let Some(existing) = by_checksum(tx, &checksum, Some(new.version)).await? {
        return Ok((existing, false));
    }
    let mut all = Vec::new();
    for (name, references) in nested::references(new.fields)? {
        let mut of = Vec::with_capacity(references.len());
        for reference in references {
            of.push(nest(tx, &new, &name, reference, depth).await?);
        }
        all.push((name, of));
    }
    let fields = nested::compose(new.fields, new.definitions, &all);
    let fields = wire::json::to_text(&fields).ok().and_then(RawJson::from_text).map(RawObject);
    let fields = fields.ok_or_else(|| format!("the fields are nested deeper than {}", wire::json::MAX_DEPTH))?;
    let id = BlockSchemaId::new(Time::of_machine());
    let capabilities = new.capabilities.to_vec();
    let made = tx.run(CREATE, &[&id, &checksum, &fields, &new.block_type_id, &capabilities, &new.version]).await?;
    let schema = match made {
        1 => read(tx, id).await?,
        // Somebody else made it meanwhile.
        _ => by_checksum(tx, &checksum, Some(new.version)).await?,
    };
    let schema = schema.ok_or_else(|| Error::Unavailable("the block schema is being deleted".into()))?;
    Ok((schema, made == 1))
}

/// A nested schema: the newest of that checksum, or one made of the definitions that came along.
async fn nest(
    tx: &mut Tx<'_>,
    of: &New<'_, '_>,
    name: &str,
    reference: Reference,
    depth: usize,
) -> Result<Nested<'static>, Halt> {
    let Reference { block_type_slug: slug, block_schema_checksum } = reference;
    let Some(kind) = block_types::read(tx, Which::Slug(&slug)).await? else { return Err(Halt::NoNestedType(slug)) };
    let schema = match by_checksum(tx, &block_schema_checksum, None).await? {
        Some(schema) => schema,
        None => {
            let fields = nested::fields_of_nested(of.fields, of.definitions, name, &slug)?;
            let definitions = of.definitions;
            let new = New { fields, definitions, block_type_id: kind.id, capabilities: &[], version: UNVERSIONED };
            Box::pin(make(tx, new, depth + 1)).await?.0
        }
    };
    let of_type = schema.block_type.map_or(slug, |kind| kind.slug);
    let reference = Reference { block_type_slug: of_type, block_schema_checksum: schema.checksum };
    let fields = wire::json::parse(schema.fields.0.text().as_bytes());
    let fields = fields.map_err(|why| Error::internal(format!("stored fields: {why:?}")))?.into_static();
    Ok(Nested { reference, fields })
}
