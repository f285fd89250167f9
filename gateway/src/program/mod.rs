//! The program around the service: its commands, its listeners, its end.

mod commands;
mod dev;
mod logging;
mod migrate;
mod run;
mod serve;

pub use commands::main;
pub use serve::{Serving, serve, serve_metrics};

/// Why a command ended without success: what to print, with the cure in it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
