//! How many of something each holder may have at once: requests in work, open sockets. Who finds no place may wait for one
//! in line.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::HashMap;
use tokio::sync::oneshot;

pub struct Crowd<K: Hash + Eq + Copy> {
    /// 0 is no cap.
    most: usize,
    there: There<K>,
}

/// Of holders that have some.
type There<K> = Arc<Mutex<HashMap<K, Holder<K>>>>;

/// How many one has, and who waits for a place; nobody does while one is free.
struct Holder<K: Hash + Eq + Copy> {
    count: usize,
    line: VecDeque<oneshot::Sender<Place<K>>>,
}

/// One of them, until dropped.
pub struct Place<K: Hash + Eq + Copy>(Option<(K, There<K>)>);

impl<K: Hash + Eq + Copy> Crowd<K> {
    pub fn new(most: usize) -> Self {
        Self { most, there: Arc::default() }
    }

    /// `None` when there are as many as there may be.
    pub fn enter(&self, holder: K) -> Option<Place<K>> {
        self.enter_or(holder, |_| ()).ok()
    }

    /// As [`Self::enter`], but waits so long for its turn.
    pub async fn enter_within(&self, holder: K, wait: Duration) -> Option<Place<K>> {
        let line_up = |line: &mut VecDeque<oneshot::Sender<_>>| {
            // Who waited too long has left; those are at the front.
            while line.front().is_some_and(oneshot::Sender::is_closed) {
                line.pop_front();
            }
            let (turn, called) = oneshot::channel();
            line.push_back(turn);
            called
        };
        match self.enter_or(holder, line_up) {
            Ok(place) => Some(place),
            Err(called) => tokio::time::timeout(wait, called).await.ok()?.ok(),
        }
    }

    fn enter_or<T>(
        &self,
        holder: K,
        full: impl FnOnce(&mut VecDeque<oneshot::Sender<Place<K>>>) -> T,
    ) -> Result<Place<K>, T> {
        if self.most == 0 {
            return Ok(Place(None));
        }
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        let Holder { count, line } = there.entry(holder).or_insert_with(|| Holder { count: 0, line: VecDeque::new() });
        if *count >= self.most {
            return Err(full(line));
        }
        *count += 1;
        Ok(Place(Some((holder, self.there.clone()))))
    }
}

impl<K: Hash + Eq + Copy> Drop for Place<K> {
    /// Hands it to the next in line.
    fn drop(&mut self) {
        let Some((holder, all)) = self.0.take() else { return };
        let mut there = all.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Holder { count, line }) = there.get_mut(&holder) else { return };
        while let Some(turn) = line.pop_front() {
            if turn.is_closed() {
                continue;
            }
            drop(there);
            // Who leaves just now drops it, and so hands it on.
            drop(turn.send(Place(Some((holder, all)))));
            return;
        }
        *count -= 1;
        if *count == 0 {
            there.remove(&holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

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

    #[tokio::test]
    async fn who_waits_gets_the_next_place_in_the_order_of_coming() {
        const WAIT: Duration = Duration::from_secs(1);
        let crowd = Crowd::new(1);
        let there = crowd.enter(1);
        let (mut first, mut second) = (pin!(crowd.enter_within(1, WAIT)), pin!(crowd.enter_within(1, WAIT)));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        drop(there);
        assert!(crowd.enter(1).is_none(), "nobody passes those who wait");
        assert!(second.as_mut().now_or_never().is_none());
        let there = first.now_or_never().flatten();
        assert!(there.is_some());
        drop(there);
        assert!(second.now_or_never().flatten().is_some());
        assert!(crowd.there.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_waited_too_long_or_left_holds_up_nobody() {
        const WAIT: Duration = Duration::from_secs(1);
        let crowd = Crowd::new(1);
        let there = crowd.enter(1);
        assert!(crowd.enter_within(1, Duration::ZERO).await.is_none());
        for _ in 0..100 {
            assert!(crowd.enter_within(1, WAIT).now_or_never().is_none(), "it leaves at once");
        }
        assert!(crowd.there.lock().unwrap()[&1].line.len() <= 1, "the line does not grow with who left");
        let mut called = Box::pin(crowd.enter_within(1, WAIT));
        let mut next = pin!(crowd.enter_within(1, WAIT));
        assert!(called.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(there);
        drop(called); // called, but gone before it heard of it
        assert!(next.now_or_never().flatten().is_some());
        assert!(crowd.there.lock().unwrap().is_empty());
    }
}
