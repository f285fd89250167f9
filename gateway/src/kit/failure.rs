//! One error type and one ladder to HTTP, with the bodies that Prefect's clients know.
//!
//! What the client may read and what the log may read are different fields; the cause has no way into an answer.
//!
//! | failure | status | body |
//! |---|---|---|
//! | no route, no such object, no such workspace | 404 | `{"detail": …}` |
//! | validation | 422 | `{"exception_message", "exception_detail", "request_body"}` |
//! | integrity | 409 | `{"detail": …}` |
//! | a lease that is gone | 410 | `{"detail": …}` |
//! | slots that are taken | 423 + `Retry-After` | `{"detail": …}` |
//! | a limit | 429 + `Retry-After` | `{"detail", "type", "violated-policies"}` |
//! | database or dependency away, overload | 503 + `Retry-After` | `{"detail": …}` |
//! | no keys to encrypt secrets with | 501 | `{"detail": …}` |
//! | a defect of ours | 500 | `{"exception_message": "Internal Server Error"}` |

use std::borrow::Cow;

use domain::schedules::Uncountable;
use http::header::{ALLOW, RETRY_AFTER, SEC_WEBSOCKET_VERSION, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use tenant_store::Error as StoreError;
use wire::Errors;
use wire::json::NotJson;

use super::{Response, json_response};

/// What a handler or a layer answers.
pub type Reply<T> = Result<T, Failure>;

/// Why a request was not answered as asked.
pub struct Failure {
    status: StatusCode,
    body: Body,
    /// For the log alone.
    cause: Option<Box<str>>,
    headers: Vec<(http::HeaderName, HeaderValue)>,
}

enum Body {
    Detail(Cow<'static, str>),
    Json(Box<serde_json::Value>),
    Invalid(Box<Invalid>),
}

/// Seconds a client should wait before it tries again: short, because workers give up on long ones.
const RETRY_AFTER_SECONDS: u32 = 2;
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

impl Failure {
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, body: Body::Detail(detail.into()), cause: None, headers: Vec::new() }
    }

    /// A status with a body of its own.
    pub fn json(status: StatusCode, body: serde_json::Value) -> Self {
        Self { status, body: Body::Json(Box::new(body)), cause: None, headers: Vec::new() }
    }

    /// No such object: `Flow not found`.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// No such path.
    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub fn no_method(allowed: &str) -> Self {
        let mut failure = Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        failure.headers.extend(HeaderValue::from_str(allowed).ok().map(|value| (ALLOW, value)));
        failure
    }

    /// A web socket of another version of the protocol than this one (RFC 6455, 4.2.2).
    pub fn no_socket_version(version: &'static str) -> Self {
        let detail = format!("Sec-WebSocket-Version must be {version}.");
        let headers = vec![(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(version))];
        Self { headers, ..Self::new(StatusCode::UPGRADE_REQUIRED, detail) }
    }

    /// An unknown workspace, a foreign one, one the caller is no member of: one answer, byte for byte.
    pub fn no_workspace() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Workspace not found")
    }

    pub fn unauthenticated() -> Self {
        let mut failure = Self::new(StatusCode::UNAUTHORIZED, "Invalid authentication credentials");
        failure.headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        failure
    }

    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// What is asked for is another's now; to be tried again in `seconds`, where that helps.
    pub fn locked(detail: impl Into<Cow<'static, str>>, seconds: Option<f64>) -> Self {
        let wait = seconds.and_then(|seconds| HeaderValue::from_str(&seconds.to_string()).ok());
        let headers = wait.map(|wait| (RETRY_AFTER, wait)).into_iter().collect();
        Self { headers, ..Self::new(StatusCode::LOCKED, detail) }
    }

    pub fn unprocessable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// To be tried again soon: the SDK retries 503 and gives up on 500.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, cause: impl std::fmt::Display) -> Self {
        let headers = vec![(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))];
        Self { headers, cause: Some(cause.to_string().into()), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// Beyond a limit, to be tried again in `seconds`; a problem (RFC 9457) of the type that the draft on limits names.
    pub fn limited(limit: &'static str, detail: &'static str, seconds: u8) -> Self {
        let body = json!({ "detail": detail, "type": QUOTA_EXCEEDED, "violated-policies": [limit] });
        let headers = vec![(RETRY_AFTER, HeaderValue::from(u16::from(seconds)))];
        Self { headers, ..Self::json(StatusCode::TOO_MANY_REQUESTS, body) }
    }

    /// A defect of ours.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let body = json!({ "exception_message": "Internal Server Error" });
        Self { cause: Some(cause.to_string().into()), ..Self::json(StatusCode::INTERNAL_SERVER_ERROR, body) }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer; the cause goes to the log here, once.
    pub fn answer(self, operation: &str) -> Response {
        if let Some(cause) = &self.cause {
            if self.status == StatusCode::INTERNAL_SERVER_ERROR {
                tracing::error!(operation, cause, "request failed");
            } else {
                tracing::warn!(operation, status = self.status.as_u16(), cause, "request refused");
            }
        }
        let mut response = match self.body {
            Body::Detail(detail) => json_response(self.status, &json!({ "detail": detail })),
            Body::Json(body) => json_response(self.status, &body),
            Body::Invalid(invalid) => json_response(self.status, &invalid),
        };
        response.headers_mut().extend(self.headers);
        response
    }
}

