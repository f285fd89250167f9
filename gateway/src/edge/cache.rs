//! Answers GETs from what is kept, or with 304 where the client has it already, and says so (`ETag`, `Cache-Control`,
//! `Vary`, and `Cache-Status` of RFC 9211). Refuses nothing: what cannot be answered here goes down as if it were not there.

use bytes::Bytes;
use domain::kinds::Kind;
use futures_util::future::BoxFuture;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body as _;

use super::layer::{Below, Step};
use super::way::Entered;
use super::{Request, Way};
use crate::App;
use crate::cache::{Entry, Filled, Key, Look, NotKept, Version};
use crate::kit::{
    Cache as Policy, ETag, Failure, Op, Response, is_plain_json, not_modified, respond, version_is_served, whole,
};
use crate::metrics::Served;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// How an answer came to be, as [`CACHE_STATUS`] says it.
#[derive(Clone, Copy)]
enum Status {
    Hit,
    Stored,
    Collapsed,
    NotStored,
    Writing,
    Away,
    Bypass,
}

impl Status {
    const fn text(self) -> &'static str {
        match self {
            Status::Hit => "Prefecture; hit",
            Status::Stored => "Prefecture; fwd=miss; stored",
            Status::Collapsed => "Prefecture; fwd=miss; collapsed",
            Status::NotStored => "Prefecture; fwd=miss",
            Status::Writing => "Prefecture; fwd=bypass; detail=writing",
            Status::Away => "Prefecture; fwd=bypass; detail=away",
            Status::Bypass => "Prefecture; fwd=bypass",
        }
    }

    fn served(self) -> Served {
        match self {
            Status::Hit => Served::Hit,
            Status::Stored | Status::NotStored => Served::Miss,
            Status::Collapsed => Served::Collapsed,
            Status::Writing | Status::Away | Status::Bypass => Served::Bypass,
        }
    }
}

#[derive(Clone)]
pub struct Cache(pub App);

impl Step for Cache {
    async fn run(&self, mut request: Request, below: &impl Below) -> Response {
        let way = Way::of(&mut request);
        let Some(op) = way.op else { return below.answer(request).await };
        let kind = match op.cache {
            Policy::Never => return below.answer(request).await,
            Policy::ETag => return Asked::of(&request).past(request, below, Status::Bypass).await.0,
            Policy::Kind(kind) => kind,
        };
        let key = key(&request, op, kind);
        let asked = Asked::of(&request);
        // A GET with a body, or of a version that is refused, is an odd one: the operation itself says what is wrong.
        let Some(key) = key.filter(|_| request.body().is_end_stream() && version_is_served(request.headers())) else {
            return asked.past(request, below, Status::Bypass).await.0;
        };
        let (answer, status) = match self.0.cache().look(&key).await {
            Look::Hit(entry) => (asked.kept(entry, Status::Hit), Status::Hit),
            Look::Miss(version) => Box::pin(self.fill(key, version, request, below, asked)).await,
            Look::Closed => asked.past(request, below, Status::Writing).await,
            Look::Away => asked.past(request, below, Status::Away).await,
            Look::Off => asked.past(request, below, Status::Bypass).await,
        };
        self.0.metrics().cache.answered(kind, status.served());
        answer
    }
}

fn key(request: &Request, op: &Op, kind: Kind) -> Option<Key> {
    let way = request.extensions().get::<Way>()?;
    match &way.entered {
        Entered::Permitted(caller) => Key::of(op, kind, caller, &way.params, request.uri().query()),
        _ => None,
    }
}

