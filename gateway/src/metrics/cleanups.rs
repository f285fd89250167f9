//! Clean-ups of infrastructure that workers are sent.

use prometheus::IntCounterVec;

use super::make::Maker;

/// Given up are those of which nobody knows whether their infrastructure is gone.
const OUTCOMES: &[&str] = &["delivered", "done", "released", "expired", "given_up"];

pub struct Cleanups(IntCounterVec);

impl Cleanups {
    pub fn new(maker: &Maker<'_>) -> Self {
        let help = "Clean-ups that workers were sent, and what became of them";
        Self(maker.counters("prefecture_worker_cleanups_total", help, "outcome", OUTCOMES))
    }

    pub fn delivered(&self) {
        self.count("delivered");
    }

    pub fn done(&self) {
        self.count("done");
    }

    pub fn released(&self) {
        self.count("released");
    }

    pub fn expired(&self) {
        self.count("expired");
    }

    pub fn dead(&self) {
        self.count("given_up");
    }

    fn count(&self, outcome: &str) {
        self.0.with_label_values(&[outcome]).inc();
    }
}
