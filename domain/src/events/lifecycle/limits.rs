//! What is told of concurrency limits. The limit of a tag is told of as the limit of its name, as in the reference.

use serde::Serialize;

use super::{Action, Telling};
use crate::LimitId;

/// What is told of a limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limit {
    #[serde(skip)]
    pub id: LimitId,
    pub name: String,
    pub limit: i64,
    pub active: bool,
    pub slot_decay_per_second: f64,
}

/// A limit was made, changed or deleted.
pub fn limit(action: Action, limit: &Limit) -> Telling {
    Telling::lifecycle("concurrency-limit", action, limit.id, Some(&limit.name)).with(limit)
}
