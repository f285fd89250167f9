//! What is told of block types and block documents. Of a document's data only texts that are no secrets, in
//! fields that the schema declares.

use serde::Serialize;
use serde_json::json;

use super::{Action, Telling};
use crate::block_documents::BlockDocument;
use crate::block_documents::data::{declared, secret_fields};
use crate::block_types::BlockType;
use crate::events::Resource;

/// A block type was made, changed or deleted.
pub fn block_type(action: Action, block_type: &BlockType) -> Telling {
    #[derive(Serialize)]
    struct Payload<'a> {
        name: &'a str,
        slug: &'a str,
        logo_url: &'a Option<String>,
        documentation_url: &'a Option<String>,
        description: &'a Option<String>,
        code_example: &'a Option<String>,
        is_protected: bool,
    }
    let BlockType { id, name, slug, logo_url, documentation_url, description, code_example, is_protected, .. } =
        block_type;
    let is_protected = *is_protected;
    let payload = Payload { name, slug, logo_url, documentation_url, description, code_example, is_protected };
    Telling::lifecycle("block-type", action, id, Some(name)).with(&payload)
}

/// A block document was made, changed or deleted; read with its secrets hidden.
pub fn block_document(action: Action, document: &BlockDocument) -> Telling {
    let BlockDocument { id, name, data, block_schema_id, block_schema, block_type_id, block_type_name, .. } = document;
    let type_name = block_type_name.as_deref().unwrap_or_default();
    let fields = block_schema.as_ref().map(|schema| &schema.fields);
    let secrets = fields.map(secret_fields).unwrap_or_default();
    let mut told = fields.map(|fields| declared(data, fields)).unwrap_or_default();
    told.retain(|field, value| value.is_string() && !secrets.contains(field));
    let schema = block_schema.as_ref().map(|schema| {
        json!({ "capabilities": schema.capabilities, "block_type": { "id": block_type_id, "name": type_name } })
    });
    let of_type = Resource::of(format!("prefect.block-type.{block_type_id}")).in_role("block-type");
    Telling::lifecycle("block-document", action, id, name.as_deref())
        .with(&json!({ "name": name, "data": told, "block_schema": schema }))
        .relating(if type_name.is_empty() { of_type } else { of_type.named(type_name) })
        .relating(Resource::of(format!("prefect.block-schema.{block_schema_id}")).in_role("block-schema"))
}
