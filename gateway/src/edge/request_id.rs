//! Names each request. Refuses nothing; an id that the client sent is kept when it is harmless.

use std::time::Instant;

use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use super::layer::{Below, Step, down};
use super::{Request, Way};
use crate::kit::{Address, InHand, Params, Response};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone)]
pub struct RequestId;

impl Step for RequestId {
    async fn run(self, mut request: Request, below: impl Below) -> Response {
        let sent = request.headers().get(&HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_harmless(id));
        let request_id = sent.map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned);
        let value = HeaderValue::from_str(&request_id).ok();
        request.extensions_mut().insert(Way {
            request_id,
            arrived: Instant::now(),
            address: Address::default(),
            op: None,
            params: Params::default(),
            entered: super::way::Entered::Nobody,
            key: None,
            meter: None,
            in_hand: InHand::default(),
        });
        let mut response = down(below, request).await;
        if let Some(value) = value {
            response.headers_mut().insert(HEADER, value);
        }
        response
    }
}

fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
