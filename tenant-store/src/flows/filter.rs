//! What may be asked of flows (reference: `server/schemas/filters.py`, `FlowFilter…`; `sorting.py`, `FlowSort`).

use uuid::Uuid;

use crate::sql::Like;
use crate::{filter, sort};

filter! {
    /// Filter by `Flow.id`.
    FlowFilterId {
        /// A list of flow ids to include
        any_: Vec<Uuid> => "f.id = any({})",
        /// A list of flow ids to exclude
        not_any_?: Vec<Uuid> => "f.id <> all({})",
    }
}

filter! {
    /// Filter by flows by deployment
    FlowFilterDeployment operator {
        /// If true, only include flows without deployments
        is_null_: bool => "not exists (select from deployment d where d.flow_id = f.id)"
            | "exists (select from deployment d where d.flow_id = f.id)",
    }
}

filter! {
    /// Filter by `Flow.name`.
    FlowFilterName {
        /// A list of flow names to include
        any_: Vec<String> => "f.name = any({})",
        /// A case-insensitive partial match
        like_?: Like => "f.name ilike {}",
    }
}

filter! {
    /// Filter by `Flow.tags`.
    FlowFilterTags operator {
        /// Flows are returned only if their tags are a superset of the list
        all_?: Vec<String> => "f.tags @> {}",
        /// If true, only include flows without tags
        is_null_: bool => "f.tags = '{}'" | "f.tags <> '{}'",
    }
}

filter! {
    /// Filter for flows. Only flows matching all criteria will be returned.
    FlowFilter operator {
        id: nested FlowFilterId,
        deployment: nested FlowFilterDeployment,
        name: nested FlowFilterName,
        tags: nested FlowFilterTags,
    }
}

sort! {
    /// Orders of flows.
    FlowSort default NameAsc {
        CreatedDesc => "f.created desc",
        UpdatedDesc => "f.updated desc",
        NameAsc => "f.name",
        NameDesc => "f.name desc",
    }
}
