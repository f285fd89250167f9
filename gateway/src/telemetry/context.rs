//! The trace that a request belongs to (W3C Trace Context): taken from the client's `traceparent`, or begun here; in the
//! lines of the log, and given back as `traceresponse`.

use std::sync::LazyLock;

use domain::ActorId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::SPANS;
use crate::kit::Tenant;

/// What a client sends, and what it is answered.
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");

static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// A request's span. Disabled, and of no cost, where no spans are sent.
pub struct Traced {
    pub span: Span,
    /// The trace's id, for the log: the client's, or one of ours.
    pub id: Option<String>,
    context: Option<Context>,
}

/// What the layers learned of a request.
#[derive(Debug, Clone, Copy)]
pub struct Learned {
    pub operation: &'static str,
    /// The account and workspace that were asked for; nobody says that the caller was let in.
    pub tenant: Tenant,
    pub actor: Option<ActorId>,
}

impl Traced {
    pub fn begin(headers: &HeaderMap) -> Self {
        let given = headers.contains_key(TRACE_PARENT).then(|| {
            // From nothing: the thread's own context is no part of a request.
            PROPAGATOR.extract_with_context(&Context::new(), &HeaderExtractor(headers))
        });
        let span = tracing::info_span!(target: SPANS, "request", otel.kind = "server");
        let context = (!span.is_disabled()).then(|| {
            if let Some(given) = &given {
                // It is not begun before it is asked for its context.
                let _ = span.set_parent(given.clone());
            }
            span.context()
        });
        let known = context.as_ref().or(given.as_ref()).map(|context| context.span().span_context().clone());
        let id = known.filter(|known| known.is_valid()).map(|known| known.trace_id().to_string());
        Self { span, id, context }
    }

    /// Writes down how the request ended.
    pub fn end(&self, method: &Method, learned: &Learned, status: StatusCode) {
        let Some(context) = &self.context else { return };
        let span = context.span();
        if !span.is_recording() {
            return;
        }
        span.update_name(learned.operation);
        span.set_attribute(KeyValue::new("http.request.method", method_name(method)));
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        span.set_attribute(KeyValue::new("prefecture.operation", learned.operation));
        let (account, workspace) = ids(learned.tenant);
        if let Some(account) = account {
            span.set_attribute(KeyValue::new("prefecture.account", account));
        }
        if let Some(workspace) = workspace {
            span.set_attribute(KeyValue::new("prefecture.workspace", workspace));
        }
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
    }

    /// `traceresponse`: the trace and the span that the request had here.
    pub fn answer(&self) -> Option<HeaderValue> {
        let context = self.context.as_ref()?.span().span_context().clone();
        if !context.is_valid() {
            return None;
        }
        let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags().to_u8());
        HeaderValue::from_str(&format!("00-{trace}-{span}-{flags:02x}")).ok()
    }
}

/// Account and workspace of an address.
pub fn ids(tenant: Tenant) -> (Option<String>, Option<String>) {
    match tenant {
        Tenant::Nobody => (None, None),
        Tenant::Account(account) => (Some(account.to_string()), None),
        Tenant::Workspace(account, workspace) => (Some(account.to_string()), Some(workspace.to_string())),
    }
}

/// A client may make up any number of methods.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(traceparent: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(TRACE_PARENT, traceparent.parse().unwrap());
        Traced::begin(&headers).id
    }

    #[test]
    fn the_clients_trace_is_known_also_where_no_spans_are_sent() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(begun(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(), Some(id));
        for wrong in ["", "00", "00-zz-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"]
        {
            assert_eq!(begun(wrong), None, "{wrong}");
        }
        assert_eq!(Traced::begin(&HeaderMap::new()).id, None);
    }

    #[test]
    fn methods_of_a_clients_own_making_have_one_name() {
        assert_eq!(method_name(&Method::DELETE), "DELETE");
        assert_eq!(method_name(&Method::from_bytes(b"SESAME").unwrap()), "_OTHER");
    }
}
