//! What limits refused, and who waits for them.

use prometheus::{IntCounter, IntCounterVec, IntGauge};

use super::make::{Held, Maker};

pub struct Limits {
    refused: IntCounterVec,
    waiting: IntGauge,
    guesses: IntCounter,
}

/// Names of limits; those of rates stand in the answers' fields, too.
const LIMITS: &[&str] = &[
    "requests",
    "requests-of-workspace",
    "requests-of-key",
    "logs-and-events",
    "logs-and-events-of-workspace",
    "requests-in-work",
    "sockets",
    "guesses",
];

impl Limits {
    pub fn new(maker: &Maker<'_>) -> Self {
        Self {
            refused: maker.counters("prefecture_limited_total", "Refused or delayed by a limit", "limit", LIMITS),
            waiting: maker
                .gauge("prefecture_requests_waiting", "Requests that wait until fewer of their workspace are in work"),
            guesses: maker.counter("prefecture_bad_keys_total", "Keys that let nobody in"),
        }
    }

    pub fn refused(&self, limit: &'static str) {
        self.refused.with_label_values(&[limit]).inc();
    }

    /// Counts a request as waiting until dropped.
    pub fn waiting(&self) -> Held {
        Held::new(&self.waiting)
    }

    pub fn bad_key(&self) {
        self.guesses.inc();
    }
}
