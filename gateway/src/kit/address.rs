//! Which tenant a request is about. The edge reads it from the path.

use domain::{AccountId, WorkspaceId};

/// The tenant of a request and the path below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub tenant: Tenant,
    /// Begins with `/`.
    pub path: String,
    /// What a path that the root does not know means instead.
    pub fallback: Option<(AccountId, WorkspaceId)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tenant {
    Nobody,
    Account(AccountId),
    Workspace(AccountId, WorkspaceId),
}

impl Default for Address {
    fn default() -> Self {
        Self { tenant: Tenant::Nobody, path: "/".into(), fallback: None }
    }
}

/// A key on its way. Never shown.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
