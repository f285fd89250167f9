//! Makes metrics and registers them. Where the values of a label are known, they are given with it, and each is there at zero.

use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

pub struct Maker<'r>(&'r Registry);

/// Counts something as held (an open socket, a poll that waits) until dropped.
pub struct Held(IntGauge);

impl Held {
    pub fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl<'r> Maker<'r> {
    pub fn new(registry: &'r Registry) -> Self {
        Self(registry)
    }

    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    /// A count that is no whole number, like seconds.
    pub fn amount(&self, name: &str, help: &str) -> Counter {
        self.register(Counter::new(name, help))
    }

    /// With one label, all values of which are known.
    pub fn counters(&self, name: &str, help: &str, label: &str, values: &[&str]) -> IntCounterVec {
        let made = self.counters_by(name, help, &[label]);
        values.iter().for_each(|value| made.with_label_values(&[value]).inc_by(0));
        made
    }

    /// With labels whose values are bounded by something that is not known here.
    pub fn counters_by(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help))
    }

    /// A gauge that is no whole number, like seconds.
    pub fn level(&self, name: &str, help: &str) -> Gauge {
        self.register(Gauge::new(name, help))
    }

    pub fn gauges(&self, name: &str, help: &str, label: &str, values: &[&str]) -> IntGaugeVec {
        let made = self.gauges_by(name, help, &[label]);
        values.iter().for_each(|value| made.with_label_values(&[value]).set(0));
        made
    }

    pub fn gauges_by(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// `buckets`: upper bounds, in the unit that the name says.
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.register(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
    }

    pub fn histograms(&self, name: &str, help: &str, label: &str, values: &[&str], buckets: &[f64]) -> HistogramVec {
        let made = self.histograms_by(name, help, &[label], buckets);
        values.iter().for_each(|value| drop(made.with_label_values(&[value])));
        made
    }

    pub fn histograms_by(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        self.register(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels))
    }

    /// Metrics that somebody else made.
    pub fn collector(&self, collector: impl Collector + 'static) {
        self.0.register(Box::new(collector)).expect("a new metric");
    }

    fn register<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let made = made.expect("a valid metric");
        self.collector(made.clone());
        made
    }
}
