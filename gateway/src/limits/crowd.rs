//! How many of something each holder may have at once: requests in work, open sockets.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::HashMap;

/// How many each holder has; only of holders that have some.
type There<K> = Arc<Mutex<HashMap<K, usize>>>;

pub struct Crowd<K> {
    /// 0 is no cap.
    most: usize,
    there: There<K>,
}

/// One of them, until dropped.
pub struct Place<K: Hash + Eq + Copy>(Option<(K, There<K>)>);

impl<K: Hash + Eq + Copy> Crowd<K> {
    pub fn new(most: usize) -> Self {
        Self { most, there: Arc::default() }
    }

    /// `None` when there are as many as there may be.
    pub fn enter(&self, holder: K) -> Option<Place<K>> {
        if self.most == 0 {
            return Some(Place(None));
        }
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        let count = there.entry(holder).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place(Some((holder, self.there.clone()))))
    }
}

impl<K: Hash + Eq + Copy> Drop for Place<K> {
    fn drop(&mut self) {
        let Some((holder, there)) = self.0.take() else { return };
        let mut there = there.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = there.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                there.remove(&holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_there_may_be_and_no_more() {
        let crowd = Crowd::new(2);
        let (first, second) = (crowd.enter(1), crowd.enter(1));
        assert!(first.is_some() && second.is_some());
        assert!(crowd.enter(1).is_none() && crowd.enter(2).is_some());
        drop(first);
        assert!(crowd.enter(1).is_some());
        drop(second);
        assert!(crowd.there.lock().unwrap().is_empty(), "holders with none are forgotten");
        let open = Crowd::new(0);
        assert!((0..100).map(|_| open.enter(1)).all(|place| place.is_some()));
    }
}
