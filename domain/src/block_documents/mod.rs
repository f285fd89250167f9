//! Block documents: the blocks themselves, by name in their type, with data that may be secret ([`data`]).

pub mod data;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Serialize;
use wire::{Described, Errors, Input, Json, Output, Patch, RawObject, Schema, Schemas, Time, check};

use crate::block_schemas::BlockSchema;
use crate::block_types::{BlockType, is_dashed};
use crate::policies::{is_falsy, refuse};
use crate::{BlockDocumentId, BlockSchemaId, BlockTypeId};

/// Documents within documents, and the depth to which they are followed (reference: `models/block_documents.py`).
pub const DEEPEST: usize = 50;
/// Documents that one answer holds for each that was asked for, itself among them: those that refer to one another twice
/// at each level would be beyond number.
pub const MOST_NESTED: usize = 1000;

/// A block.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct BlockDocument {
    pub id: BlockDocumentId,
    pub created: Time,
    pub updated: Time,
    /// The block document's name. Not required for anonymous block documents.
    pub name: Option<String>,
    /// The block document's data
    pub data: RawObject,
    /// A block schema ID
    pub block_schema_id: BlockSchemaId,
    /// The associated block schema
    pub block_schema: Option<BlockSchema>,
    /// A block type ID
    pub block_type_id: BlockTypeId,
    /// The associated block type's name
    pub block_type_name: Option<String>,
    /// The associated block type
    pub block_type: Option<BlockType>,
    /// Record of the block document's references
    pub block_document_references: References,
    /// Whether the block is anonymous (anonymous blocks are usually created by Prefect automatically)
    pub is_anonymous: bool,
}

/// The documents that a document holds, by the field that holds each.
pub type References = BTreeMap<String, Referred>;

/// A document that another holds.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Referred {
    pub block_document: ReferredDocument,
}

/// What is said of a document that another holds; its data stand in the other's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReferredDocument {
    pub id: BlockDocumentId,
    pub name: Option<String>,
    pub block_type: Option<BlockType>,
    pub is_anonymous: bool,
    pub block_document_references: References,
}

impl Described for ReferredDocument {
    fn schema(schemas: &mut Schemas) -> Schema {
        serde_json::json!({ "type": "object", "properties": {
            "id": BlockDocumentId::schema(schemas),
            "name": Option::<String>::schema(schemas),
            "block_type": Option::<BlockType>::schema(schemas),
            "is_anonymous": bool::schema(schemas),
            // Their own, and so on.
            "block_document_references": RawObject::schema(schemas),
        } })
    }
}

/// Data used by the Prefect REST API to create a block document.
#[derive(Debug, Clone)]
pub struct BlockDocumentCreate {
    pub name: Option<String>,
    pub data: RawObject,
    pub block_schema_id: BlockSchemaId,
    pub block_type_id: BlockTypeId,
    pub is_anonymous: bool,
}

#[derive(Input)]
#[input(forbid_extra)]
struct CreateFields {
    /// The block document's name: lower-case letters, digits and dashes. Not required for anonymous block documents.
    #[input(with = optional_name)]
    name: Option<String>,
    /// The block document's data
    #[input(default)]
    data: RawObject,
    /// A block schema ID
    block_schema_id: BlockSchemaId,
    /// A block type ID
    block_type_id: BlockTypeId,
    /// Whether the block is anonymous (anonymous blocks are usually created by Prefect automatically)
    #[input(default)]
    is_anonymous: bool,
}

impl Input for BlockDocumentCreate {
    fn parse(value: &Json<'_>, errors: &mut Errors) -> Option<Self> {
        const NAMELESS: &str = "Names must be provided for block documents.";
        let said = |name| crate::block_schemas::field(value, name).is_some_and(|value| !is_falsy(value));
        if matches!(value, Json::Object(_)) && !said("is_anonymous") && !said("name") {
            refuse(value, NAMELESS, errors);
            return None;
        }
        let CreateFields { name, data, block_schema_id, block_type_id, is_anonymous } =
            CreateFields::parse(value, errors)?;
        let name = name.filter(|name| !name.is_empty());
        // A text like "false" counts as true above and is false all the same.
        if name.is_none() && !is_anonymous {
            refuse(value, NAMELESS, errors);
            return None;
        }
        Some(Self { name, data, block_schema_id, block_type_id, is_anonymous })
    }
}

impl Described for BlockDocumentCreate {
    fn schema(schemas: &mut Schemas) -> Schema {
        schemas.named("BlockDocumentCreate", |schemas| {
            let fields = CreateFields::schema(schemas);
            schemas.resolve(&fields)
        })
    }
}

/// Data used by the Prefect REST API to update a block document.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct BlockDocumentUpdate {
    /// A block schema ID
    pub block_schema_id: Option<BlockSchemaId>,
    /// The block document's data
    pub data: Patch<RawObject>,
    /// Whether fields that are not named keep what they are; else they go.
    #[input(default = true)]
    pub merge_existing_data: bool,
}

/// What a block is to be, whatever it was before.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct BlockDocumentReplace {
    /// The newest of the type by default.
    pub block_schema_id: Option<BlockSchemaId>,
    /// The block document's data
    #[input(default)]
    pub data: RawObject,
}

/// The name of a block document (reference: `types/names.py`, `BlockDocumentName`).
pub fn name(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    static PATTERN: OnceLock<regex::Regex> = OnceLock::new();
    let name = String::parse(value, errors)?;
    check::pattern(&name, "^[^/%&><]+$", &PATTERN, value, errors)?;
    if !is_dashed(&name) {
        refuse(value, "Block document name must only contain lowercase letters, numbers, and dashes.", errors);
        return None;
    }
    Some(name)
}

fn optional_name(value: &Json<'_>, errors: &mut Errors) -> Option<Option<String>> {
    match value {
        Json::Null => Some(None),
        _ => name(value, errors).map(Some),
    }
}
