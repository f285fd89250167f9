//! Names each request. Refuses nothing; an id that the client sent is kept when it is harmless.

use std::time::Instant;

use http::{HeaderName, HeaderValue};
use uuid::{NoContext, Timestamp, Uuid};

use super::layer::{Glance, Refusal};
use super::{Request, Way};
use crate::kit::{Address, InHand, Params, Response};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone)]
pub struct RequestId;

impl Glance for RequestId {
    type Kept = Option<HeaderValue>;

    fn down(&self, request: &mut Request) -> Result<Self::Kept, Refusal> {
        let sent = request.headers().get(&HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_harmless(id));
        let request_id = sent.map_or_else(new_id, str::to_owned);
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
        Ok(value)
    }

    fn up(&self, value: Self::Kept, mut answer: Response) -> Response {
        if let Some(value) = value {
            answer.headers_mut().insert(HEADER, value);
        }
        answer
    }
}

fn new_id() -> String {
    // In the order of their making to a millisecond: what puts those of one in order is a lock that all requests meet at.
    Uuid::new_v7(Timestamp::now(NoContext)).simple().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
