//! What a handler answers, by its meaning.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use wire::{Described, Schema, Schemas};

/// An answer's body: whole or streamed.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;
pub type Response = http::Response<Body>;

/// A body that is at hand.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer of some content type.
pub fn respond(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Response {
    let mut response = Response::new(whole(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON answer.
pub fn json_response<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => respond(status, "application/json", bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be serialised");
            respond(
                StatusCode::INTERNAL_SERVER_ERROR,
                "application/json",
                &br#"{"exception_message":"Internal Server Error"}"#[..],
            )
        }
    }
}

/// A value that becomes a response, and says which ones it can become.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer of an operation",
    note = "answers are `Json`, `Created`, `NoContent` and the others of `kit::answer`; what they hold derives `Described`"
)]
pub trait Answer {
    fn into_response(self) -> Response;
    fn describe(schemas: &mut Schemas) -> Vec<(u16, Option<Schema>)>;
}

/// 200 with JSON.
pub struct Json<T>(pub T);

impl<T: Serialize + Described> Answer for Json<T> {
    fn into_response(self) -> Response {
        json_response(StatusCode::OK, &self.0)
    }

    fn describe(schemas: &mut Schemas) -> Vec<(u16, Option<Schema>)> {
        vec![(200, Some(T::schema(schemas)))]
    }
}

/// 201 for what is new, 200 for what was there.
pub struct Created<T> {
    pub value: T,
    pub fresh: bool,
}

impl<T> Created<T> {
    pub fn new(value: T) -> Self {
        Self { value, fresh: true }
    }

    pub fn if_fresh(value: T, fresh: bool) -> Self {
        Self { value, fresh }
    }
}

impl<T: Serialize + Described> Answer for Created<T> {
    fn into_response(self) -> Response {
        json_response(if self.fresh { StatusCode::CREATED } else { StatusCode::OK }, &self.value)
    }

    fn describe(schemas: &mut Schemas) -> Vec<(u16, Option<Schema>)> {
        let schema = T::schema(schemas);
        vec![(201, Some(schema.clone())), (200, Some(schema))]
    }
}

/// 202: it is seen to.
pub struct Accepted<T>(pub T);

impl<T: Serialize + Described> Answer for Accepted<T> {
    fn into_response(self) -> Response {
        json_response(StatusCode::ACCEPTED, &self.0)
    }

    fn describe(schemas: &mut Schemas) -> Vec<(u16, Option<Schema>)> {
        vec![(202, Some(T::schema(schemas)))]
    }
}

/// 204.
pub struct NoContent;

impl Answer for NoContent {
    fn into_response(self) -> Response {
        let mut response = Response::new(whole(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    }

    fn describe(_: &mut Schemas) -> Vec<(u16, Option<Schema>)> {
        vec![(204, None)]
    }
}

/// An answer of an operation that may also refuse with this status, which not every operation may.
pub struct Or<const STATUS: u16, A>(pub A);

impl<const STATUS: u16, A: Answer> Answer for Or<STATUS, A> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }

    fn describe(schemas: &mut Schemas) -> Vec<(u16, Option<Schema>)> {
        let mut answers = A::describe(schemas);
        answers.push((STATUS, None));
        answers
    }
}

/// 200 with text.
pub struct Text(pub &'static str, pub String);

impl Answer for Text {
    fn into_response(self) -> Response {
        respond(StatusCode::OK, self.0, self.1)
    }

    fn describe(_: &mut Schemas) -> Vec<(u16, Option<Schema>)> {
        vec![(200, None)]
    }
}

impl Answer for Response {
    fn into_response(self) -> Response {
        self
    }

    fn describe(_: &mut Schemas) -> Vec<(u16, Option<Schema>)> {
        vec![(200, None)]
    }
}
