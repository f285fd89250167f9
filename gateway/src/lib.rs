//! Prefecture's HTTP side: the edge stack, the operations, the sockets, the services and the program around them.

pub mod account;
pub mod admin;
pub mod api;
mod app;
pub mod config;
pub mod edge;
pub mod embedded;
pub mod kit;
pub mod live;
pub mod program;

pub use app::App;
