//! Refuses work beyond what is in hand (503 + Retry-After) at once, so that what is in hand is finished.

use tokio::sync::OwnedSemaphorePermit;

use super::layer::{Glance, Refusal};
use super::{Request, Way};
use crate::App;
use crate::kit::{Failure, Kept, Reply};

#[derive(Clone)]
pub struct Shed(pub App);

impl Glance for Shed {
    type Kept = Kept;

    fn down(&self, request: &mut Request) -> Result<Kept, Refusal> {
        let place = take_in_hand(&self.0).map_err(|failure| Refusal(failure, "shed"))?;
        Ok(Way::of(request).in_hand.keep(place))
    }
}

/// A place among the requests in hand.
pub fn take_in_hand(app: &App) -> Reply<OwnedSemaphorePermit> {
    let place = app.limits().in_hand.clone().try_acquire_owned();
    place.map_err(|_| Failure::unavailable("The service is busy. Try again.", "too many requests in work"))
}
