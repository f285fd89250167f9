//! Holds answers on their way to what memory there is for them. A client that reads slowly keeps its answer here, and may ask
//! for many at once: an answer beyond the memory is dropped, and the request answered 503 with Retry-After. Not that of a
//! write, which has had its effect: it counts as far as there is room.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use domain::kinds::Kinds;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::layer::{Glance, Refusal};
use super::{Request, Way};
use crate::config::EdgeSettings;
use crate::kit::{Body, Failure, Response};

/// Answers up to this size do not count. Larger ones are handed on in pieces of it: the connection takes a few, and the next
/// when those are sent.
const PIECE: usize = 64 * 1024;

/// A permit a byte.
#[derive(Clone)]
pub struct Answers(Arc<Semaphore>);

impl Answers {
    pub fn new(settings: &EdgeSettings) -> Self {
        Self(Arc::new(Semaphore::new(settings.answers_memory.min(Semaphore::MAX_PERMITS))))
    }
}

impl Glance for Answers {
    /// Whether the operation writes.
    type Kept = bool;

    fn down(&self, request: &mut Request) -> Result<bool, Refusal> {
        Ok(Way::of(request).op.is_some_and(|op| op.touched() != Kinds::NONE))
    }

    fn up(&self, writes: bool, answer: Response) -> Response {
        // What is streamed is not at hand.
        let Some(size) = answer.body().size_hint().exact().filter(|size| *size > PIECE as u64) else { return answer };
        let room = u32::try_from(size).ok().and_then(|size| self.0.clone().try_acquire_many_owned(size).ok());
        if room.is_none() && !writes {
            let failure = Failure::unavailable("The service is busy. Try again.", "no memory for more answers");
            return failure.answer("answers");
        }
        answer.map(|body| Held { body, rest: Bytes::new(), _room: room }.boxed_unsync())
    }
}

/// A body with its place in memory.
struct Held {
    body: Body,
    rest: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let size = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let hint = self.body.size_hint();
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}
