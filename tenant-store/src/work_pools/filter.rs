//! What may be asked of work pools (reference: `server/schemas/filters.py`, `WorkPoolFilter…`). The pool is `w`.

use uuid::Uuid;

use crate::filter;

filter! {
    /// Work pools by id.
    WorkPoolFilterId {
        /// Work pools with one of these ids
        any_: Vec<Uuid> => "w.id = any({})",
    }
}

filter! {
    /// Work pools by name.
    WorkPoolFilterName {
        /// Work pools with one of these names
        any_: Vec<String> => "w.name = any({})",
    }
}

filter! {
    /// Work pools by type.
    WorkPoolFilterType {
        /// Work pools of one of these types
        any_: Vec<String> => "w.type = any({})",
    }
}

filter! {
    /// Work pools that meet all criteria, or any under `or_`.
    WorkPoolFilter operator {
        id: nested WorkPoolFilterId,
        name: nested WorkPoolFilterName,
        r#type: nested WorkPoolFilterType,
    }
}
