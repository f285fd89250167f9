//! Counters of the program, in Prometheus text. Labels are bounded: operations, status classes.

use std::time::Duration;

use http::StatusCode;
use prometheus::{Encoder, HistogramVec, IntCounterVec, IntGauge, Registry, TextEncoder};

/// Upper bounds in seconds: half a millisecond to ten seconds.
const BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    duration: HistogramVec,
    in_flight: IntGauge,
    /// Sockets refused for want of a key that the client could have sent (see the README on connecting).
    pub sockets_refused: IntCounterVec,
    /// Events that could not be stored and were set aside.
    pub quarantined: IntCounterVec,
    /// Events taken in.
    pub events: IntCounterVec,
    sockets: IntGauge,
}

/// Counts a request as in flight, or a socket as open, until dropped.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// # Panics
    /// Never: the names below are valid and distinct.
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(prometheus::Opts::new(name, help), labels).expect("a valid metric");
            registry.register(Box::new(made.clone())).expect("a new metric");
            made
        };
        let gauge = |name: &str, help: &str| {
            let made = IntGauge::new(name, help).expect("a valid metric");
            registry.register(Box::new(made.clone())).expect("a new metric");
            made
        };
        let duration =
            prometheus::HistogramOpts::new("prefecture_request_duration_seconds", "Time to answer a request");
        let duration = HistogramVec::new(duration.buckets(BUCKETS.to_vec()), &["operation"]).expect("a valid metric");
        registry.register(Box::new(duration.clone())).expect("a new metric");
        Self {
            requests: counter("prefecture_requests_total", "Requests answered", &["operation", "status"]),
            in_flight: gauge("prefecture_requests_in_flight", "Requests in work"),
            sockets_refused: counter(
                "prefecture_sockets_refused_total",
                "Web sockets refused for want of a key",
                &["socket"],
            ),
            quarantined: counter(
                "prefecture_events_quarantined_total",
                "Events set aside because they could not be stored",
                &["source"],
            ),
            events: counter("prefecture_events_total", "Events taken in", &["source"]),
            sockets: gauge("prefecture_sockets_open", "Open web sockets"),
            duration,
            registry,
        }
    }

    pub fn enter(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub fn answered(&self, operation: &'static str, status: StatusCode, elapsed: Duration) {
        self.requests.with_label_values(&[operation, status.as_str()]).inc();
        self.duration.with_label_values(&[operation]).observe(elapsed.as_secs_f64());
    }

    /// Counts a socket as open until dropped.
    pub fn socket_opened(&self) -> InFlight {
        self.sockets.inc();
        InFlight(self.sockets.clone())
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "metrics could not be written");
        }
        String::from_utf8(out).unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
