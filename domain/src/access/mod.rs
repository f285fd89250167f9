//! Who may do what: the scopes of a workspace, the permissions of an account, the built-in roles, and what an actor may
//! give to others.
//!
//! Names are the protocol's. A set of them is a word of bits; scopes are closed under inclusion when the set is made: a role
//! that holds `manage_blocks` holds `see_secret_blocks` and `see_blocks`, so a check is one test of a bit. What is in no set
//! is denied.

mod claims;
mod handle;
mod holdings;
mod names;
mod permissions;
mod roles;
mod scopes;

pub use claims::{MOST_VALUES, weight};
pub use handle::{handle_of, is_handle};
pub use holdings::{Excess, Holdings, Power};
pub use permissions::{Permission, Permissions};
pub use roles::{AccountRole, WorkspaceRole, is_built_in};
pub use scopes::{ScopeName, Scopes};
