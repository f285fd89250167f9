//! Secrets at rest.
//!
//! Each workspace has a random key of its own for its blocks. That key is kept in the workspace's schema, wrapped by a key
//! of the operator's ring ([`KeyRing`]), which no database holds. So a dump of the database tells nothing, and to change
//! the operator's key a small row of each workspace is written anew (`rewrap`), not its blocks.
//!
//! Everything is AES-256-GCM with a random nonce, and bound to where it belongs: a block's data to workspace and document,
//! a wrapped key to its workspace. Put in another place, it cannot be opened.

mod ring;
mod seal;
mod workspace;

pub use ring::{KeyRing, WrongRing};
pub use workspace::{Rewrapped, rewrap};
pub(crate) use workspace::{WorkspaceKey, Wrapped, of_workspace};
