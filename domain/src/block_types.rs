//! Block types: what kinds of configuration a workspace keeps as blocks.

use serde::Serialize;
use wire::{Errors, Input, Json, Output, Patch, Time};

use crate::BlockTypeId;
use crate::policies::refuse;

/// Names that begin so, in any case, are kept for types of the system.
const RESERVED: &str = "prefect";

/// A kind of block, known by its slug in a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Output)]
pub struct BlockType {
    pub id: BlockTypeId,
    pub created: Time,
    pub updated: Time,
    /// A block type's name
    pub name: String,
    /// A block type's slug
    pub slug: String,
    /// Web URL for the block type's logo
    pub logo_url: Option<String>,
    /// Web URL for the block type's documentation
    pub documentation_url: Option<String>,
    /// A short blurb about the corresponding block's intended use
    pub description: Option<String>,
    /// A code snippet demonstrating use of the corresponding block
    pub code_example: Option<String>,
    /// Protected block types cannot be deleted.
    pub is_protected: bool,
}

/// Data used by the Prefect REST API to create a block type.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct BlockTypeCreate {
    /// A block type's name
    #[input(pattern = "^[^/%&><]+$")]
    pub name: String,
    /// Lower-case letters, digits and dashes.
    #[input(with = slug)]
    pub slug: String,
    /// Web URL for the block type's logo
    pub logo_url: Option<String>,
    /// Web URL for the block type's documentation
    pub documentation_url: Option<String>,
    /// A short blurb about the corresponding block's intended use
    pub description: Option<String>,
    /// A code snippet demonstrating use of the corresponding block
    pub code_example: Option<String>,
}

/// Data used by the Prefect REST API to update a block type.
#[derive(Debug, Clone, Input)]
#[input(forbid_extra)]
pub struct BlockTypeUpdate {
    pub logo_url: Patch<Option<String>>,
    pub documentation_url: Patch<Option<String>>,
    pub description: Patch<Option<String>>,
    pub code_example: Patch<Option<String>>,
}

impl BlockTypeCreate {
    pub fn is_reserved(&self) -> bool {
        self.name.to_lowercase().starts_with(RESERVED)
    }

    /// With its texts as they are kept: safe to be shown in a page.
    pub fn escaped(mut self) -> Self {
        self.description = self.description.as_deref().map(escape);
        self.code_example = self.code_example.as_deref().map(escape);
        self
    }
}

impl BlockTypeUpdate {
    /// Whether it says anything new. Clients that register a block say all of it each time (reference:
    /// `blocks/core.py`, `_should_update_block_type`).
    pub fn changes(&self, current: &BlockType) -> bool {
        let Self { logo_url, documentation_url, description, code_example } = self;
        let said = |patch: &Patch<Option<String>>, current: &Option<String>| patch.value() == Some(current);
        let text = |patch: &Patch<Option<String>>, current: &Option<String>| {
            patch.value().map(|new| new.as_deref().map(unescape)) == Some(current.as_deref().map(unescape))
        };
        !(said(logo_url, &current.logo_url)
            && said(documentation_url, &current.documentation_url)
            && text(description, &current.description)
            && text(code_example, &current.code_example))
    }
}

/// The slug of a block type (reference: `types/names.py`, `BlockTypeSlug`).
fn slug(value: &Json<'_>, errors: &mut Errors) -> Option<String> {
    let slug = String::parse(value, errors)?;
    if !is_dashed(&slug) {
        refuse(value, "Block type slug must only contain lowercase letters, numbers, and dashes.", errors);
        return None;
    }
    Some(slug)
}

/// Lower-case letters, digits and dashes, or nothing.
pub(crate) fn is_dashed(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(text: &str) -> String {
    let named = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    named.replace("&#x27;", "'").replace("&#39;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_told_what_it_is_does_not_change() {
        let current = BlockType {
            id: BlockTypeId(uuid::Uuid::nil()),
            created: Time::from_text("2026-01-01T00:00:00Z").unwrap(),
            updated: Time::from_text("2026-01-01T00:00:00Z").unwrap(),
            name: "Thing".into(),
            slug: "thing".into(),
            logo_url: None,
            documentation_url: Some("http://x".into()),
            description: Some(escape("a < b & c")),
            code_example: None,
            is_protected: false,
        };
        assert_eq!(current.description.as_deref(), Some("a &lt; b &amp; c"));
        let same = BlockTypeUpdate {
            logo_url: Patch::Set(None),
            documentation_url: Patch::Set(Some("http://x".into())),
            description: Patch::Set(Some("a < b & c".into())),
            code_example: Patch::Set(None),
        };
        assert!(!same.changes(&current));
        assert!(BlockTypeUpdate { logo_url: Patch::Absent, ..same.clone() }.changes(&current));
        assert!(BlockTypeUpdate { description: Patch::Set(Some("other".into())), ..same }.changes(&current));
    }
}