impl Cache {
    /// Reads what is not there. Of all who miss it at once one reads, and the others are given what it read.
    async fn fill(
        &self,
        key: Key,
        version: Version,
        request: Request,
        below: &impl Below,
        asked: Asked,
    ) -> (Response, Status) {
        let cache = self.0.cache();
        let mut request = Some(request);
        let mut refused = None;
        let read = async {
            // Called once at most.
            let Some(request) = request.take() else { return Err(NotKept) };
            let response = below.answer(request).await;
            match keepable(response, cache.largest()).await {
                Ok(body) => Ok(Entry::new(body)),
                Err(response) => {
                    refused = Some(response);
                    Err(NotKept)
                }
            }
        };
        let filled = cache.fill(&key, version, read).await;
        let (response, status) = match (filled, refused, request) {
            (Ok(Filled::Own(entry)), ..) => return (asked.kept(entry, Status::Stored), Status::Stored),
            (Ok(Filled::Known(entry)), ..) => return (asked.kept(entry, Status::Hit), Status::Hit),
            (Ok(Filled::Shared(entry)), ..) => return (asked.kept(entry, Status::Collapsed), Status::Collapsed),
            (Err(_), Some(response), _) => (response, Status::NotStored),
            // Whoever read for all found nothing to keep: perhaps it was refused what this one may have.
            (Err(_), None, Some(request)) => (below.answer(request).await, Status::Bypass),
            (Err(_), None, None) => {
                (Failure::internal("a reader of the cache lost its request").answer("cache"), Status::Bypass)
            }
        };
        (asked.anew(response, status).await, status)
    }
}

/// The body of an answer of which a copy may be kept; else the answer as it was.
async fn keepable(response: Response, largest: usize) -> Result<Bytes, Response> {
    let forbidden = response.headers().get(CACHE_CONTROL).is_some();
    let fits = response.body().size_hint().exact().is_some_and(|length| length <= largest as u64);
    if forbidden || !fits || !is_plain_json(&response) {
        return Err(response);
    }
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(Response::from_parts(head, whole(Bytes::new()))),
    }
}

/// What of the request an answer depends on.
struct Asked {
    headers: HeaderMap,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let mut headers = HeaderMap::new();
        for value in request.headers().get_all(IF_NONE_MATCH) {
            headers.append(IF_NONE_MATCH, value.clone());
        }
        Self { headers }
    }

    /// The operation's own answer. In a box of its own, of which whoever is answered from what is kept has no need.
    fn past(self, request: Request, below: &impl Below, status: Status) -> BoxFuture<'_, (Response, Status)> {
        Box::pin(async move { (self.anew(below.answer(request).await, status).await, status) })
    }

    /// An answer from what is kept.
    fn kept(&self, Entry { tag, body }: Entry, status: Status) -> Response {
        let mut response = if tag.is_known(&self.headers) {
            not_modified(tag)
        } else {
            let mut response = respond(StatusCode::OK, "application/json", body);
            response.headers_mut().insert(ETAG, tag.into());
            response
        };
        explain(&mut response, status);
        response
    }

    /// An answer that was made for this request alone. Its tag is its own, or that of its content.
    async fn anew(&self, response: Response, status: Status) -> Response {
        let forbidden = response.headers().contains_key(CACHE_CONTROL);
        let mut response = match (ETag::carried(&response), is_plain_json(&response) && !forbidden) {
            (None, true) => self.tagged(response).await,
            _ => response,
        };
        if response.headers().contains_key(ETAG) {
            explain(&mut response, status);
        } else {
            response.headers_mut().insert(CACHE_STATUS, HeaderValue::from_static(status.text()));
        }
        response
    }

    async fn tagged(&self, response: Response) -> Response {
        let (mut head, body) = response.into_parts();
        let Ok(body) = body.collect().await else { return Response::from_parts(head, whole(Bytes::new())) };
        let body = body.to_bytes();
        let tag = ETag::of(&[&body]);
        if tag.is_known(&self.headers) {
            return not_modified(tag);
        }
        head.headers.insert(ETAG, tag.into());
        Response::from_parts(head, whole(body))
    }
}

/// A copy is the caller's own, and good only after asking whether it still is.
fn explain(response: &mut Response, status: Status) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.append(VARY, HeaderValue::from_static("authorization, accept-encoding"));
    headers.insert(CACHE_STATUS, HeaderValue::from_static(status.text()));
}
