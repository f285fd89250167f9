//! What may be asked of deployments (reference: `server/schemas/filters.py`, `DeploymentFilter…`; `sorting.py`,
//! `DeploymentSort`). The deployment is `d`.

use uuid::Uuid;

use crate::sql::Like;
use crate::{filter, sort};

filter! {
    /// Deployments by id.
    DeploymentFilterId {
        /// Deployments with one of these ids
        any_: Vec<Uuid> => "d.id = any({})",
        /// Deployments with none of these ids
        not_any_?: Vec<Uuid> => "d.id <> all({})",
    }
}

filter! {
    /// Deployments by name.
    DeploymentFilterName {
        /// Deployments with one of these names
        any_: Vec<String> => "d.name = any({})",
        /// Deployments whose name has this text in it, whatever its case
        like_?: Like => "d.name ilike {}",
    }
}

filter! {
    /// Deployments by their name or their flow's.
    DeploymentOrFlowNameFilter {
        /// Deployments where one of the two names has this text in it, whatever its case
        like_?: Like => "(d.name ilike {} or exists (select from flow n where n.id = d.flow_id and n.name ilike {}))",
    }
}

filter! {
    /// Deployments that are paused, or are not.
    DeploymentFilterPaused {
        /// True for deployments that are paused, false for the others
        eq_: bool => "d.paused" | "not d.paused",
    }
}

filter! {
    /// Deployments by tags.
    DeploymentFilterTags operator {
        /// Deployments that have all of these tags
        all_?: Vec<String> => "d.tags @> {}",
        /// Deployments that have one of these tags
        any_: Vec<String> => "d.tags && {}",
        /// True for deployments without tags, false for those with
        is_null_: bool => "d.tags = '{}'" | "d.tags <> '{}'",
    }
}

filter! {
    /// Deployments by the name of their work queue.
    DeploymentFilterWorkQueueName {
        /// Deployments of work queues with one of these names
        any_: Vec<String> => "coalesce((select u.name from work_queue u where u.id = d.work_queue_id), d.work_queue_name) = any({})",
    }
}

/// Asks nothing: limits are no longer a number of the deployment. Old clients still send it.
#[derive(Debug, Clone, PartialEq, wire::Input)]
#[input(forbid_extra)]
pub struct DeploymentFilterConcurrencyLimit {
    pub ge_: Option<i64>,
    pub le_: Option<i64>,
    pub is_null_: Option<bool>,
}

filter! {
    /// Deployments that meet all criteria, or any under `or_`.
    DeploymentFilter operator {
        id: nested DeploymentFilterId,
        name: nested DeploymentFilterName,
        flow_or_deployment_name: nested DeploymentOrFlowNameFilter,
        paused: nested DeploymentFilterPaused,
        tags: nested DeploymentFilterTags,
        work_queue_name: nested DeploymentFilterWorkQueueName,
        concurrency_limit: ignored DeploymentFilterConcurrencyLimit,
    }
}

sort! {
    /// Orders of deployments.
    DeploymentSort default NameAsc {
        CreatedDesc => "d.created desc, d.id desc",
        UpdatedDesc => "d.updated desc, d.id desc",
        NameAsc => "d.name, d.id",
        NameDesc => "d.name desc, d.id desc",
    }
}
