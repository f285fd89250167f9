//! The log: to standard error, as text or as JSON lines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

pub fn start(filter: &str, format: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("prefecture: PREFECTURE_LOG: {error}; logging at info. Write for example info,access=debug");
        EnvFilter::new("info")
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Set once, at the start of the program.
    let _ = match format {
        "json" => log.json().flatten_event(true).try_init(),
        _ => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
}
