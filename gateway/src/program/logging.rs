//! The log: to standard error, as text or as JSON lines. At no level does it hold a key, a body or a row.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

/// Libraries that write below this level what passes through them: messages with keys, headers, parameters of statements.
const TALKATIVE: [&str; 5] = ["tungstenite", "tokio_tungstenite", "h2", "hyper", "tokio_postgres"];
const QUIET: LevelFilter = LevelFilter::WARN;

pub fn start(filter: &str, format: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("prefecture: PREFECTURE_LOG: {error}; logging at info. Write for example info,access=debug");
        EnvFilter::new("info")
    });
    let quieter = |library: &str| format!("{library}={QUIET}").parse::<Directive>().ok();
    let filter = TALKATIVE.into_iter().filter_map(quieter).fold(filter, EnvFilter::add_directive);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Set once, at the start of the program.
    let _ = match format {
        "json" => log.json().flatten_event(true).try_init(),
        _ => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_is_named_as_a_filter_can_say_it() {
        for library in TALKATIVE {
            assert!(format!("{library}={QUIET}").parse::<Directive>().is_ok(), "{library}");
        }
    }
}
