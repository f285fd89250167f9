//! Prefecture's HTTP side: the edge stack, the operations, the sockets, the services and the program around them.

pub mod account;
pub mod admin;
pub mod api;
mod app;
mod cache;
pub mod config;
pub mod doctor;
pub mod edge;
pub mod embedded;
pub mod kit;
mod limits;
pub mod listen;
pub mod live;
mod metrics;
pub mod program;
mod redis;
mod services;
mod tables;
mod telemetry;
mod templates;
mod tokens;

pub use app::App;

/// The version of the API that is spoken here; clients compare the header X-PREFECT-API-VERSION with it.
pub const API_VERSION: &str = "0.8.4";
/// The version of the reference that this program answers like; clients of another major version refuse to work.
pub const PREFECT_VERSION: &str = "3.9.1";
