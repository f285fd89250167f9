//! Who is connected by sockets, and who waits for what is stored: here at once, and on other replicas through [`wakes`].
//!
//! * [`listeners`], [`lines`]: who wants which events, who wants lines of logs
//! * [`telling`]: putting each event to those who want it
//! * [`reader`]: what other replicas have stored of them
//! * [`wakes`]: a word to whoever waits for a topic
//!
//! Bounded: a listener that does not keep up is told so.

mod known;
mod lines;
mod listeners;
mod reader;
mod telling;
mod wakes;

use std::collections::HashSet;
use std::sync::Arc;

use domain::WorkspaceId;
use domain::events::Event;
use domain::events::filter::EventFilter;
use domain::logs::Log;
use tenant_store::Scope;
use tenant_store::commits::Ears;
use tokio::sync::{broadcast, watch};

use lines::{Lines, LogListeners};
pub use listeners::{Frame, Listening};
use listeners::{Listeners, Room};
pub use wakes::Waiter;
use wakes::Wakes;

use super::watch::Askings;
use crate::redis::Redis;

#[derive(Default)]
pub struct Hub {
    logs: Arc<LogListeners>,
    /// Sockets that are open.
    open: watch::Sender<usize>,
    /// After whose keys is asked while their sockets are open.
    pub(super) askings: Askings,
    wakes: Wakes,
    listeners: Arc<Listeners>,
}

/// The topic of events of a name.
const EVENTS: &str = "event:";
/// The topic of lines.
const LOGS: &str = "logs";

/// Counts a socket as open until dropped.
pub struct OpenSocket(watch::Sender<usize>);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Hub {
    /// Waits for a topic of a workspace: what is stored from now on wakes the waiter, on whichever replica. So first this,
    /// then a look at what is there, then the wait. It is a hint and may be lost: look again after a while all the same.
    pub fn wait_for(&self, workspace: WorkspaceId, topic: impl Into<String>) -> Waiter {
        self.wakes.wait_for(workspace, topic.into())
    }

    /// Tells other replicas of what happens here, and hears of what happens there, for as long as it is awaited.
    pub async fn join(&self, redis: &Redis) {
        self.wakes
            .join(redis, |topic| match topic {
                None => {
                    self.listeners.look_everywhere();
                    self.logs.look_everywhere();
                }
                Some((workspace, topic)) => self.told(workspace, topic),
            })
            .await;
    }

    /// Another replica has stored something.
    fn told(&self, workspace: WorkspaceId, topic: &str) {
        if matches!(topic, LOGS | wakes::ALL) {
            self.logs.look(workspace);
        }
        let wanted = |room: &Arc<Room>| {
            topic == wakes::ALL || topic.strip_prefix(EVENTS).is_some_and(|name| room.crowd.wants(name))
        };
        if let Some(room) = self.listeners.room(workspace).filter(wanted) {
            room.look.notify_one();
        }
    }

    /// Hears of every event that is stored in the workspace from now on, and asked for. The first listener of a workspace
    /// starts the tasks that tell them and that read what other replicas store; they end with the last.
    pub fn listen_to_events(&self, scope: &Scope, filter: EventFilter) -> Listening {
        let (listening, fresh) = self.listeners.listen(scope, filter);
        if let Some(room) = fresh {
            tokio::spawn(telling::tell_for(room.clone()));
            tokio::spawn(reader::read_for(room));
        }
        listening
    }

    pub fn socket_opened(&self) -> OpenSocket {
        self.open.send_modify(|open| *open += 1);
        OpenSocket(self.open.clone())
    }

    /// Waits until the last socket has said goodbye.
    pub async fn all_closed(&self) {
        // The sender is here.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Hears of every line that is stored in the workspace from now on.
    pub fn listen_to_logs(&self, scope: &Scope) -> broadcast::Receiver<Lines> {
        self.logs.listen(scope)
    }

    /// Tells of lines that were committed.
    pub fn tell_of_logs(&self, workspace: WorkspaceId, lines: Vec<Log>) {
        self.logs.tell(workspace, lines);
        if self.wakes.has_joined() {
            self.wakes.wake(workspace, LOGS);
        }
    }
}

impl Ears for Hub {
    fn listens(&self, workspace: WorkspaceId) -> bool {
        self.wakes.has_joined() || self.listeners.room(workspace).is_some()
    }

    fn events(&self, workspace: WorkspaceId, events: &[Event]) {
        if let Some(room) = self.listeners.room(workspace) {
            room.crowd.tell(events, reader::now());
        }
        if self.wakes.has_joined() {
            let names: HashSet<&str> = events.iter().map(|event| event.event.as_str()).collect();
            names.into_iter().for_each(|name| self.wakes.wake(workspace, &format!("{EVENTS}{name}")));
        }
    }

    fn wake(&self, workspace: WorkspaceId, topic: &str) {
        self.wakes.wake(workspace, topic);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_end_waits_for_the_last_socket() {
        let hub = Hub::default();
        let (one, other) = (hub.socket_opened(), hub.socket_opened());
        drop(one);
        assert!(hub.all_closed().now_or_never().is_none());
        drop(other);
        hub.all_closed().await;
    }
}
