//! Redis: whether it answers, and how often it did not.

use prometheus::{IntCounterVec, IntGauge};

use super::make::Maker;

pub struct Redis {
    configured: IntGauge,
    up: IntGauge,
    failures: IntCounterVec,
}

/// Why a question got no answer.
const WHY: &[&str] = &["timeout", "broken", "refused"];

impl Redis {
    pub fn new(maker: &Maker<'_>) -> Self {
        Self {
            configured: maker.gauge("prefecture_redis_configured", "1 where the program was given a Redis"),
            up: maker.gauge("prefecture_redis_up", "1 while Redis answers; 0 also where none is configured"),
            failures: maker.counters(
                "prefecture_redis_failures_total",
                "Questions to Redis that got no answer; what asked went on without it",
                "why",
                WHY,
            ),
        }
    }

    pub fn configured(&self) {
        self.configured.set(1);
    }

    pub fn answers(&self, up: bool) {
        self.up.set(up.into());
    }

    pub fn failed(&self, why: &'static str) {
        self.failures.with_label_values(&[why]).inc();
    }

    #[cfg(test)]
    pub fn failures(&self, why: &'static str) -> u64 {
        self.failures.with_label_values(&[why]).get()
    }
}
