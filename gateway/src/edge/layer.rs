//! A layer of the stack as one async function: what it does with a request and the services below it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
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

/// One layer. It answers itself, or hands the request down. A request passes all of them, each with a future in a box of its
/// own: what a layer does seldom and at length belongs into a further box, or its room is taken and copied for every request.
pub trait Step: Clone + Send + Sync + 'static {
    fn run(self, request: Request, below: impl Below) -> impl Future<Output = Response> + Send;
}

/// Hands a request to the services below.
pub fn down(mut below: impl Below, request: Request) -> impl Future<Output = Response> + Send {
    // Every service of this stack is always ready.
    below.call(request).map(|answer| match answer {
        Ok(response) => response,
        Err(never) => match never {},
    })
}

/// What a service of the stack answers.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// A service of the stack, which all requests call as it is: a [`Service`] would be copied for each of them.
pub trait Shared: Send + Sync + 'static {
    fn serve(&self, request: Request) -> Answer;
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

impl<T: Step, S: Shared> Shared for Stepped<T, S> {
    fn serve(&self, request: Request) -> Answer {
        Box::pin(self.step.clone().run(request, self.below.clone()).map(Ok))
    }
}

/// The stack is called by its outermost layer.
impl<T: Step, S: Shared> Service<Request> for Stepped<T, S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        self.serve(request)
    }
}

/// The services below.
pub struct Lower<S>(Arc<S>);

impl<S> Clone for Lower<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Shared> Service<Request> for Lower<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        self.0.serve(request)
    }
}
