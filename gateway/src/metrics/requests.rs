//! Requests: how many, how they ended, how long they took.

use std::time::Duration;

use http::StatusCode;
use prometheus::{HistogramVec, IntCounterVec, IntGauge};

use super::make::{Held, Maker};

/// Half a millisecond to ten seconds.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub struct Requests {
    answered: IntCounterVec,
    duration: HistogramVec,
    in_flight: IntGauge,
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
        }
    }

    /// Counts a request as in work until dropped.
    pub fn enter(&self) -> Held {
        Held::new(&self.in_flight)
    }

    pub fn answered(&self, operation: &'static str, status: StatusCode, elapsed: Duration) {
        self.answered.with_label_values(&[operation, status.as_str()]).inc();
        self.duration.with_label_values(&[operation]).observe(elapsed.as_secs_f64());
    }
}
