//! A layer of the stack as one async function: what it does with a request and the services below it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower::{Layer, Service};

use super::Request;
use crate::kit::Response;

/// The services below a layer.
pub trait Below:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Below for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

/// One layer. It answers itself, or hands the request down.
pub trait Step: Clone + Send + Sync + 'static {
    fn run(self, request: Request, below: impl Below) -> impl Future<Output = Response> + Send;
}

/// Hands a request to the services below.
pub async fn down(mut below: impl Below, request: Request) -> Response {
    // Every service of this stack is always ready.
    match below.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

pub fn of<T: Step>(step: T) -> StepLayer<T> {
    StepLayer(step)
}

#[derive(Clone)]
pub struct StepLayer<T>(T);

impl<T: Step, S> Layer<S> for StepLayer<T> {
    type Service = Stepped<T, S>;

    fn layer(&self, below: S) -> Self::Service {
        Stepped { step: self.0.clone(), below: Lower(Arc::new(below)) }
    }
}

#[derive(Clone)]
pub struct Stepped<T, S> {
    step: T,
    below: Lower<S>,
}

impl<T: Step, S: Below> Service<Request> for Stepped<T, S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (step, below) = (self.step.clone(), self.below.clone());
        Box::pin(async move { Ok(step.run(request, below).await) })
    }
}

/// The services below, shared: each layer of each request would else copy all that are below it.
pub struct Lower<S>(Arc<S>);

impl<S> Clone for Lower<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Below> Service<Request> for Lower<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // A copy of the next layer alone, since what is below that is shared as well.
        S::clone(&self.0).call(request)
    }
}
