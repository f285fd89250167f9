//! The metrics of `/metrics`, as OTLP: the same registry, so that both say the same. Cumulative, from the program's start.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use opentelemetry_http::{HttpClient, Request};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource as SentResource;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;
use prometheus::proto::{LabelPair, Metric as Measured, MetricFamily, MetricType};
use prost::Message;

use super::sender::Sender;
use crate::config::Otlp;
use crate::metrics::Metrics;

#[derive(Clone)]
pub struct Numbers {
    address: String,
    headers: Vec<(String, String)>,
    interval: Duration,
    sender: Sender,
    resource: SentResource,
    started: u64,
}

impl Numbers {
    pub fn new(otlp: &Otlp, address: &str, sender: Sender, resource: &Resource) -> Self {
        let attributes = ResourceAttributesWithSchema::from(resource).attributes.0;
        Self {
            address: address.to_owned(),
            headers: otlp.headers.clone().into_iter().collect(),
            interval: otlp.interval,
            sender,
            resource: SentResource { attributes, ..SentResource::default() },
            started: nanos(SystemTime::now()),
        }
    }

    /// Sends them at each interval, for as long as the program runs. One that is late is not made up for.
    pub async fn run(self, metrics: Arc<Metrics>) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        // The first is at once, when there is nothing to tell.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.send(&metrics).await;
        }
    }

    /// Sends them as they are. A failure is counted and logged by the sender.
    pub async fn send(&self, metrics: &Metrics) {
        let body = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(self.resource.clone()),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(InstrumentationScope { name: "prefecture".into(), ..InstrumentationScope::default() }),
                    metrics: translate(&metrics.gather(), self.started, nanos(SystemTime::now())),
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            }],
        };
        let mut request = Request::post(&self.address).header("content-type", "application/x-protobuf");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Ok(request) = request.body(Bytes::from(body.encode_to_vec())) {
            let _ = self.sender.send_bytes(request).await;
        }
    }
}

/// Pure: families of Prometheus in the words of OTLP. `started` and `now` in nanoseconds of Unix time.
fn translate(families: &[MetricFamily], started: u64, now: u64) -> Vec<Metric> {
    let one = |family: &MetricFamily| {
        let points = |value: fn(&Measured) -> f64| {
            let point = |measured: &Measured| NumberDataPoint {
                attributes: attributes(measured.get_label()),
                start_time_unix_nano: started,
                time_unix_nano: now,
                value: Some(Number::AsDouble(value(measured))),
                ..NumberDataPoint::default()
            };
            family.get_metric().iter().map(point).collect()
        };
        let data = match family.get_field_type() {
            MetricType::COUNTER => Data::Sum(Sum {
                data_points: points(|measured| measured.get_counter().get_value()),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
            MetricType::GAUGE => Data::Gauge(Gauge { data_points: points(|m| m.get_gauge().get_value()) }),
            MetricType::HISTOGRAM => Data::Histogram(Histogram {
                data_points: family.get_metric().iter().map(|m| histogram(m, started, now)).collect(),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            }),
            // This program has none.
            MetricType::SUMMARY | MetricType::UNTYPED => return None,
        };
        Some(Metric {
            name: family.name().to_owned(),
            description: family.help().to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    };
    families.iter().filter_map(one).collect()
}

/// Prometheus counts up to each bound, OTLP between the bounds and above the last.
fn histogram(measured: &Measured, started: u64, now: u64) -> HistogramDataPoint {
    let histogram = measured.get_histogram();
    let buckets = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    let (mut bounds, mut counts, mut below) = (Vec::new(), Vec::new(), 0);
    for bucket in buckets {
        bounds.push(bucket.upper_bound());
        counts.push(bucket.cumulative_count().saturating_sub(below));
        below = bucket.cumulative_count();
    }
    counts.push(histogram.get_sample_count().saturating_sub(below));
    HistogramDataPoint {
        attributes: attributes(measured.get_label()),
        start_time_unix_nano: started,
        time_unix_nano: now,
        count: histogram.get_sample_count(),
        sum: Some(histogram.get_sample_sum()),
        bucket_counts: counts,
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    }
}

fn attributes(labels: &[LabelPair]) -> Vec<KeyValue> {
    let attribute = |label: &LabelPair| KeyValue {
        key: label.name().to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(label.value().to_owned())) }),
        ..KeyValue::default()
    };
    labels.iter().map(attribute).collect()
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntCounter, Registry};

    use super::*;

    #[test]
    fn a_histogram_is_counted_between_its_bounds() {
        let registry = Registry::new();
        let opts = HistogramOpts::new("wait_seconds", "Waits").buckets(vec![1.0, 2.0]);
        let made = HistogramVec::new(opts, &["lane"]).unwrap();
        registry.register(Box::new(made.clone())).unwrap();
        [0.5, 0.6, 1.5, 9.0].iter().for_each(|value| made.with_label_values(&["hot"]).observe(*value));
        let metrics = translate(&registry.gather(), 1, 2);
        let Some(Data::Histogram(histogram)) = &metrics[0].data else { panic!("{metrics:?}") };
        let point = &histogram.data_points[0];
        assert_eq!(
            (point.explicit_bounds.as_slice(), point.bucket_counts.as_slice()),
            (&[1.0, 2.0][..], &[2, 1, 1][..])
        );
        assert_eq!((point.count, point.attributes[0].key.as_str()), (4, "lane"));
    }

    #[test]
    fn a_counter_is_a_sum_that_only_grows() {
        let registry = Registry::new();
        let made = IntCounter::new("asked_total", "Asked").unwrap();
        registry.register(Box::new(made.clone())).unwrap();
        made.inc_by(3);
        let metrics = translate(&registry.gather(), 1, 2);
        let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("{metrics:?}") };
        assert!(sum.is_monotonic);
        assert_eq!(sum.data_points[0].value, Some(Number::AsDouble(3.0)));
    }
}
