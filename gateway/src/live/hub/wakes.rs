//! Wakes: a word to whoever waits for a topic of a workspace, that it should look again. In process at once, and on other
//! replicas through Redis, coalesced: what is woken while a message is on its way is the next message.
//!
//! A wake says nothing but "look": who is woken too often reads once too often, who is not woken looks a little later. So
//! messages may be lost, and when there are too many topics for one, everybody of the workspace is woken.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::WorkspaceId;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::redis::{Heard, Redis};

/// Where replicas hear of each other.
const CHANNEL: &str = "prefecture:wakes";
/// Topics that one message may carry.
const TOPICS: usize = 1000;
/// Between two messages of a replica.
const SPACING: Duration = Duration::from_millis(2);
/// In place of a topic: all of them.
pub const ALL: &str = "*";

type Topic = (WorkspaceId, String);
type Waiting = Arc<Mutex<HashMap<WorkspaceId, HashMap<String, watch::Sender<()>>>>>;

/// Waits for one topic. What was woken since it was made, or since it last woke, is not missed.
pub struct Waiter {
    waiting: Waiting,
    topic: Topic,
    woken: watch::Receiver<()>,
}

impl Waiter {
    /// Safe to drop at any time.
    pub async fn woken(&mut self) {
        // The sender lives as long as there is a waiter.
        let _ = self.woken.changed().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let (workspace, topic) = &self.topic;
        let mut waiting = lock(&self.waiting);
        let Some(topics) = waiting.get_mut(workspace) else { return };
        // This one is still counted.
        if topics.get(topic).is_some_and(|sender| sender.receiver_count() <= 1) {
            topics.remove(topic);
        }
        if topics.is_empty() {
            waiting.remove(workspace);
        }
    }
}

pub struct Wakes {
    waiting: Waiting,
    /// What other replicas are to be told, while there are others.
    pending: Mutex<HashSet<Topic>>,
    some_pending: Notify,
    joined: AtomicBool,
    /// So that a replica does not listen to itself.
    replica: Uuid,
}

impl Default for Wakes {
    fn default() -> Self {
        Self {
            waiting: Waiting::default(),
            pending: Mutex::default(),
            some_pending: Notify::new(),
            joined: AtomicBool::new(false),
            replica: Uuid::new_v4(),
        }
    }
}

impl Wakes {
    pub fn wait_for(&self, workspace: WorkspaceId, topic: String) -> Waiter {
        let mut waiting = lock(&self.waiting);
        let topics = waiting.entry(workspace).or_default();
        let woken = topics.entry(topic.clone()).or_insert_with(|| watch::channel(()).0).subscribe();
        Waiter { waiting: self.waiting.clone(), topic: (workspace, topic), woken }
    }

    /// Wakes who waits here, and soon those who wait elsewhere.
    pub fn wake(&self, workspace: WorkspaceId, topic: &str) {
        self.wake_here(workspace, topic);
        if !self.has_joined() {
            return;
        }
        let mut pending = lock(&self.pending);
        match pending.len() < TOPICS {
            true => pending.insert((workspace, topic.to_owned())),
            false => pending.insert((workspace, ALL.to_owned())),
        };
        drop(pending);
        self.some_pending.notify_one();
    }

    fn wake_here(&self, workspace: WorkspaceId, topic: &str) {
        let waiting = lock(&self.waiting);
        let Some(topics) = waiting.get(&workspace) else { return };
        match topic {
            ALL => topics.values().for_each(wake),
            _ => topics.get(topic).into_iter().for_each(wake),
        }
    }

    fn wake_all_here(&self) {
        lock(&self.waiting).values().flat_map(HashMap::values).for_each(wake);
    }

    /// Whether there are other replicas to be told.
    pub fn has_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    /// Speaks and listens to other replicas for as long as it is awaited. `told` hears of each topic that others wake, and
    /// of nothing in particular when something may have been missed.
    pub async fn join(&self, redis: &Redis, told: impl Fn(Option<(WorkspaceId, &str)>)) {
        self.joined.store(true, Ordering::Relaxed);
        let hearing = redis.hear(CHANNEL, |heard| match heard {
            Heard::Begun => {
                self.wake_all_here();
                told(None);
            }
            Heard::Message(message) => self.heard(message, &told),
        });
        tokio::join!(hearing, self.speak(redis));
    }

