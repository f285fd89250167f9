//! The migration files, built into the program by `build.rs`.

/// One numbered file of `migrations/control`, `migrations/cell` or `migrations/workspace`.
#[derive(Debug)]
pub(super) struct File {
    /// The version of the schema after it.
    pub number: i32,
    pub name: &'static str,
    pub sql: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
