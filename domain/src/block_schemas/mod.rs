//! Block schemas: what fields the blocks of a type have, in one version of the type.
//!
//! A schema may nest others. It is known by the checksum of its own fields ([`checksum`]), which clients compute too, and
//! names those it nests by theirs ([`nested`]).

pub mod checksum;
pub mod nested;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use wire::{Input, Json, Output, RawObject, Time};

use crate::block_types::BlockType;
use crate::{BlockSchemaId, BlockTypeId};

/// The version of a schema that says none.
pub const UNVERSIONED: &str = "non-versioned";

/// The fields of a type's blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct BlockSchema {
    pub id: BlockSchemaId,
    pub created: Time,
    pub updated: Time,
    /// The block schema's unique checksum
    pub checksum: String,
    /// The block schema's field schema
    pub fields: RawObject,
    /// A block type ID
    pub block_type_id: Option<BlockTypeId>,
    /// The associated block type
    pub block_type: Option<BlockType>,
    /// A list of Block capabilities
    pub capabilities: Vec<String>,
    /// Human readable identifier for the block schema
    pub version: String,
}

/// Data used by the Prefect REST API to create a block schema.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct BlockSchemaCreate {
    /// The block schema's field schema
    #[input(default)]
    pub fields: RawObject,
    /// A block type ID
    pub block_type_id: BlockTypeId,
    /// A list of Block capabilities
    #[input(default)]
    pub capabilities: Vec<String>,
    /// Human readable identifier for the block schema
    #[input(default = UNVERSIONED.to_owned())]
    pub version: String,
}

/// A field of an object; `None` for what is no object.
pub(crate) fn field<'v, 'a>(value: &'v Json<'a>, name: &str) -> Option<&'v Json<'a>> {
    match value {
        Json::Object(fields) => fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
        _ => None,
    }
}

/// An object of these fields.
pub(crate) fn object<'a>(fields: Vec<(Cow<'a, str>, Json<'a>)>) -> Json<'a> {
    Json::Object(Arc::new(fields))
}