    async fn speak(&self, redis: &Redis) {
        loop {
            self.some_pending.notified().await;
            let topics = std::mem::take(&mut *lock(&self.pending));
            let message = written(self.replica, &topics);
            // Whoever did not hear it looks for itself, a little later.
            let _ = redis.publish(CHANNEL, message.as_bytes()).await;
            tokio::time::sleep(SPACING).await;
        }
    }

    fn heard(&self, message: &[u8], told: &impl Fn(Option<(WorkspaceId, &str)>)) {
        let Some((replica, topics)) = read(message).filter(|(replica, _)| *replica != self.replica) else { return };
        tracing::trace!(%replica, "heard of another replica");
        for (workspace, topic) in topics {
            self.wake_here(workspace, topic);
            told(Some((workspace, topic)));
        }
    }
}

fn wake(sender: &watch::Sender<()>) {
    sender.send_replace(());
}

/// The replica, then a line for each topic.
fn written(replica: Uuid, topics: &HashSet<Topic>) -> String {
    let mut message = replica.to_string();
    for (workspace, topic) in topics {
        message.push_str(&format!("\n{workspace} {topic}"));
    }
    message
}

/// What [`written`] wrote; lines that are none are left out.
fn read(message: &[u8]) -> Option<(Uuid, impl Iterator<Item = (WorkspaceId, &str)>)> {
    let mut lines = std::str::from_utf8(message).ok()?.split('\n');
    let replica = Uuid::try_parse(lines.next()?).ok()?;
    let topic = |line: &'_ str| -> Option<(WorkspaceId, usize)> {
        let (workspace, topic) = line.split_once(' ')?;
        Some((WorkspaceId(Uuid::try_parse(workspace).ok()?), line.len() - topic.len()))
    };
    Some((replica, lines.filter_map(move |line| topic(line).map(|(workspace, at)| (workspace, &line[at..])))))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn workspace(n: u128) -> WorkspaceId {
        WorkspaceId(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn a_waiter_wakes_for_its_topic_alone_and_misses_none() {
        let wakes = Wakes::default();
        let mut waiter = wakes.wait_for(workspace(1), "pool:a".into());
        wakes.wake(workspace(1), "pool:b");
        wakes.wake(workspace(2), "pool:a");
        assert!(waiter.woken().now_or_never().is_none());
        wakes.wake(workspace(1), "pool:a");
        wakes.wake(workspace(1), "pool:a");
        waiter.woken().now_or_never().expect("woken before it waited");
        assert!(waiter.woken().now_or_never().is_none(), "twice is once");
        wakes.wake(workspace(1), ALL);
        waiter.woken().now_or_never().expect("woken with everybody");
        drop(waiter);
        assert!(lock(&wakes.waiting).is_empty());
    }

    #[test]
    fn what_is_written_is_read() {
        let topics = HashSet::from([(workspace(1), "event:a b".to_owned()), (workspace(2), "x".to_owned())]);
        let message = written(Uuid::from_u128(7), &topics) + "\nnonsense\n";
        let (replica, read) = read(message.as_bytes()).unwrap();
        assert_eq!(replica, Uuid::from_u128(7));
        assert_eq!(read.map(|(workspace, topic)| (workspace, topic.to_owned())).collect::<HashSet<_>>(), topics);
        assert!(super::read(b"\xff").is_none() && super::read(b"no id").is_none());
    }

    #[tokio::test]
    async fn other_replicas_words_wake_and_ones_own_do_not() {
        let wakes = Wakes::default();
        let mut waiter = wakes.wait_for(workspace(1), "t".into());
        let topics = HashSet::from([(workspace(1), "t".to_owned())]);
        let told = |_: Option<(WorkspaceId, &str)>| {};
        wakes.heard(written(wakes.replica, &topics).as_bytes(), &told);
        assert!(waiter.woken().now_or_never().is_none());
        wakes.heard(written(Uuid::from_u128(7), &topics).as_bytes(), &told);
        waiter.woken().now_or_never().expect("woken by the other one");
    }

    #[test]
    fn too_many_topics_are_all_of_them() {
        let wakes = Wakes::default();
        wakes.joined.store(true, Ordering::Relaxed);
        (0..2 * TOPICS).for_each(|nth| wakes.wake(workspace(1), &nth.to_string()));
        let pending = lock(&wakes.pending);
        assert!(pending.len() == TOPICS + 1 && pending.contains(&(workspace(1), ALL.to_owned())));
    }
}
