//! The span, the counters and the access log of requests. Refuses nothing. A request is named by its operation, never by its
//! path, query, headers or body.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use domain::ActorId;
use futures_util::FutureExt;
use http::{Method, StatusCode};
use tracing::Span;
use tracing::field::display;

use super::layer::{Below, Step};
use super::{Request, Way};
use crate::kit::{ClientAddress, Response, Tenant};
use crate::metrics::Metrics;
use crate::telemetry::context::{Learned, TRACE_RESPONSE, Traced, ids};

#[derive(Clone)]
pub struct Trace(Arc<Metrics>);

/// What the layers below learned, for the log above them.
#[derive(Clone)]
pub struct Seen(Arc<Mutex<Learned>>);

impl Seen {
    fn nothing() -> Self {
        Self(Arc::new(Mutex::new(Learned { operation: "none", tenant: Tenant::Nobody, actor: None })))
    }

    pub fn operation(&self, id: &'static str, tenant: Tenant) {
        self.change(|learned| (learned.operation, learned.tenant) = (id, tenant));
    }

    pub fn actor(&self, actor: ActorId) {
        self.change(|learned| learned.actor = Some(actor));
    }

    fn learned(&self) -> Learned {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Learned)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Trace {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }
}

impl Step for Trace {
    async fn run(&self, mut request: Request, below: &impl Below) -> Response {
        let seen = Seen::nothing();
        request.extensions_mut().insert(seen.clone());
        let traced = Traced::begin(request.headers());
        let way = Way::of(&mut request);
        let arrived = way.arrived;
        // As they are, not as a string is quoted: every request pays for it.
        let trace = traced.id.as_deref().map(display);
        let span = tracing::info_span!("request", id = %way.request_id, trace);
        let method = request.method().clone();
        let client = ClientAddress::of(request.extensions()).ip();
        let in_flight = self.0.requests.enter();
        let mut response = Inside { spans: [&traced.span, &span], work: Some(below.answer(request)) }.await;
        drop(in_flight);
        let (learned, status, elapsed) = (seen.learned(), response.status(), arrived.elapsed());
        self.0.requests.answered(learned.operation, status, elapsed);
        traced.end(&method, &learned, status);
        if let Some(value) = traced.answer() {
            response.headers_mut().insert(TRACE_RESPONSE, value);
        }
        if tracing::enabled!(target: "access", tracing::Level::INFO) {
            span.in_scope(|| log(client, &method, &learned, status, elapsed));
        }
        response
    }
}

/// Work inside of spans, to its end: that it ends and leaves what it held is inside of them, too. They are entered once for
/// that, where [`tracing::Instrument`] would enter them again to drop what is done.
struct Inside<'a, F> {
    /// The outer one first.
    spans: [&'a Span; 2],
    work: Option<F>,
}

impl<F: Future + Unpin> Future for Inside<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { spans: [outer, inner], work } = self.get_mut();
        let (_outer, _inner) = (outer.enter(), inner.enter());
        // Nobody polls what is done.
        let Some(going_on) = work else { return Poll::Pending };
        let done = ready!(going_on.poll_unpin(cx));
        *work = None;
        Poll::Ready(done)
    }
}

impl<F> Drop for Inside<'_, F> {
    fn drop(&mut self) {
        if self.work.is_some() {
            let [outer, inner] = self.spans;
            let (_outer, _inner) = (outer.enter(), inner.enter());
            self.work = None;
        }
    }
}

/// One line; its fields are in the README.
fn log(client: IpAddr, method: &Method, learned: &Learned, status: StatusCode, elapsed: Duration) {
    let (account, workspace) = ids(learned.tenant);
    tracing::info!(
        target: "access",
        %client,
        %method,
        operation = learned.operation,
        status = status.as_u16(),
        micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        account,
        workspace,
        actor = learned.actor.map(|actor| actor.to_string()),
        "answered"
    );
}
