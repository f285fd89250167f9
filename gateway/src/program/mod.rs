//! The program around the service: its commands, its listeners, its end.

mod census;
mod commands;
mod dev;
mod logging;
mod migrate;
mod operator;
mod run;
mod serve;

pub use commands::main;
pub use operator::serve_operator;
pub use serve::{Serving, serve};

/// Why a command ended without success: what to print, with the cure in it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
