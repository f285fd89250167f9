//! Waiting for what another process does.

use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; a test that fails may well be slow.
pub const PATIENCE: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(10);

/// Asks until there is an answer. Panics with `what` and the last reason when there is none in a minute.
pub fn eventually<T, E: std::fmt::Debug>(what: &str, mut ask: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(reason) => assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}; at last: {reason:?}"),
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that may: between two looks at another process")]
pub fn pause() {
    std::thread::sleep(ASK_EVERY);
}
