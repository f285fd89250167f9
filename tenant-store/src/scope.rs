//! Proof that someone may work in one workspace.
//!
//! A [`Scope`] is the only thing that opens a transaction in a tenant's schema. It is minted in two places: here from a
//! [`Permitted`], which the control plane makes after it verified a key for that workspace and the operation's scope; and by
//! [`Scope::for_system`], for claimed background work and the admin shell. All fields are private and there is no other
//! constructor, so a handler cannot name another tenant.

use std::sync::Arc;

use domain::{ActorId, WorkspaceId};

use crate::Result;
use crate::pool::{Lane, Pool, Tx};

/// The name of a workspace's schema, and of its role: `ws_` and 32 hexadecimal digits. Opaque, never shown to a client, and
/// by its alphabet safe in SQL text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SchemaName(Arc<str>);

impl SchemaName {
    /// A fresh random name.
    pub fn random() -> Self {
        Self(format!("ws_{}", uuid::Uuid::new_v4().simple()).into())
    }

    /// Reads a name from the control plane; `None` if it is not of the shape above.
    pub fn from_column(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("ws_")?;
        (hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
            .then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a workspace lives: which pool (database), which schema, of which version.
#[derive(Clone)]
pub struct Place {
    pub(crate) workspace: WorkspaceId,
    pub(crate) schema: SchemaName,
    /// As it was when the place was looked up: at most older than it is.
    pub(crate) version: i32,
    pub(crate) pool: Pool,
}

impl Place {
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Whether the workspace is on the database of this pool.
    pub fn is_on(&self, pool: &Pool) -> bool {
        self.pool.is(pool)
    }
}

/// What of a workspace its holder may see. Object-level access lists narrow it; the filter builder adds it to every query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Visible {
    #[default]
    Everything,
}

/// A caller whose key was verified for this workspace and whose role holds the operation's scope. Made by
/// `control::access` alone.
#[derive(Clone)]
pub struct Permitted {
    pub(crate) place: Place,
    pub(crate) actor: ActorId,
    pub(crate) visible: Visible,
}

impl Permitted {
    pub fn workspace(&self) -> WorkspaceId {
        self.place.workspace
    }

    /// Who is acting, for events and audit.
    pub fn actor(&self) -> ActorId {
        self.actor
    }
}

/// Why a scope exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minted {
    /// For the request of this actor.
    ForRequest(ActorId),
    /// For the program itself; what for.
    ForSystem(&'static str),
}

/// The right to open transactions in one workspace's schema.
#[derive(Clone)]
pub struct Scope {
    place: Place,
    visible: Visible,
    minted: Minted,
}

impl Scope {
    /// For a caller whose key was verified for the workspace.
    pub fn for_request(Permitted { place, actor, visible }: Permitted) -> Self {
        Self { place, visible, minted: Minted::ForRequest(actor) }
    }

    /// For background work that was claimed, and for the admin shell. `reason` goes to the audit log.
    pub fn for_system(place: &Place, reason: &'static str) -> Self {
        tracing::debug!(workspace = %place.workspace, reason, "system scope");
        Self { place: place.clone(), visible: Visible::Everything, minted: Minted::ForSystem(reason) }
    }

    /// For work of the program itself that begins with somebody who was let in, and outlives them.
    pub fn for_the_program(&self, reason: &'static str) -> Self {
        Self::for_system(&self.place, reason)
    }

    /// Whether the schema has what the migration of this number made.
    pub(crate) fn has(&self, version: i32) -> bool {
        self.place.version >= version
    }

    /// A transaction of reads: each statement stands alone, sent with its `BEGIN` and `COMMIT` in one trip.
    pub async fn read(&self, lane: Lane) -> Result<Tx<'_>> {
        self.place.pool.read(self, lane).await
    }

    /// A transaction that writes.
    pub async fn write(&self, lane: Lane) -> Result<Tx<'_>> {
        self.place.pool.write(self, lane).await
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.place.workspace
    }

    pub fn visible(&self) -> Visible {
        self.visible
    }

    pub fn minted(&self) -> Minted {
        self.minted
    }

    pub(crate) fn schema(&self) -> &SchemaName {
        &self.place.schema
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.place.pool
    }
}

#[cfg(test)]
mod tests {
    use super::SchemaName;

    #[test]
    fn schema_names_cannot_carry_sql() {
        assert!(SchemaName::from_column(SchemaName::random().as_str()).is_some());
        for bad in ["ws_", "public", "ws_0123456789abcdef0123456789abcdeF", "ws_\"; drop schema x --aaaaaaaaaaaaaaaa"] {
            assert!(SchemaName::from_column(bad).is_none(), "{bad}");
        }
    }
}
