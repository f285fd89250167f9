//! What limits refused.

use prometheus::{IntCounter, IntCounterVec};

use super::make::Maker;

pub struct Limits {
    refused: IntCounterVec,
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
            guesses: maker.counter("prefecture_bad_keys_total", "Keys that let nobody in"),
        }
    }

    pub fn refused(&self, limit: &'static str) {
        self.refused.with_label_values(&[limit]).inc();
    }

    pub fn bad_key(&self) {
        self.guesses.inc();
    }
}
