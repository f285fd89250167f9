//! Once the program was told to stop, each answer asks its client to take another connection: by the time that this one is
//! closed nobody has a request on it.

use http::header::CONNECTION;
use http::{HeaderValue, StatusCode, Version};

use super::Request;
use super::layer::{Below, Step, down};
use crate::App;
use crate::kit::Response;

#[derive(Clone)]
pub struct Leave(pub App);

impl Step for Leave {
    async fn run(self, request: Request, below: impl Below) -> Response {
        // HTTP/2 has no such header; there the connection says GOAWAY when it is closed.
        let by_header = request.version() < Version::HTTP_2;
        let mut response = down(below, request).await;
        if by_header && !self.0.is_ready() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
