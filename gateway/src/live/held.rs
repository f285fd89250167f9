//! Polls that are held open: who asks for runs and finds none is answered when there are some, or after a while. So a run
//! reaches a worker that waits at once, though workers ask only every ten seconds or so.
//!
//! While it waits a poll holds no connection of the database and no place among the requests in work, and each workspace
//! has a bounded number of them ([`PollSettings`](crate::config::PollSettings)). It ends with the program's drain, and with
//! its client: who goes away drops it. Who is woken shows first that the key still counts.

use std::pin::Pin;
use std::time::{Duration, Instant};

use super::watch::until;
use crate::edge::Admission;
use crate::kit::{Call, Failure, Reply};

/// What nobody tells of, such as a slot that is free again or a pool that goes on, is seen within this time.
const NET: Duration = Duration::from_secs(1);

/// What one look found.
pub type Look<'l, T> = Pin<Box<dyn Future<Output = Reply<Vec<T>>> + Send + 'l>>;

/// What `look` finds, now or as soon as it finds something. It is told how long the poll has waited: a time up to which
/// runs are wanted moves on with it, as if the client asked again.
pub async fn held<'l, T>(
    cx: &'l Call,
    topics: Vec<String>,
    mut look: impl FnMut(Duration) -> Look<'l, T> + Send,
) -> Reply<Vec<T>> {
    let (hold, hub) = (cx.app.edge().poll_hold(), cx.app.hub());
    let workspace = cx.scope()?.workspace();
    // Before the look: what is written after it wakes.
    let mut waiters: Vec<_> = topics.into_iter().map(|topic| hub.wait_for(workspace, topic)).collect();
    let found = look(Duration::ZERO).await?;
    if !found.is_empty() || hold.is_zero() || waiters.is_empty() {
        return Ok(found);
    }
    let Some(_place) = cx.app.limits().polls.enter(workspace) else {
        cx.app.metrics().polls.turned_away();
        return Ok(found);
    };
    cx.in_hand.leave();
    let _held = cx.app.metrics().polls.held();
    let admission = Admission::of(cx);
    let began = Instant::now();
    let mut draining = cx.app.draining();
    while let Some(left) = hold.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
        let woken = futures_util::future::select_all(waiters.iter_mut().map(|waiter| Box::pin(waiter.woken())));
        tokio::select! {
            () = until(&mut draining, true) => break,
            _ = woken => {}
            () = tokio::time::sleep(NET.min(left)) => {}
        }
        if let Some(admission) = &admission
            && !admission.still_counts().await
        {
            return Err(Failure::unauthenticated());
        }
        let found = look(began.elapsed()).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
