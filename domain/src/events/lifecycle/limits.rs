//! What is told of concurrency limits.

use serde::Serialize;

use super::{Action, Telling};
use crate::LimitId;

/// A limit by name (v2).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Limit<'a> {
    #[serde(skip)]
    pub id: LimitId,
    pub name: &'a str,
    pub limit: i64,
    pub active: bool,
    pub slot_decay_per_second: f64,
}

pub fn limit(action: Action, limit: &Limit<'_>) -> Telling {
    Telling::lifecycle("concurrency-limit", action, limit.id, Some(limit.name)).with(limit)
}

/// The limit of a tag (v1).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TagLimit<'a> {
    #[serde(skip)]
    pub id: LimitId,
    pub tag: &'a str,
    pub concurrency_limit: i64,
}

pub fn tag_limit(action: Action, limit: &TagLimit<'_>) -> Telling {
    Telling::lifecycle("concurrency-limit", action, limit.id, Some(limit.tag)).with(limit)
}