/// What a client sent and nobody can count: 422, with the reason.
impl From<Uncountable> for Failure {
    fn from(uncountable: Uncountable) -> Self {
        Self::unprocessable(uncountable.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                Self::unavailable("The service is temporarily unavailable. Try again.", cause)
            }
            StoreError::SchemaVersion(version) => {
                Self::unavailable("This workspace is being upgraded. Try again.", format!("schema version {version}"))
            }
            StoreError::Conflict(cause) => {
                let detail =
                    "Data integrity conflict. This usually means a unique or foreign key constraint was violated.";
                Self { cause: Some(cause.into()), ..Self::conflict(detail) }
            }
            StoreError::Forbidden(sentence) => Self::forbidden(sentence),
            StoreError::TooMuch(bytes) => Self::bad_request(format!(
                "The answer would take more than {bytes} bytes. Ask for less of it: with a smaller limit or a narrower filter."
            )),
            StoreError::NotStorable(cause) => {
                let detail = "The request holds a value that cannot be stored: a character or a number out of range, or a name that is too long.";
                Self { cause: Some(cause.into()), ..Self::unprocessable(detail) }
            }
            StoreError::NoKeys => Self::new(
                StatusCode::NOT_IMPLEMENTED,
                "This server keeps no blocks: its operator has not set PREFECTURE_ENCRYPTION_KEYS.",
            ),
            StoreError::WorkspaceGone => Self::no_workspace(),
            StoreError::Unrendered(_) => Self::internal("an operation that renders no templates was asked to"),
            StoreError::Internal(cause) => Self::internal(cause),
        }
    }
}

/// A refused body: what was wrong with it, and what it was.
#[derive(Serialize)]
pub struct Invalid {
    exception_message: &'static str,
    exception_detail: Box<RawValue>,
    request_body: Box<RawValue>,
    #[serde(skip)]
    refusal: Option<String>,
}

impl Invalid {
    pub fn of(errors: Errors, body: &wire::Json<'_>) -> Self {
        Self::with(&errors.items(), RawValue::from_string(wire::json::echo(body)).ok(), errors.refusal())
    }

    fn with(items: &impl Serialize, body: Option<Box<RawValue>>, refusal: Option<&str>) -> Self {
        Self {
            exception_message: "Invalid request received.",
            // Items are plain data.
            exception_detail: serde_json::value::to_raw_value(items).unwrap_or_else(|_| RawValue::NULL.to_owned()),
            request_body: body.unwrap_or_else(|| RawValue::NULL.to_owned()),
            refusal: refusal.map(str::to_owned),
        }
    }

    pub fn not_json(why: NotJson, body: &[u8]) -> Failure {
        match why {
            NotJson::Encoding => Failure::bad_request("There was an error parsing the body"),
            NotJson::Syntax { at, why } => {
                let item = json!({ "type": "json_invalid", "loc": ["body", at], "msg": "JSON decode error", "input": {}, "ctx": { "error": why } });
                let text = String::from_utf8_lossy(body);
                let echo = serde_json::value::to_raw_value(text.as_ref()).ok();
                Self::with(&[item], echo, None).into()
            }
        }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        match invalid.refusal {
            Some(detail) => Self::unprocessable(detail),
            None => Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                body: Body::Invalid(Box::new(invalid)),
                cause: None,
                headers: Vec::new(),
            },
        }
    }
}
