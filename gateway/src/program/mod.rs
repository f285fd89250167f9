//! The program around the service: its commands, its listeners, its end.

mod census;
mod commands;
mod dev;
mod logging;
mod migrate;
mod operator;
mod rewrap;
mod run;
mod serve;

use std::io::Write;

pub use commands::main;
pub use operator::serve_operator;
pub use rewrap::rewrap_all;
pub use serve::{Serving, serve};

/// Why a command ended without success: what to print, with the cure in it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A line on the standard output, for whoever started the program. They may have read enough and closed it, which is no
/// reason to end.
fn say(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
