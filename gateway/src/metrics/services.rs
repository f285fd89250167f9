//! Background work: what was done, how late it was, what failed.

use prometheus::{Gauge, Histogram, HistogramVec, IntCounterVec};

use super::make::Maker;

const LAGS: &[f64] = &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

const TIMES: &[f64] = &[0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 30.0];

/// The services, by their labels: those of `services::PASSES`.
pub const NAMES: &[&str] =
    &["cancellations", "leases", "cleanups", "foreman", "late_runs", "task_workers", "schedules", "retention"];

/// Whom the foreman may find silent.
const WATCHED: [&str; 4] = ["worker", "work_pool", "work_queue", "deployment"];

pub struct Services {
    lag: HistogramVec,
    done: IntCounterVec,
    failures: IntCounterVec,
    silent: IntCounterVec,
    passes: HistogramVec,
    claims: Histogram,
    /// Seconds.
    pub overdue: Gauge,
}

impl Services {
    pub fn new(maker: &Maker<'_>) -> Self {
        let lag = "How long after it fell due a service did the first thing of a step";
        let overdue = "How long the earliest workspace is due that no replica has claimed";
        Self {
            lag: maker.histograms("prefecture_service_lag_seconds", lag, "service", NAMES, LAGS),
            done: maker.counters("prefecture_service_done_total", "Objects that a service changed", "service", NAMES),
            failures: maker.counters(
                "prefecture_service_failures_total",
                "Passes of a service that failed",
                "service",
                NAMES,
            ),
            silent: maker.counters(
                "prefecture_fell_silent_total",
                "Workers that missed their heartbeats; pools without a worker, queues and deployments that nobody polls",
                "whose",
                &WATCHED,
            ),
            passes: maker.histograms(
                "prefecture_service_pass_seconds",
                "How long a pass of a service over a workspace took",
                "service",
                NAMES,
                TIMES,
            ),
            claims: maker.histogram(
                "prefecture_services_claim_lag_seconds",
                "How long after it fell due a workspace was claimed",
                LAGS,
            ),
            overdue: maker.level("prefecture_services_overdue_seconds", overdue),
        }
    }

    pub fn claimed(&self, lag: f64) {
        self.claims.observe(lag.max(0.0));
    }

    pub fn looked(&self, service: &'static str, done: u64, lag: Option<f64>) {
        self.done.with_label_values(&[service]).inc_by(done);
        if let Some(lag) = lag {
            self.lag.with_label_values(&[service]).observe(lag.max(0.0));
        }
    }

    /// How many are not heard of any more, in the order of [`WATCHED`].
    pub fn fell_silent(&self, counts: [usize; 4]) {
        for (whose, count) in WATCHED.iter().zip(counts) {
            self.silent.with_label_values(&[whose]).inc_by(count as u64);
        }
    }

    pub fn passed(&self, service: &'static str, seconds: f64) {
        self.passes.with_label_values(&[service]).observe(seconds);
    }

    pub fn failed(&self, service: &'static str) {
        self.failures.with_label_values(&[service]).inc();
    }
}
