//! The spans: sampled, queued within bounds, sent by a thread of its own.

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use super::sender::Sender;
use crate::config::{Otlp, Sampling};

type Error = Box<dyn std::error::Error>;

pub fn provider(otlp: &Otlp, address: &str, sender: Sender, resource: Resource) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(address)
        .with_timeout(otlp.timeout)
        .with_headers(otlp.headers.clone())
        .with_http_client(sender)
        .build()?;
    let provider = SdkTracerProvider::builder().with_resource(resource).with_sampler(sampler(otlp.sampling));
    Ok(provider.with_batch_exporter(exporter).build())
}

pub fn tracer(provider: &SdkTracerProvider) -> SdkTracer {
    provider.tracer("prefecture")
}

fn sampler(Sampling { parent_based, ratio }: Sampling) -> Sampler {
    let own = Sampler::TraceIdRatioBased(ratio);
    if parent_based { Sampler::ParentBased(Box::new(own)) } else { own }
}
