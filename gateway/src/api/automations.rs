//! `/automations`: what deploying, looking at a deployment and `prefect transfer` ask about them (reference:
//! `server/api/automations.py`). There are none yet, and so they are answered.

use asked::AutomationsPage;
use wire::RawObject;

use crate::kit::{Accepted, Call, Json, JsonBody, Op, Path, Reply};
use crate::ops;

// Whoever deploys asks for the end of the automations that the deployment owns, so that is all it needs.
pub static OPS: &[Op] = ops![
    POST "/automations/filter" filter(JsonBody<AutomationsPage>) -> Json<Vec<RawObject>>,
        need Workspace(SeeAutomations), lane Heavy, cost One, cache Never, touches [], audit Nothing;
    GET "/automations/related-to/{resource_id}" related_to(Path<String>) -> Json<Vec<RawObject>>,
        need Workspace(SeeAutomations), lane Read, cost One, cache Never, touches [], audit Nothing;
    DELETE "/automations/owned-by/{resource_id}" delete_owned_by(Path<String>) -> Accepted<()>,
        need Workspace(WriteDeployments), lane Hot, cost One, cache Never, touches [], audit Nothing;
];

/// Which automations are asked for (reference: `server/events/filters.py`).
#[expect(dead_code, reason = "it is read and checked; there is nothing to choose from")]
mod asked {
    use tenant_store::sql::Operator;
    use uuid::Uuid;
    use wire::{Input, Limit, Time};

    /// One page of the automations.
    #[derive(Debug, Input)]
    #[input(parameters)]
    pub struct AutomationsPage {
        pub limit: Limit,
        #[input(default)]
        pub sort: AutomationSort,
        #[input(default, ge = 0)]
        pub offset: i64,
        pub automations: Option<AutomationFilter>,
    }

    /// Orders of automations.
    #[derive(Debug, Default, Input)]
    pub enum AutomationSort {
        CreatedDesc,
        UpdatedDesc,
        #[default]
        NameAsc,
        NameDesc,
    }

    /// Filter automations.
    #[derive(Debug, Input)]
    #[input(forbid_extra)]
    pub struct AutomationFilter {
        /// Whether all of the criteria must hold (`and_`) or any (`or_`).
        #[input(default)]
        pub operator: Operator,
        /// By id
        pub id: Option<AutomationFilterId>,
        /// By name
        pub name: Option<AutomationFilterName>,
        /// By when they were made
        pub created: Option<AutomationFilterCreated>,
        /// By tags
        pub tags: Option<AutomationFilterTags>,
    }

    /// Filter automations by id.
    #[derive(Debug, Input)]
    #[input(forbid_extra)]
    pub struct AutomationFilterId {
        /// One of these
        pub any_: Option<Vec<Uuid>>,
    }

    /// Filter automations by name.
    #[derive(Debug, Input)]
    #[input(forbid_extra)]
    pub struct AutomationFilterName {
        /// One of these
        pub any_: Option<Vec<String>>,
    }

    /// Filter automations by when they were made.
    #[derive(Debug, Input)]
    #[input(forbid_extra)]
    pub struct AutomationFilterCreated {
        /// Made at this time or before it
        pub before_: Option<Time>,
    }

    /// Filter automations by tags.
    #[derive(Debug, Input)]
    #[input(forbid_extra)]
    pub struct AutomationFilterTags {
        /// Whether all of the criteria must hold (`and_`) or any (`or_`).
        #[input(default)]
        pub operator: Operator,
        /// All of these
        pub all_: Option<Vec<String>>,
        /// One of these at least
        pub any_: Option<Vec<String>>,
        /// Without tags, or with some
        pub is_null_: Option<bool>,
    }
}

async fn filter(_: Call, _: JsonBody<AutomationsPage>) -> Reply<Json<Vec<RawObject>>> {
    Ok(Json(Vec::new()))
}

async fn related_to(_: Call, _: Path<String>) -> Reply<Json<Vec<RawObject>>> {
    Ok(Json(Vec::new()))
}

async fn delete_owned_by(_: Call, _: Path<String>) -> Reply<Accepted<()>> {
    Ok(Accepted(()))
}
