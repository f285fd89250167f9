//! Answers a request whose body nobody has read.
//!
//! A connection that is closed over unread bytes is reset, and the reset may overtake the answer; and a client that is not
//! told keeps the connection for its next request, which is lost. So what is still to come is read and thrown away, within
//! bounds; beyond them the answer says that the connection ends with it.

use std::time::Duration;

use bytes::Buf;
use futures_util::future::BoxFuture;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::Request;
use crate::kit::{Failure, Response};

/// How much of a body is thrown away, and for how long.
#[derive(Clone, Copy)]
pub struct Bounds {
    bytes: usize,
    time: Duration,
}

/// Of someone who was not let in: what fits into a hurry.
const STRANGERS: Bounds = Bounds { bytes: 1 << 20, time: Duration::from_secs(1) };
/// Of a caller who sends more than is allowed: so much that all but an attacker see the answer.
pub const CALLERS: Bounds = Bounds { bytes: 64 << 20, time: Duration::from_secs(10) };

/// Refuses a request that was not let in. Boxed: it is seldom, and stands in almost every layer.
pub fn refuse(request: Request, failure: Failure, layer: &'static str) -> BoxFuture<'static, Response> {
    Box::pin(refused(request, failure, layer))
}

async fn refused(request: Request, failure: Failure, layer: &str) -> Response {
    let (parts, mut body) = request.into_parts();
    // Who waits to be asked for the body is answered instead.
    let waits = parts.headers.contains_key(EXPECT);
    let read = body.is_end_stream() || (!waits && throw_away(&mut body, STRANGERS).await);
    end_unless(read, parts.version, failure.answer(layer))
}

/// Answers a request of which the head alone says that its body is not wanted. At once, where the client waits to be asked
/// for it (RFC 9110, 10.1.1) or announces more than is ever thrown away.
pub async fn refuse_unread(headers: &HeaderMap, body: Incoming, version: Version, answer: Response) -> Response {
    let is_endless = body.size_hint().exact().is_some_and(|length| length > CALLERS.bytes as u64);
    match headers.contains_key(EXPECT) || is_endless {
        true => end_unless(body.is_end_stream(), version, answer),
        false => refuse_rest(body, version, answer).await,
    }
}

/// Answers a request whose body was begun and is not wanted to its end.
pub async fn refuse_rest(mut body: Incoming, version: Version, answer: Response) -> Response {
    let read = body.is_end_stream() || throw_away(&mut body, CALLERS).await;
    end_unless(read, version, answer)
}

/// Answers a request of whose body no more is awaited.
pub fn end(version: Version, answer: Response) -> Response {
    end_unless(false, version, answer)
}

fn end_unless(read: bool, version: Version, mut answer: Response) -> Response {
    // In HTTP/2 each request is a stream of its own.
    if !read && version < Version::HTTP_2 {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Whether the body came to its end within the bounds.
async fn throw_away<B>(body: &mut B, bounds: Bounds) -> bool
where
    B: Body + Unpin,
{
    let all = async {
        let mut left = bounds.bytes;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let length = frame.data_ref().map_or(0, Buf::remaining);
            let Some(rest) = left.checked_sub(length) else { return false };
            left = rest;
        }
        true
    };
    tokio::time::timeout(bounds.time, all).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn a_body_is_read_to_its_end_or_to_the_bound() {
        let bounds = Bounds { bytes: 10, time: Duration::from_secs(1) };
        assert!(throw_away(&mut Full::new(Bytes::from_static(&[0; 10])), bounds).await);
        assert!(!throw_away(&mut Full::new(Bytes::from_static(&[0; 11])), bounds).await);
    }
}
