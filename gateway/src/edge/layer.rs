//! What the stack is made of: services that answer a request, and layers around them, of two kinds.
//!
//! * A [`Step`] is one async function: what it does with a request and the services below it. Each request pays for it with
//!   a future in a box of its own: what a layer does seldom and at length belongs into a further box, or its room is taken
//!   and copied for every request.
//! * A [`Glance`] waits for nothing: it looks at a request on its way down and at its answer on its way up.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, Map};
use tower::{Layer, Service};

use super::Request;
use super::refuse::refuse;
use crate::kit::{Failure, Response};

/// A service of the stack. All requests call it as it is: a [`Service`] would be copied for each of them.
pub trait Below: Send + Sync + 'static {
    /// The way to its answer.
    type Answer<'a>: Future<Output = Response> + Send + Unpin;

    fn answer(&self, request: Request) -> Self::Answer<'_>;
}

pub trait Step: Clone + Send + Sync + 'static {
    fn run(&self, request: Request, below: &impl Below) -> impl Future<Output = Response> + Send;
}

pub trait Glance: Clone + Send + Sync + 'static {
    /// What it keeps of a request until that is answered.
    type Kept: Send + Unpin;

    fn down(&self, request: &mut Request) -> Result<Self::Kept, Refusal>;

    fn up(&self, _kept: Self::Kept, answer: Response) -> Response {
        answer
    }
}

/// A glance's word that a request goes no further; and the name to be logged with it.
pub struct Refusal(pub Failure, pub &'static str);

pub fn step<T: Step>(step: T) -> StepLayer<T> {
    StepLayer(step)
}

pub fn glance<T: Glance>(glance: T) -> GlanceLayer<T> {
    GlanceLayer(glance)
}

#[derive(Clone)]
pub struct StepLayer<T>(T);

impl<T: Step, B: Below> Layer<B> for StepLayer<T> {
    type Service = Stepping<T, B>;

    fn layer(&self, below: B) -> Self::Service {
        Stepping { step: self.0.clone(), below }
    }
}

pub struct Stepping<T, B> {
    step: T,
    below: B,
}

impl<T: Step, B: Below> Below for Stepping<T, B> {
    type Answer<'a> = BoxFuture<'a, Response>;

    fn answer(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(self.step.run(request, &self.below))
    }
}

#[derive(Clone)]
pub struct GlanceLayer<T>(T);

impl<T: Glance, B: Below> Layer<B> for GlanceLayer<T> {
    type Service = Glancing<T, B>;

    fn layer(&self, below: B) -> Self::Service {
        Glancing { glance: self.0.clone(), below }
    }
}

pub struct Glancing<T, B> {
    glance: T,
    below: B,
}

impl<T: Glance, B: Below> Below for Glancing<T, B> {
    type Answer<'a> = Glanced<'a, T, B::Answer<'a>>;

    fn answer(&self, mut request: Request) -> Self::Answer<'_> {
        match self.glance.down(&mut request) {
            Ok(kept) => Glanced::Below(&self.glance, self.below.answer(request), Some(kept)),
            Err(Refusal(failure, by)) => Glanced::Refused(refuse(request, failure, by)),
        }
    }
}

/// A request that a glance has seen.
pub enum Glanced<'a, T: Glance, F> {
    Below(&'a T, F, Option<T::Kept>),
    Refused(BoxFuture<'static, Response>),
}

impl<T: Glance, F: Future<Output = Response> + Unpin> Future for Glanced<'_, T, F> {
    type Output = Response;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        match self.get_mut() {
            Glanced::Below(glance, below, kept) => {
                let answer = ready!(Pin::new(below).poll(cx));
                Poll::Ready(match kept.take() {
                    Some(kept) => glance.up(kept, answer),
                    None => answer,
                })
            }
            Glanced::Refused(refused) => refused.poll_unpin(cx),
        }
    }
}

/// A layer that is there or not, as the settings say.
impl<A: Below, B: Below> Below for tower::util::Either<A, B> {
    type Answer<'a> = Either<A::Answer<'a>, B::Answer<'a>>;

    fn answer(&self, request: Request) -> Self::Answer<'_> {
        match self {
            tower::util::Either::Left(there) => Either::Left(there.answer(request)),
            tower::util::Either::Right(not) => Either::Right(not.answer(request)),
        }
    }
}

/// A service of the stack for the layers of others.
pub struct Borrowed<'a, B>(pub &'a B);

impl<'a, B: Below> Service<http::Request<hyper::body::Incoming>> for Borrowed<'a, B> {
    type Response = Response;
    type Error = Infallible;
    type Future = Map<B::Answer<'a>, fn(Response) -> Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<hyper::body::Incoming>) -> Self::Future {
        self.0.answer(Box::new(request)).map(Ok)
    }
}

/// The whole stack. Cheap to clone.
#[derive(Clone)]
pub struct Stack(Arc<dyn Whole>);

trait Whole: Send + Sync {
    fn answer(self: Arc<Self>, request: Request) -> BoxFuture<'static, Response>;
}

impl<B: Below> Whole for B {
    fn answer(self: Arc<Self>, request: Request) -> BoxFuture<'static, Response> {
        Box::pin(async move { Below::answer(&*self, request).await })
    }
}

impl Stack {
    pub fn new(outermost: impl Below) -> Self {
        Self(Arc::new(outermost))
    }

    pub fn answer(&self, request: Request) -> BoxFuture<'static, Response> {
        self.0.clone().answer(request)
    }
}
