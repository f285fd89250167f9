//! Ends what takes too long: 503, which clients try again. Dropping the work below rolls its transaction back.

use std::time::Duration;

use super::Request;
use super::layer::{Below, Step};
use crate::kit::{Failure, Response};

#[derive(Clone)]
pub struct Timeout(pub Duration);

impl Step for Timeout {
    async fn run(&self, request: Request, below: &impl Below) -> Response {
        match tokio::time::timeout(self.0, below.answer(request)).await {
            Ok(response) => response,
            Err(_) => {
                Failure::unavailable("The request took too long. Try again.", "request timeout").answer("timeout")
            }
        }
    }
}
