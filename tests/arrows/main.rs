//! The arrows between crates and between the rooms of a crate, as the README draws them. A failure names the line, the
//! arrow it draws, and what to do instead.
//!
//!     gateway → tenant-store → domain → wire
//!     program → edge → kit;   api, account, live, services → tenant-store, domain, kit
//!
//! `exceptions.txt` holds what is not yet as it should be, a reason a line; it may only shrink.

mod crates;
mod exceptions;
mod purity;
mod rooms;
mod source;

use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the repository").to_owned()
}

/// Fails with every finding at once.
#[track_caller]
fn none(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} wrong:\n\n{}\n", findings.len(), findings.join("\n\n"));
}
