//! All SQL of the program, and the only crate that speaks to Postgres.
//!
//! The way in is a [`Scope`]: proof that someone may work in one workspace. It opens a [`Tx`], in which the SQL of the
//! resource modules runs unqualified; only the transaction knows the workspace's schema. A connection at rest belongs to
//! nobody (see [`pool`]).

pub mod artifacts;
pub mod block_documents;
pub mod block_schemas;
pub mod block_types;
pub mod cleanups;
pub mod commits;
pub mod concurrency_limits;
mod connect;
pub mod control;
pub mod deployments;
pub mod encryption;
mod error;
pub mod events;
#[cfg(test)]
mod explain;
pub mod flow_runs;
pub mod flows;
#[cfg(test)]
mod golden;
mod history;
pub mod inspect;
pub mod logs;
pub mod migrate;
pub mod orchestration;
pub mod pool;
pub mod pulse;
pub mod quarantine;
pub mod relations;
pub mod retention;
pub mod run_states;
pub mod saved_searches;
pub mod schedules;
mod scope;
pub mod settings;
pub mod sql;
pub mod task_runs;
pub mod task_workers;
#[cfg(test)]
mod testing;
pub mod ticks;
pub mod variables;
pub mod work_pools;
pub mod work_queues;
pub mod workers;

/// Target of the spans that are made for a trace: what a transaction took, for which workspace. They hold no SQL and no
/// value, and cost nothing where nobody collects them.
pub const SPANS: &str = "spans";

pub use commits::Commits;
pub use connect::{NotPostgres, Postgres};
pub use error::{Error, Result};
pub use pool::{Lane, Pool, PoolSettings, Tx};
pub use scope::{Permitted, SchemaName, Scope, Visible};
