//! Events: taken in, set aside.

use prometheus::IntCounterVec;

use super::make::Maker;

/// Where events come from: the operation and the socket.
const SOURCES: &[&str] = &["events", "events/in"];

pub struct Events {
    stored: IntCounterVec,
    quarantined: IntCounterVec,
}

impl Events {
    pub fn new(maker: &Maker<'_>) -> Self {
        let quarantined = "Events set aside because they could not be stored";
        Self {
            stored: maker.counters("prefecture_events_total", "Events taken in", "source", SOURCES),
            quarantined: maker.counters("prefecture_events_quarantined_total", quarantined, "source", SOURCES),
        }
    }

    pub fn taken(&self, source: &'static str, stored: usize, quarantined: usize) {
        self.stored.with_label_values(&[source]).inc_by(stored as u64);
        self.quarantined.with_label_values(&[source]).inc_by(quarantined as u64);
    }
}
