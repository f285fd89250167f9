//! Who listens to events, by workspace and by name: an event is put to those who ask for its name and to those who ask for
//! no name in particular, so the many that wait for something rare cost nothing meanwhile.
//!
//! Each has a queue of bounded length. One that is full ends the listener, which is told so and connects again: what it
//! missed is back-filled then.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use domain::events::filter::EventFilter;
use domain::events::{Event, ReceivedEvent};
use domain::{EventId, WorkspaceId};
use serde::Serialize;
use tenant_store::Scope;
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use wire::Time;

use super::known::Known;

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
    state: Mutex<State>,
    /// Another replica has stored something that somebody here may want.
    pub look: Notify,
}

#[derive(Default)]
struct State {
    members: HashMap<u64, Member>,
    by_name: HashMap<String, Vec<u64>>,
    of_any_name: Vec<u64>,
    next: u64,
    known: Known,
}

struct Member {
    filter: EventFilter,
    queue: mpsc::Sender<Arc<Frame>>,
}

/// A place among those who listen, until it is dropped.
pub struct Listening {
    listeners: Arc<Listeners>,
    workspace: WorkspaceId,
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
        let mut rooms = self.listeners.rooms.write().unwrap_or_else(PoisonError::into_inner);
        let Some(room) = rooms.get(&self.workspace) else { return };
        let empty = {
            let mut state = room.state();
            state.leave(self.number);
            state.members.is_empty()
        };
        if empty && let Some(room) = rooms.remove(&self.workspace) {
            // Its reader sees that nobody is here.
            room.look.notify_one();
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
            Arc::new(Room { scope, state: Mutex::default(), look: Notify::new() })
        });
        let number = room.state().enter(Member { filter, queue: sender });
        let listening = Listening { listeners: self.clone(), workspace, number, queue };
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

impl Room {
    /// Tells of events that were stored here.
    pub fn tell(&self, events: &[Event], received: Time) {
        let mut state = self.state();
        for event in events {
            state.tell(event, || ReceivedEvent { event: event.clone(), received });
        }
    }

    /// Tells of events that were read, which others have stored.
    pub fn tell_read(&self, events: Vec<ReceivedEvent>) {
        let mut state = self.state();
        for read in events {
            state.tell(&read.event, || read.clone());
        }
    }

    /// Whether anybody wants events of this name.
    pub fn wants(&self, name: &str) -> bool {
        let state = self.state();
        !state.of_any_name.is_empty() || state.by_name.contains_key(name)
    }

    /// The names that are wanted; `None` for all. Nothing where nobody is left.
    pub fn wanted(&self) -> Wanted {
        let state = self.state();
        match (state.members.is_empty(), state.of_any_name.is_empty()) {
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
        self.members.insert(number, member);
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

    fn tell(&mut self, event: &Event, whole: impl Fn() -> ReceivedEvent) {
        let named = self.by_name.get(&event.event);
        if (named.is_none() && self.of_any_name.is_empty()) || !self.known.learn(event.id.0, Instant::now()) {
            return;
        }
        let named = self.by_name.get(&event.event).into_iter().flatten();
        let mut frame = None;
        let mut slow = Vec::new();
        for number in named.chain(&self.of_any_name) {
            let Some(member) = self.members.get(number).filter(|member| member.filter.includes(event)) else {
                continue;
            };
            let frame = frame.get_or_insert_with(|| Arc::new(Frame::of(&whole())));
            if member.queue.try_send(frame.clone()).is_err() {
                slow.push(*number);
            }
        }
        // Without a sender its queue ends behind what is in it.
        slow.into_iter().for_each(|number| self.leave(number));
    }
}

#[cfg(test)]
mod tests {
    use domain::events::Resource;
    use domain::events::filter::EventNameFilter;
    use uuid::Uuid;
    use wire::RawObject;

    use super::*;

    fn event(n: u128, name: &str) -> Event {
        let (related, payload) = (Vec::new(), RawObject::default());
        let resource = Resource::of("r");
        let id = EventId(Uuid::from_u128(n));
        Event { occurred: Time::from_micros(1), event: name.into(), resource, related, payload, id, follows: None }
    }

    fn member(names: Option<&[&str]>) -> (Member, mpsc::Receiver<Arc<Frame>>) {
        let (queue, receiver) = mpsc::channel(BEHIND);
        let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let event = Some(EventNameFilter { name: names, ..EventNameFilter::default() });
        (Member { filter: EventFilter { event, ..EventFilter::default() }, queue }, receiver)
    }

    fn tell(state: &mut State, event: &Event) {
        state.tell(event, || ReceivedEvent { event: event.clone(), received: Time::from_micros(2) });
    }

    #[test]
    fn an_event_goes_to_those_who_ask_for_it_once() {
        let mut state = State::default();
        let ((named, mut of_name), (other, mut of_other), (any, mut of_any)) =
            (member(Some(&["a", "a"])), member(Some(&["b"])), member(None));
        let numbers = [named, other, any].map(|member| state.enter(member));
        tell(&mut state, &event(1, "a"));
        tell(&mut state, &event(1, "a"));
        assert_eq!(of_name.try_recv().unwrap().id, EventId(Uuid::from_u128(1)));
        assert!(of_any.try_recv().unwrap().text.starts_with(r#"{"type":"event","event":{"occurred":"#));
        assert!(of_name.try_recv().is_err() && of_any.try_recv().is_err() && of_other.try_recv().is_err());
        numbers.into_iter().for_each(|number| state.leave(number));
        assert!(state.by_name.is_empty() && state.of_any_name.is_empty() && state.members.is_empty());
    }

    #[test]
    fn what_nobody_asks_for_is_not_even_remembered() {
        let mut state = State::default();
        let (named, _queue) = member(Some(&["a"]));
        state.enter(named);
        tell(&mut state, &event(1, "b"));
        assert!(!state.known.has(Uuid::from_u128(1)));
    }

    #[tokio::test]
    async fn a_queue_that_is_full_ends_behind_what_is_in_it() {
        let mut state = State::default();
        let (any, mut queue) = member(None);
        state.enter(any);
        for n in 0..=BEHIND as u128 {
            tell(&mut state, &event(n, "a"));
        }
        assert!(state.members.is_empty());
        let mut taken = 0;
        while queue.recv().await.is_some() {
            taken += 1;
        }
        assert_eq!(taken, BEHIND);
    }
}
