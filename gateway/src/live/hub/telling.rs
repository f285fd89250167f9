//! Telling a workspace's listeners of its events: by a task of the room, one event after the other, so that nobody who
//! stores events waits for the filters of those who listen, and with a pause whenever it has worked for a while, so that
//! no other workspace does.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::events::ReceivedEvent;
use tokio::sync::mpsc;

use super::listeners::{Audience, Crowd, Frame, Member, Room};

/// Bytes of events that may wait to be told.
const MOST_WAITING: usize = 32 << 20;
/// What an event takes beside its content, about.
const FRAME: usize = 512;
/// Work between two pauses, in bytes that are looked at: a millisecond or two.
const SLICE: usize = 1 << 20;
/// Work on one event for one listener that is given to a thread which may be held up.
const HEAVY: usize = 16 << 20;

/// An event that waits to be told.
pub struct Told {
    pub event: Arc<ReceivedEvent>,
    /// Who came later does not hear of it.
    pub before: u64,
}

/// Events that wait, in the order of their storing.
#[derive(Default)]
pub struct Waiting {
    events: VecDeque<Told>,
    bytes: usize,
}

impl Waiting {
    /// Whether there was room for it.
    pub fn push(&mut self, told: Told) -> bool {
        let bytes = FRAME + told.event.event.weight();
        if self.bytes + bytes > MOST_WAITING {
            return false;
        }
        self.bytes += bytes;
        self.events.push_back(told);
        true
    }

    pub fn pop(&mut self) -> Option<Told> {
        let told = self.events.pop_front()?;
        self.bytes -= FRAME + told.event.event.weight();
        Some(told)
    }
}

/// Tells those in a room until it is closed.
pub async fn tell_for(room: Arc<Room>) {
    while !room.crowd.is_closed() {
        room.crowd.told.notified().await;
        tell_all(&room.crowd).await;
    }
}

/// Tells of everything that waits.
pub async fn tell_all(crowd: &Crowd) {
    let mut pace = Pace::default();
    while let Some((told, members)) = crowd.next() {
        tell(crowd, &told.event, members, &mut pace).await;
    }
}

async fn tell(crowd: &Crowd, event: &Arc<ReceivedEvent>, members: Audience, pace: &mut Pace) {
    let mut frame = None;
    for (number, member) in members {
        if !wants(&member, event, pace).await {
            continue;
        }
        let frame = frame.get_or_insert_with(|| Arc::new(Frame::of(event)));
        // One whose socket has just ended leaves by itself.
        if let Err(mpsc::error::TrySendError::Full(_)) = member.queue.try_send(frame.clone()) {
            crowd.end(number);
        }
    }
}

async fn wants(member: &Arc<Member>, event: &Arc<ReceivedEvent>, pace: &mut Pace) -> bool {
    let effort = member.effort.of(&event.event);
    if effort < HEAVY {
        pace.keep(effort).await;
        return member.filter.includes(&event.event);
    }
    let (member, event) = (member.clone(), event.clone());
    // It does not panic; if it did, the listener would not hear of this event.
    tokio::task::spawn_blocking(move || member.filter.includes(&event.event)).await.unwrap_or(false)
}

/// Work since the last pause.
#[derive(Default)]
struct Pace(usize);

impl Pace {
    async fn keep(&mut self, effort: usize) {
        self.0 += effort;
        if self.0 > SLICE {
            self.0 = 0;
            tokio::task::yield_now().await;
        }
    }
}
