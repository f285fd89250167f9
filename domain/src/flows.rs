//! Flows: what is run.

use serde::Serialize;
use wire::{Input, Output, Patch, Time};

use crate::FlowId;
use crate::labels::Labels;

/// A flow, known by its name in a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct Flow {
    pub id: FlowId,
    pub created: Time,
    pub updated: Time,
    pub name: String,
    pub tags: Vec<String>,
    /// Null only where they were set to null.
    pub labels: Option<Labels>,
}

/// Creates a flow, or answers the one of that name.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct FlowCreate {
    /// The name of the flow.
    #[input(pattern = "^[^/%&><]+$")]
    pub name: String,
    /// A list of flow tags.
    #[input(default)]
    pub tags: Vec<String>,
    /// Key-value labels; values are strings, numbers or booleans.
    #[input(default = Some(Labels::default()))]
    pub labels: Option<Labels>,
}

/// Changes a flow.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct FlowUpdate {
    /// A list of flow tags.
    pub tags: Patch<Vec<String>>,
}
