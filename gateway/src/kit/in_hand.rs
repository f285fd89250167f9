//! What a request takes from others while it is in work, such as its place among the requests of a workspace. A request
//! that merely waits gives it back early.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// The places of one request. Cheap to clone.
#[derive(Clone, Default)]
pub struct InHand(Arc<Mutex<Vec<Box<dyn Any + Send>>>>);

/// Gives the places back when dropped, if that was not done before.
pub struct Kept(InHand);

impl InHand {
    /// Keeps a place until the request is answered, or waits.
    #[must_use = "a place is kept as long as this is"]
    pub fn keep(&self, place: impl Any + Send) -> Kept {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(place));
        Kept(self.clone())
    }

    /// Gives back all places: what is left of the request is waiting.
    pub fn leave(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back_once() {
        let (place, in_hand) = (Arc::new(()), InHand::default());
        let kept = in_hand.keep(place.clone());
        assert_eq!(Arc::strong_count(&place), 2);
        in_hand.leave();
        assert_eq!(Arc::strong_count(&place), 1);
        let again = in_hand.keep(place.clone());
        drop((kept, again));
        assert_eq!(Arc::strong_count(&place), 1);
    }
}
