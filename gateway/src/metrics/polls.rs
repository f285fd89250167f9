//! Polls for runs.

use prometheus::IntGauge;

use super::make::{Held, Maker};

pub struct Polls {
    held: IntGauge,
}

impl Polls {
    pub fn new(maker: &Maker<'_>) -> Self {
        Self { held: maker.gauge("prefecture_polls_held", "Polls for runs that wait for one to come") }
    }

    /// Counts a poll as waiting until dropped.
    pub fn held(&self) -> Held {
        Held::new(&self.held)
    }
}
