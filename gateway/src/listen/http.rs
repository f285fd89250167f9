//! What of HTTP is the connection's: its bounds, and the service that hands each request to the stack.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::forwarded::Forwarding;
use super::patience::{Doing, InWork};
use crate::config::ConnectionSettings;
use crate::edge;
use crate::kit::Body;

/// Requests in work at once on one connection of HTTP/2.
const STREAMS: u32 = 128;
/// What may wait to be sent on one stream, in bytes: a client that opens many and reads none holds so much for each.
const UNSENT: usize = 64 * 1024;
/// What may have come on one stream, and on all of a connection, before it is asked for, in bytes.
const UNREAD: u32 = 128 * 1024;
const UNREAD_IN_ALL: u32 = 256 * 1024;
/// How often the peer of HTTP/2 is asked whether it is there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);

pub fn builder(settings: &ConnectionSettings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // `Patient` has it, apart from the time between requests, which this one would take for the same.
        .header_read_timeout(None)
        .max_headers(settings.max_headers)
        .max_buf_size(settings.head_limit);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(PING))
        .keep_alive_timeout(PONG)
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(UNSENT)
        .initial_stream_window_size(UNREAD)
        .initial_connection_window_size(UNREAD_IN_ALL)
        // At most a megabyte, by the settings' bounds.
        .max_header_list_size(u32::try_from(settings.head_limit).unwrap_or(u32::MAX));
    builder
}

/// The stack, as one connection sees it.
pub fn service(
    stack: edge::Stack,
    doing: Doing,
    forwarding: Forwarding,
    peer: IpAddr,
) -> impl Service<http::Request<Incoming>, Response = http::Response<Held>, Error = Infallible, Future: Send> {
    service_fn(move |mut request: http::Request<Incoming>| {
        let mut in_work = doing.begin();
        let doing = doing.clone();
        let client = forwarding.client(peer, request.headers());
        request.extensions_mut().insert(client);
        let answer = stack.answer(Box::new(request));
        async move {
            let response = answer.await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                doing.upgraded();
            }
            in_work.answered();
            Ok(response.map(|body| Held { body, in_work }))
        }
    })
}

/// An answer's body; the request is in work until it has been handed on.
pub struct Held {
    body: Body,
    in_work: InWork,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.in_work.goes_on();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
