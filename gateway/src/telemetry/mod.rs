//! Traces and metrics on their way to an OpenTelemetry collector. Off unless an address is set; then:
//!
//! * [`traces`]: the spans of the edge and the store, sampled, through a bounded queue on a thread of its own. A full queue
//!   drops spans; no request waits for it.
//! * [`numbers`]: the registry that `/metrics` shows, sent every minute
//! * [`sender`]: the one HTTP client of both; says in the log, once, when the collector goes and comes
//! * [`context`]: the trace that a request belongs to, from `traceparent` to the answer
//!
//! Promise: a span holds ids, names that stand in the program, statuses and times. Never a key, a header, a body, a query
//! string or a row. Spans are those with the target [`SPANS`]; lines of the log are no part of them.

pub mod context;
mod numbers;
mod sender;
mod traces;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;

use crate::config::{Otlp, WrongSetting};
use crate::metrics::Metrics;
use sender::Sender;

pub use tenant_store::SPANS;

/// How long the last spans may take when the program ends.
const GOODBYE: Duration = Duration::from_secs(3);

/// What sends; one a process.
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
    numbers: Option<numbers::Numbers>,
    runtime: Handle,
    metrics: Arc<OnceLock<Arc<Metrics>>>,
}

impl Telemetry {
    /// Nothing is sent.
    pub fn off(runtime: &Handle) -> Self {
        Self { provider: None, numbers: None, runtime: runtime.clone(), metrics: Arc::default() }
    }

    /// Connects to nothing yet; the collector may be away.
    pub fn start(otlp: &Otlp, runtime: &Handle) -> Result<Self, WrongSetting> {
        let mut telemetry = Self::off(runtime);
        if otlp.traces.is_none() && otlp.metrics.is_none() {
            return Ok(telemetry);
        }
        let resource = resource(otlp.service_name.as_deref());
        let client = sender::client(otlp.timeout).map_err(|error| wrong(&error))?;
        let sender = |signal| Sender::new(signal, client.clone(), runtime.clone(), telemetry.metrics.clone());
        if let Some(address) = &otlp.traces {
            let provider = traces::provider(otlp, address, sender("traces"), resource.clone());
            telemetry.provider = Some(provider.map_err(|error| wrong(&*error))?);
        }
        if let Some(address) = &otlp.metrics {
            telemetry.numbers = Some(numbers::Numbers::new(otlp, address, sender("metrics"), &resource));
        }
        Ok(telemetry)
    }

    /// What makes the spans, if any are wanted.
    pub fn tracer(&self) -> Option<SdkTracer> {
        self.provider.as_ref().map(traces::tracer)
    }

    /// Sends these from now on, and counts in them what was sent.
    pub fn watch(&self, metrics: &Arc<Metrics>) {
        if self.metrics.set(metrics.clone()).is_ok()
            && let Some(numbers) = self.numbers.clone()
        {
            self.runtime.spawn(numbers.run(metrics.clone()));
        }
    }

    /// Sends what is left, within [`GOODBYE`].
    pub async fn end(self) {
        if let (Some(numbers), Some(metrics)) = (&self.numbers, self.metrics.get()) {
            let _ = tokio::time::timeout(GOODBYE, numbers.send(metrics)).await;
        }
        if let Some(provider) = self.provider {
            // It waits for its thread, which would hold up the runtime that the thread sends by.
            let _ = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(GOODBYE)).await;
        }
    }
}

/// Who is speaking.
fn resource(service_name: Option<&str>) -> Resource {
    let detected = Resource::builder().build();
    let found = detected.get(&"service.name".into()).map(|name| name.to_string());
    let found = found.filter(|name| !name.starts_with("unknown_service"));
    let name = service_name.map(str::to_owned).or(found).unwrap_or_else(|| "prefecture".into());
    let instance = detected.get(&"service.instance.id".into()).map(|id| id.to_string());
    Resource::builder()
        .with_attributes([
            KeyValue::new("service.name", name),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.unwrap_or_else(|| uuid::Uuid::new_v4().to_string())),
        ])
        .build()
}

fn wrong(problem: &(dyn std::error::Error + 'static)) -> WrongSetting {
    WrongSetting::new("OTEL_EXPORTER_OTLP_…", problem, "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318")
}
