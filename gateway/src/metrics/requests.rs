//! Requests: how many, how they ended, how long they took.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use foldhash::HashMap;
use http::StatusCode;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};

use super::make::Maker;

/// Half a millisecond to ten seconds.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// An operation, and how it ended.
type Met = (&'static str, StatusCode);
type Counting = (IntCounter, Histogram);

pub struct Requests {
    answered: IntCounterVec,
    duration: HistogramVec,
    in_flight: IntGauge,
    /// The metrics of operations and statuses that were met, so that they need not be looked for by their labels.
    met: RwLock<HashMap<Met, Counting>>,
}

/// A request in work, until dropped.
pub struct InFlight<'a>(&'a IntGauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Requests {
    pub fn new(maker: &Maker<'_>) -> Self {
        Self {
            answered: maker.counters_by("prefecture_requests_total", "Requests answered", &["operation", "status"]),
            duration: maker.histograms_by(
                "prefecture_request_duration_seconds",
                "Time to answer a request",
                &["operation"],
                SECONDS,
            ),
            in_flight: maker.gauge("prefecture_requests_in_flight", "Requests in work"),
            met: RwLock::default(),
        }
    }

    /// Counts a request as in work until dropped.
    pub fn enter(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    pub fn answered(&self, operation: &'static str, status: StatusCode, elapsed: Duration) {
        let count = |(answered, duration): &Counting| {
            answered.inc();
            duration.observe(elapsed.as_secs_f64());
        };
        let met = (operation, status);
        if let Some(found) = self.met.read().unwrap_or_else(PoisonError::into_inner).get(&met) {
            return count(found);
        }
        let answered = self.answered.with_label_values(&[operation, status.as_str()]);
        let found = (answered, self.duration.with_label_values(&[operation]));
        count(&found);
        self.met.write().unwrap_or_else(PoisonError::into_inner).insert(met, found);
    }
}
