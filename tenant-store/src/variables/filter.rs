//! What may be asked of variables (reference: `server/schemas/filters.py`, `VariableFilter…`; `sorting.py`,
//! `VariableSort`). There are few of them: what no index serves reads them all.

use uuid::Uuid;

use crate::sql::Like;
use crate::{filter, sort};

filter! {
    /// Variables by id.
    VariableFilterId {
        /// Variables with one of these ids
        any_: Vec<Uuid> => "v.id = any({})",
    }
}

filter! {
    /// Variables by name.
    VariableFilterName {
        /// Variables with one of these names
        any_: Vec<String> => "v.name = any({})",
        /// Variables whose name has this text in it, whatever its case; `%` and `_` are wildcards
        like_?: Like => "v.name ilike {}",
    }
}

filter! {
    /// Variables by tags.
    VariableFilterTags operator {
        /// Variables that have all of these tags
        all_?: Vec<String> => "v.tags @> {}",
        /// True for variables without tags, false for those with
        is_null_: bool => "v.tags = '{}'" | "v.tags <> '{}'",
    }
}

filter! {
    /// Variables that meet all criteria, or any under `or_`.
    VariableFilter operator {
        id: nested VariableFilterId,
        name: nested VariableFilterName,
        tags: nested VariableFilterTags,
    }
}

sort! {
    /// Orders of variables.
    VariableSort default NameAsc {
        CreatedDesc => "v.created desc, v.id desc",
        UpdatedDesc => "v.updated desc, v.id desc",
        NameDesc => "v.name desc",
        NameAsc => "v.name",
    }
}
