//! Refuses work beyond what is in hand (503 + Retry-After) at once, so that what is in hand is finished.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::layer::{Below, Step, down};
use super::refuse::refuse;
use super::{Request, Way};
use crate::kit::{Failure, Response};

#[derive(Clone)]
pub struct Shed(Arc<Semaphore>);

impl Shed {
    pub fn new(max_requests: usize) -> Self {
        Self(Arc::new(Semaphore::new(max_requests)))
    }
}

impl Step for Shed {
    async fn run(self, mut request: Request, below: impl Below) -> Response {
        let Ok(place) = self.0.try_acquire_owned() else {
            let failure = Failure::unavailable("The service is busy. Try again.", "too many requests in work");
            return refuse(request, failure, "shed").await;
        };
        let _in_hand = Way::of(&mut request).in_hand.keep(place);
        down(below, request).await
    }
}
