//! Refuses work beyond what is in hand (503 + Retry-After) at once, so that what is in hand is finished.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::layer::{Glance, Refusal};
use super::{Request, Way};
use crate::kit::{Failure, Kept};

#[derive(Clone)]
pub struct Shed(Arc<Semaphore>);

impl Shed {
    pub fn new(max_requests: usize) -> Self {
        Self(Arc::new(Semaphore::new(max_requests)))
    }
}

impl Glance for Shed {
    type Kept = Kept;

    fn down(&self, request: &mut Request) -> Result<Kept, Refusal> {
        let Ok(place) = self.0.clone().try_acquire_owned() else {
            let failure = Failure::unavailable("The service is busy. Try again.", "too many requests in work");
            return Err(Refusal(failure, "shed"));
        };
        Ok(Way::of(request).in_hand.keep(place))
    }
}
