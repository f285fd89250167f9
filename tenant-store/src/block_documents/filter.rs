//! What may be asked of block documents (reference: `server/schemas/filters.py`, `BlockDocumentFilter…`). A filter that says
//! nothing of anonymous blocks leaves them out; one that says null does not.

use uuid::Uuid;

use crate::sql::Like;
use crate::{filter, sort};

filter! {
    /// Block documents by whether they are anonymous.
    BlockDocumentFilterIsAnonymous {
        /// Anonymous ones alone, or the others alone
        eq_: bool => "d.is_anonymous" | "not d.is_anonymous",
    }
}

filter! {
    /// Block documents by their type.
    BlockDocumentFilterBlockTypeId {
        /// Block documents of one of these types
        any_: Vec<Uuid> => "d.block_type_id = any({})",
    }
}

filter! {
    /// Block documents by id.
    BlockDocumentFilterId {
        /// Block documents with one of these ids
        any_: Vec<Uuid> => "d.id = any({})",
    }
}

filter! {
    /// Block documents by name.
    BlockDocumentFilterName {
        /// Block documents with one of these names
        any_: Vec<String> => "d.name = any({})",
        /// Block documents whose name has this text in it, whatever its case; `%` and `_` are wildcards
        like_?: Like => "d.name ilike {}",
    }
}

filter! {
    /// Block documents that meet all criteria, or any under `or_`.
    BlockDocumentFilter operator {
        id: nested BlockDocumentFilterId,
        #[input(default = Some(named()))]
        is_anonymous: nested BlockDocumentFilterIsAnonymous,
        block_type_id: nested BlockDocumentFilterBlockTypeId,
        name: nested BlockDocumentFilterName,
    }
}

sort! {
    /// Orders of block documents.
    BlockDocumentSort default NameAsc {
        NameDesc => "d.name desc, d.id desc",
        NameAsc => "d.name, d.id",
        // Sorts what the filter leaves: blocks are made by people.
        BlockTypeAndNameAsc => "o.name, d.name, d.id",
    }
}

fn named() -> BlockDocumentFilterIsAnonymous {
    BlockDocumentFilterIsAnonymous { eq_: Some(false) }
}

impl BlockDocumentFilter {
    /// The named ones of a type.
    pub fn of_type(block_type: Uuid) -> Self {
        Self {
            operator: Default::default(),
            id: None,
            is_anonymous: Some(named()),
            block_type_id: Some(BlockDocumentFilterBlockTypeId { any_: Some(vec![block_type]) }),
            name: None,
        }
    }
}
