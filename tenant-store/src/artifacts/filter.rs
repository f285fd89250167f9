//! What may be asked of artifacts, and of the latest of each key (reference: `server/schemas/filters.py`,
//! `ArtifactFilter…`, `ArtifactCollectionFilter…`; `sorting.py`). The artifact is `a`, its key `l`.

use uuid::Uuid;

use crate::sql::Like;
use crate::{filter, sort};

filter! {
    /// Artifacts by id.
    ArtifactFilterId {
        /// Artifacts with one of these ids
        any_: Vec<Uuid> => "a.id = any({})",
    }
}

filter! {
    /// Artifacts by key.
    ArtifactFilterKey {
        /// Artifacts with one of these keys
        any_: Vec<String> => "a.key = any({})",
        /// Artifacts whose key has this text in it, whatever its case; `%` and `_` are wildcards
        like_?: Like => "a.key ilike {}",
        /// True for artifacts with a key, false for those without
        exists_: bool => "a.key is not null" | "a.key is null",
    }
}

filter! {
    /// Artifacts by the flow run that made them.
    ArtifactFilterFlowRunId {
        /// Artifacts of one of these flow runs
        any_: Vec<Uuid> => "a.flow_run_id = any({})",
    }
}

filter! {
    /// Artifacts by the task run that made them.
    ArtifactFilterTaskRunId {
        /// Artifacts of one of these task runs
        any_: Vec<Uuid> => "a.task_run_id = any({})",
    }
}

filter! {
    /// Artifacts by type.
    ArtifactFilterType {
        /// Artifacts of one of these types
        any_: Vec<String> => "a.type = any({})",
        /// Artifacts of none of these types
        not_any_?: Vec<String> => "a.type <> all({})",
    }
}

filter! {
    /// Artifacts that meet all criteria, or any under `or_`.
    ArtifactFilter operator {
        id: nested ArtifactFilterId,
        key: nested ArtifactFilterKey,
        flow_run_id: nested ArtifactFilterFlowRunId,
        task_run_id: nested ArtifactFilterTaskRunId,
        r#type: nested ArtifactFilterType,
    }
}

filter! {
    /// Keys by their latest artifact.
    ArtifactCollectionFilterLatestId {
        /// Keys of which one of these artifacts is the latest
        any_: Vec<Uuid> => "l.latest_id = any({})",
    }
}

filter! {
    /// Keys by name.
    ArtifactCollectionFilterKey {
        /// One of these keys
        any_: Vec<String> => "l.key = any({})",
        /// Keys that have this text in them, whatever its case; `%` and `_` are wildcards
        like_?: Like => "l.key ilike {}",
        /// True for all of them, false for none
        exists_: bool => "l.key is not null" | "l.key is null",
    }
}

filter! {
    /// Keys by the flow run that made their latest artifact.
    ArtifactCollectionFilterFlowRunId {
        /// Keys whose latest artifact is of one of these flow runs
        any_: Vec<Uuid> => "a.flow_run_id = any({})",
    }
}

filter! {
    /// Keys by the task run that made their latest artifact.
    ArtifactCollectionFilterTaskRunId {
        /// Keys whose latest artifact is of one of these task runs
        any_: Vec<Uuid> => "a.task_run_id = any({})",
    }
}

filter! {
    /// Keys by the type of their latest artifact.
    ArtifactCollectionFilterType {
        /// Keys whose latest artifact is of one of these types
        any_: Vec<String> => "a.type = any({})",
        /// Keys whose latest artifact is of none of these types
        not_any_?: Vec<String> => "a.type <> all({})",
    }
}

filter! {
    /// Keys whose latest artifact meets all criteria, or any under `or_`.
    ArtifactCollectionFilter operator {
        latest_id: nested ArtifactCollectionFilterLatestId,
        key: nested ArtifactCollectionFilterKey,
        flow_run_id: nested ArtifactCollectionFilterFlowRunId,
        task_run_id: nested ArtifactCollectionFilterTaskRunId,
        r#type: nested ArtifactCollectionFilterType,
    }
}

sort! {
    /// Orders of artifacts. Those without a key come last, and first in the opposite order.
    ArtifactSort default IdDesc {
        CreatedDesc => "a.created desc, a.id desc",
        UpdatedDesc => "a.updated desc, a.id desc",
        IdDesc => "a.id desc",
        KeyDesc => "a.key desc, a.created desc, a.id desc",
        KeyAsc => "a.key, a.created, a.id",
    }
}

sort! {
    /// Orders of keys.
    ArtifactCollectionSort default IdDesc {
        CreatedDesc => "l.created desc, l.id desc",
        UpdatedDesc => "l.updated desc, l.id desc",
        IdDesc => "l.id desc",
        KeyDesc => "l.key desc",
        KeyAsc => "l.key",
    }
}
