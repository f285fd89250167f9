//! Who listens to events, by workspace and by name: an event is put to those who ask for its name and to those who ask for
//! no name in particular, so the many that wait for something rare cost nothing meanwhile.
//!
//! What was stored waits here, and [`super::telling`] puts it to them. Each has a queue of bounded length. One that is full ends the listener, which is told so and connects again: what it
//! missed is back-filled then.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use domain::events::filter::{Effort, EventFilter};
use domain::events::{Event, ReceivedEvent};
use domain::{EventId, WorkspaceId};
use serde::Serialize;
use tenant_store::Scope;
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use wire::Time;

use super::known::Known;
use super::telling::{Told, Waiting};

/// Events that a listener may be behind.
const BEHIND: usize = 1024;

/// An event as it is sent.
#[derive(Debug)]
pub struct Frame {
    pub id: EventId,
    pub text: Utf8Bytes,
}

impl Frame {
    pub fn of(event: &ReceivedEvent) -> Self {
        #[derive(Serialize)]
        struct Message<'e> {
            r#type: &'static str,
            event: &'e ReceivedEvent,
        }
        // Plain data.
        let text = serde_json::to_string(&Message { r#type: "event", event }).unwrap_or_default();
        Self { id: event.event.id, text: text.into() }
    }
}

#[derive(Default)]
pub struct Listeners {
    rooms: RwLock<HashMap<WorkspaceId, Arc<Room>>>,
}

/// Those who listen in one workspace.
pub struct Room {
    pub scope: Scope,
    pub crowd: Crowd,
    /// Another replica has stored something that somebody here may want.
    pub look: Notify,
}

/// Who is in a room, and what they are yet to be told.
#[derive(Default)]
pub struct Crowd {
    state: Mutex<State>,
    /// Something waits to be told, or the room is closed.
    pub told: Notify,
}

#[derive(Default)]
struct State {
    members: HashMap<u64, Arc<Member>>,
    by_name: HashMap<String, Vec<u64>>,
    of_any_name: Vec<u64>,
    next: u64,
    known: Known,
    waiting: Waiting,
    /// The last has left, and others have another room.
    closed: bool,
}

pub struct Member {
    pub filter: EventFilter,
    /// What its filter takes.
    pub effort: Effort,
    pub queue: mpsc::Sender<Arc<Frame>>,
}

/// Members with their numbers.
pub type Audience = Vec<(u64, Arc<Member>)>;

/// A place among those who listen, until it is dropped.
pub struct Listening {
    listeners: Arc<Listeners>,
    room: Arc<Room>,
    number: u64,
    queue: mpsc::Receiver<Arc<Frame>>,
}

impl Listening {
    /// The next event; `None` once the listener was too slow. Safe to drop at any time.
    pub async fn next(&mut self) -> Option<Arc<Frame>> {
        self.queue.recv().await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let Self { listeners, room, number, .. } = self;
        let workspace = room.scope.workspace();
        let mut rooms = listeners.rooms.write().unwrap_or_else(PoisonError::into_inner);
        if room.crowd.left(*number) && rooms.get(&workspace).is_some_and(|now| Arc::ptr_eq(now, room)) {
            rooms.remove(&workspace);
            // Its tasks see that nobody is here.
            room.look.notify_one();
            room.crowd.told.notify_one();
        }
    }
}

impl Listeners {
    /// Hears from now on what is asked for. The room is new where this is the first in the workspace.
    pub fn listen(self: &Arc<Self>, scope: &Scope, filter: EventFilter) -> (Listening, Option<Arc<Room>>) {
        let workspace = scope.workspace();
        let (sender, queue) = mpsc::channel(BEHIND);
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = !rooms.contains_key(&workspace);
        let room = rooms.entry(workspace).or_insert_with(|| {
            let scope = scope.for_the_program("live events");
            Arc::new(Room { scope, crowd: Crowd::default(), look: Notify::new() })
        });
        let number = room.crowd.state().enter(Member { effort: filter.effort(), filter, queue: sender });
        let listening = Listening { listeners: self.clone(), room: room.clone(), number, queue };
        (listening, fresh.then(|| room.clone()))
    }

