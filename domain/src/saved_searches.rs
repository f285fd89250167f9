//! Saved searches: sets of criteria that a user interface keeps.

use serde::Serialize;
use wire::{Input, Output, RawJson, Time};

use crate::SavedSearchId;
use crate::stored::Stored;

/// A saved search, known by its name in a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct SavedSearch {
    pub id: SavedSearchId,
    pub created: Time,
    pub updated: Time,
    /// The name of the saved search.
    pub name: String,
    /// The filter set for the saved search.
    pub filters: Stored<Vec<SavedSearchFilter>>,
}

/// One criterion. It is kept for whoever searches; nothing here carries it out.
#[derive(Debug, Clone, PartialEq, Serialize, Input)]
pub struct SavedSearchFilter {
    /// The object over which to filter.
    pub object: String,
    /// The property of the object on which to filter.
    pub property: String,
    /// The type of the property.
    pub r#type: String,
    /// The operator to apply to the object. For example, `equals`.
    pub operation: String,
    /// A JSON-compatible value for the filter.
    pub value: RawJson,
}

/// Creates a saved search, or replaces the criteria of the one of that name.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct SavedSearchCreate {
    /// The name of the saved search.
    pub name: String,
    /// The filter set for the saved search.
    #[input(default)]
    pub filters: Vec<SavedSearchFilter>,
}
