//! The access log and the counters of requests. Refuses nothing. Paths are logged as the operation's template, never with
//! query, headers or bodies.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use tracing::Instrument;

use super::layer::{Below, Step, down};
use super::{Request, Way};
use crate::kit::{ClientAddress, Response};
use crate::metrics::Metrics;

#[derive(Clone)]
pub struct Trace(Arc<Metrics>);

/// What the layers below learned, for the log above them.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Option<&'static str>>>);

impl Seen {
    pub fn operation(&self, id: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }
}

impl Trace {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }
}

impl Step for Trace {
    async fn run(self, mut request: Request, below: impl Below) -> Response {
        let seen = Seen::default();
        request.extensions_mut().insert(seen.clone());
        let way = Way::of(&mut request);
        let arrived = way.arrived;
        let span = tracing::info_span!("request", id = way.request_id);
        let method = request.method().clone();
        let client = ClientAddress::of(request.extensions()).ip();
        let in_flight = self.0.requests.enter();
        let response = down(below, request).instrument(span.clone()).await;
        drop(in_flight);
        let operation = seen.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or("none");
        let (status, elapsed) = (response.status(), arrived.elapsed());
        self.0.requests.answered(operation, status, elapsed);
        let _entered = span.enter();
        let (status, micros) = (status.as_u16(), elapsed.as_micros());
        if response.status() >= StatusCode::INTERNAL_SERVER_ERROR {
            tracing::warn!(target: "access", %client, %method, operation, status, micros, "answered");
        } else {
            tracing::debug!(target: "access", %client, %method, operation, status, micros, "answered");
        }
        response
    }
}
