//! Polls for runs.

use prometheus::{IntCounter, IntGauge};

use super::make::{Held, Maker};

pub struct Polls {
    held: IntGauge,
    turned_away: IntCounter,
}

impl Polls {
    pub fn new(maker: &Maker<'_>) -> Self {
        Self {
            held: maker.gauge("prefecture_polls_held", "Polls for runs that wait for one to come"),
            turned_away: maker.counter(
                "prefecture_polls_turned_away_total",
                "Polls answered at once because a workspace has as many waiting as it may",
            ),
        }
    }

    /// Counts a poll as waiting until dropped.
    pub fn held(&self) -> Held {
        Held::new(&self.held)
    }

    pub fn turned_away(&self) {
        self.turned_away.inc();
    }
}
