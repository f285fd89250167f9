//! Reads the body and runs the operation.

use domain::kinds::Kind;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};
use hyper::upgrade::OnUpgrade;

use super::body::Bodies;
use super::layer::Below;
use super::limit::take_items;
use super::refuse::{end, refuse_rest, refuse_unread};
use super::way::Entered;
use super::{Request, Way};
use crate::App;
use crate::kit::{Call, ClientAddress, Failure, Response};

pub struct Dispatch {
    app: App,
    bodies: Bodies,
}

impl Dispatch {
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), bodies: Bodies::new(app.edge()) }
    }
}

impl Below for Dispatch {
    type Answer<'a> = BoxFuture<'a, Response>;

    fn answer(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(dispatch(self, request))
    }
}

async fn dispatch(Dispatch { app, bodies }: &Dispatch, mut request: Request) -> Response {
    let way = Way::take(&mut request);
    let (Some(op), Entered::Permitted(caller)) = (way.op, way.entered) else {
        return Failure::internal("a request came past authorisation without a caller").answer("dispatch");
    };
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let (parts, mut body) = request.into_parts();
    let unwanted = match bodies.fits(&parts.headers) {
        _ if is_encoded(&parts.headers) => Some(encoded(op.id)),
        _ if is_transferred_otherwise(&parts.headers) => Some(transferred_otherwise().answer(op.id)),
        fits => fits.err().map(|failure| failure.answer(op.id)),
    };
    if let Some(answer) = unwanted {
        return refuse_unread(&parts.headers, body, parts.version, answer).await;
    }
    let read = tokio::time::timeout(app.edge().body_timeout, bodies.read(&mut body)).await;
    let (collected, _room) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(failure)) => return refuse_rest(body, parts.version, failure.answer(op.id)).await,
        // Who sends slowly is not waited for any longer.
        Err(_) => return end(parts.version, too_slow().answer(op.id)),
    };
    if let Err(failure) = take_items(op, way.meter.as_deref(), &collected) {
        return failure.answer(op.id);
    }
    let call = Call {
        app: app.clone(),
        op,
        caller,
        params: way.params,
        query: parts.uri.query().map(str::to_owned),
        uri: parts.uri,
        headers: parts.headers,
        body: collected,
        request_id: way.request_id,
        address: way.address,
        key: way.key,
        client: ClientAddress::of(&parts.extensions),
        upgrade,
        arrived: way.arrived,
        in_hand: way.in_hand,
    };
    let response = (op.run)(call).await;
    if op.touches.contains(&Kind::Control) && response.status().is_success() {
        // Before the answer is sent: who reads that a key or a workspace is gone finds it gone here, not in a second.
        app.keys().forget();
    }
    response
}

/// The clients of this API send bodies as they are. To unpack others would let a few bytes become as many as the sender
/// likes, for the sake of nobody.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// In pieces is the only way that is understood (RFC 9112, 6.1): what was packed on the way would be taken for the body.
fn is_transferred_otherwise(headers: &HeaderMap) -> bool {
    headers.get_all(TRANSFER_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

fn transferred_otherwise() -> Failure {
    Failure::new(StatusCode::NOT_IMPLEMENTED, "The only Transfer-Encoding that is understood is chunked.")
}

fn encoded(operation: &str) -> Response {
    let failure = Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The request's body must not be compressed.");
    let mut answer = failure.answer(operation);
    // Of requests, where it stands in an answer (RFC 9110, 15.5.16).
    answer.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    answer
}

fn too_slow() -> Failure {
    Failure::new(StatusCode::REQUEST_TIMEOUT, "The request's body did not come in time. Try again.")
}
