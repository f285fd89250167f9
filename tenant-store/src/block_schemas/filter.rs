//! What may be asked of block schemas (reference: `server/schemas/filters.py`, `BlockSchemaFilter…`). There are a few
//! hundred of them: what no index serves reads them all.

use uuid::Uuid;

use crate::{filter, sort};

filter! {
    /// Block schemas by the type they are of.
    BlockSchemaFilterBlockTypeId {
        /// Block schemas of one of these types
        any_: Vec<Uuid> => "s.block_type_id = any({})",
    }
}

filter! {
    /// Block schemas by what their blocks can do.
    BlockSchemaFilterCapabilities {
        /// Block schemas with all of these capabilities
        all_?: Vec<String> => "s.capabilities @> {}",
    }
}

filter! {
    /// Block schemas by id.
    BlockSchemaFilterId {
        /// Block schemas with one of these ids
        any_: Vec<Uuid> => "s.id = any({})",
    }
}

filter! {
    /// Block schemas by version.
    BlockSchemaFilterVersion {
        /// Block schemas of one of these versions
        any_: Vec<String> => "s.version = any({})",
    }
}

filter! {
    /// Block schemas that meet all criteria, or any under `or_`.
    BlockSchemaFilter operator {
        block_type_id: nested BlockSchemaFilterBlockTypeId,
        block_capabilities: nested BlockSchemaFilterCapabilities,
        id: nested BlockSchemaFilterId,
        version: nested BlockSchemaFilterVersion,
    }
}

sort! {
    /// Orders of block schemas.
    BlockSchemaSort default CreatedDesc {
        CreatedDesc => "s.created desc, s.id desc",
        CreatedAsc => "s.created, s.id",
    }
}