    pub fn room(&self, workspace: WorkspaceId) -> Option<Arc<Room>> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner).get(&workspace).cloned()
    }

    /// Something may have happened anywhere.
    pub fn look_everywhere(&self) {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        rooms.values().for_each(|room| room.look.notify_one());
    }
}

impl Crowd {
    /// Events that were stored here wait to be told, those that somebody may want.
    pub fn tell(&self, events: &[Event], received: Time) {
        let mut state = self.state();
        for event in events {
            state.take(event, || ReceivedEvent { event: event.clone(), received });
        }
        self.told.notify_one();
    }

    /// The same of events that were read, which others have stored.
    pub fn tell_read(&self, events: Vec<ReceivedEvent>) {
        let mut state = self.state();
        for read in events {
            state.take(&read.event, || read.clone());
        }
        self.told.notify_one();
    }

    /// The next event to be told, and those who may want it.
    pub fn next(&self) -> Option<(Told, Audience)> {
        self.state().next()
    }

    /// Without a sender its queue ends behind what is in it.
    pub fn end(&self, number: u64) {
        self.state().leave(number);
    }

    /// One has left; whether it was the last, and closed the room.
    fn left(&self, number: u64) -> bool {
        let mut state = self.state();
        state.leave(number);
        state.closed = state.members.is_empty();
        state.closed
    }

    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Whether anybody wants events of this name.
    pub fn wants(&self, name: &str) -> bool {
        let state = self.state();
        !state.of_any_name.is_empty() || state.by_name.contains_key(name)
    }

    /// The names that are wanted; `None` for all. Nothing where nobody is left.
    pub fn wanted(&self) -> Wanted {
        let state = self.state();
        match (state.closed, state.of_any_name.is_empty()) {
            (true, _) => Wanted::Nothing,
            (_, false) => Wanted::Everything,
            (_, true) => Wanted::Names(state.by_name.keys().cloned().collect()),
        }
    }

    pub fn knows(&self, id: EventId) -> bool {
        self.state().known.has(id.0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub enum Wanted {
    Nothing,
    Names(Vec<String>),
    Everything,
}

impl State {
    fn enter(&mut self, member: Member) -> u64 {
        let number = self.next;
        self.next += 1;
        match member.filter.names() {
            None => self.of_any_name.push(number),
            Some(names) => {
                for name in names.iter().collect::<HashSet<_>>() {
                    self.by_name.entry(name.clone()).or_default().push(number);
                }
            }
        }
        self.members.insert(number, Arc::new(member));
        number
    }

    fn leave(&mut self, number: u64) {
        let Some(member) = self.members.remove(&number) else { return };
        match member.filter.names() {
            None => self.of_any_name.retain(|one| *one != number),
            Some(names) => {
                for name in names {
                    if let Some(numbers) = self.by_name.get_mut(name) {
                        numbers.retain(|one| *one != number);
                        if numbers.is_empty() {
                            self.by_name.remove(name);
                        }
                    }
                }
            }
        }
    }

    /// Where more waits than may, all that listen are too slow: what they miss is back-filled when they connect again.
    fn take(&mut self, event: &Event, whole: impl Fn() -> ReceivedEvent) {
        let wanted = !self.of_any_name.is_empty() || self.by_name.contains_key(&event.event);
        if !wanted || !self.known.learn(event.id.0, Instant::now()) {
            return;
        }
        if !self.waiting.push(Told { event: Arc::new(whole()), before: self.next }) {
            let all: Vec<u64> = self.members.keys().copied().collect();
            all.into_iter().for_each(|number| self.leave(number));
            self.waiting = Waiting::default();
        }
    }

    fn next(&mut self) -> Option<(Told, Audience)> {
        let told = self.waiting.pop()?;
        let named = self.by_name.get(&told.event.event.event).into_iter().flatten();
        let there = named.chain(&self.of_any_name).filter(|number| **number < told.before);
        let members = there.filter_map(|number| Some((*number, self.members.get(number)?.clone()))).collect();
        Some((told, members))
    }
}

#[cfg(test)]
mod tests;
