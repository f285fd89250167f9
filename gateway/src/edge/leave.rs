//! Once the program was told to stop, each answer asks its client to take another connection: by the time that this one is
//! closed nobody has a request on it.

use http::header::CONNECTION;
use http::{HeaderValue, StatusCode, Version};

use super::Request;
use super::layer::{Glance, Refusal};
use crate::App;
use crate::kit::Response;

#[derive(Clone)]
pub struct Leave(pub App);

impl Glance for Leave {
    /// Whether it can be said by a header. HTTP/2 has none for it; there the connection says GOAWAY when it is closed.
    type Kept = bool;

    fn down(&self, request: &mut Request) -> Result<bool, Refusal> {
        Ok(request.version() < Version::HTTP_2)
    }

    fn up(&self, by_header: bool, mut answer: Response) -> Response {
        if by_header && !self.0.is_ready() && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}
