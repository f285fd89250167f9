//! What may be asked of block types (reference: `server/schemas/filters.py`, `BlockTypeFilter…`). There are a few dozen of
//! them: what no index serves reads them all.

use crate::sql::Like;
use crate::{filter, sort};

filter! {
    /// Block types by name.
    BlockTypeFilterName {
        /// Block types whose name has this text in it, whatever its case; `%` and `_` are wildcards
        like_?: Like => "t.name ilike {}",
    }
}

filter! {
    /// Block types by slug.
    BlockTypeFilterSlug {
        /// Block types with one of these slugs
        any_: Vec<String> => "t.slug = any({})",
    }
}

filter! {
    /// Block types that meet all criteria.
    BlockTypeFilter {
        name: nested BlockTypeFilterName,
        slug: nested BlockTypeFilterSlug,
    }
}

sort! {
    /// Orders of block types.
    BlockTypeSort default NameAsc {
        NameAsc => "t.name, t.id",
        NameDesc => "t.name desc, t.id desc",
    }
}
