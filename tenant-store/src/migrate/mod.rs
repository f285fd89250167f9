//! Bringing schemas to the version of this program, and making and dropping them.
//!
//! Promises:
//! * Files are numbered and each can run twice. A schema says itself which version it is (`control.meta`, and
//!   `workspace_meta` in each workspace); the row of the control plane has a copy, which a later run puts right.
//! * A file and the new version are one transaction, so a run that was cut short is continued by the next one.
//! * Nothing waits long for a lock (`lock_timeout`), so a migration cannot make requests queue up behind it.
//! * This needs the login that owns the schemas; the one that serves requests owns nothing.
//! * A program of version N serves schemas of N−1 to N+1: first `prefecture migrate`, then the new program, replica by
//!   replica; and back again the same way.

mod bootstrap;
mod cell;
mod control;
mod files;
mod owner;
mod provision;
mod schema;
#[cfg(test)]
mod tests;
mod workspaces;

use std::ops::RangeInclusive;

pub use bootstrap::{Login, bootstrap_roles};
pub use cell::migrate_cells;
pub use control::migrate_control;
pub use owner::Owners;
pub use provision::Provisioner;
pub use workspaces::{Outcome, Progress, Report, Subject, migrate_workspaces};

/// The text of each file of a workspace, in order.
#[cfg(test)]
pub(crate) fn of_workspaces() -> impl Iterator<Item = &'static str> {
    files::WORKSPACE.iter().map(|file| file.sql)
}

/// The version of the control schema after all files.
pub const CONTROL_VERSION: i32 = files::CONTROL.len() as i32;
/// The version of a workspace's schema after all files.
pub const WORKSPACE_VERSION: i32 = files::WORKSPACE.len() as i32;
/// Versions of the control schema that this program works with.
pub const CONTROL_SERVED: RangeInclusive<i32> = served(CONTROL_VERSION);
/// Versions of a workspace's schema that this program works with.
pub const WORKSPACE_SERVED: RangeInclusive<i32> = served(WORKSPACE_VERSION);

/// One version either way, but never a schema that no file made.
const fn served(version: i32) -> RangeInclusive<i32> {
    let oldest = if version > 1 { version - 1 } else { 1 };
    oldest..=version + 1
}
