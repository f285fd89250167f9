//! Events: taken in many at once, together with the task runs that some of them tell of (`domain::recorder`).
//!
//! Whoever is told `Ok` may forget what it sent: everything is committed, as an event or, where it could not be stored, in
//! the quarantine. An error says that the database is away or the workspace gone, and that everything should be sent again;
//! what was stored already is known by its id then.

mod count;
mod filter;
mod list;
mod names;
mod record;
#[cfg(test)]
mod tests;
mod told;

pub use count::{Bucketed, Counted, count_by, count_over_time};
pub use list::{MOST_COUNTED, Page, Place, page, since_received, total};
#[cfg(test)]
pub(crate) use {count::counting_by, count::counting_over_time, list::listing, list::totalling, names::BEGINNING};

use domain::events::Event;
use domain::recorder::{self, Change};
use domain::rules::event::StateChange;

use crate::quarantine::{self, Unstorable};
use crate::{Error, Lane, Result, Scope};

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Events that are stored, those that were before among them.
    pub stored: usize,
    /// Things that were set aside: events that are none, and what the recorder could not read or write.
    pub quarantined: usize,
}

/// How often a batch is tried that others are in the way of.
const TRIES: usize = 5;

/// Takes in messages that should be events.
pub async fn take_in(scope: &Scope, lane: Lane, source: &'static str, texts: &[String]) -> Result<Taken> {
    let mut events = Vec::with_capacity(texts.len());
    let mut unstorable = Vec::new();
    for text in texts {
        match Event::of_message(text) {
            Ok(event) => events.push(event),
            Err(reason) => unstorable.push(Unstorable { source, reason, body: text.clone() }),
        }
    }
    let mut taken = take_in_events(scope, lane, source, &events).await?;
    if !unstorable.is_empty() {
        set_aside(scope, lane, &unstorable).await?;
        taken.quarantined += unstorable.len();
    }
    Ok(taken)
}

/// Takes in events. When a batch cannot be stored for what is in it, its halves are tried, down to the event that is in
/// the way of the others.
pub async fn take_in_events(scope: &Scope, lane: Lane, source: &'static str, events: &[Event]) -> Result<Taken> {
    let mut taken = Taken::default();
    let mut parts = vec![events];
    while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
        match store_patiently(scope, lane, part).await {
            Ok(quarantined) => {
                announce(scope, part);
                taken.stored += part.len();
                taken.quarantined += quarantined;
            }
            Err(error) if is_of_the_database(&error) => return Err(error),
            Err(error) => match part {
                [event] => {
                    let body = serde_json::to_string(event).unwrap_or_default();
                    set_aside(scope, lane, &[Unstorable { source, reason: error.to_string(), body }]).await?;
                    taken.quarantined += 1;
                }
                _ => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            },
        }
    }
    Ok(taken)
}

/// Tells whoever listens of events that were committed.
fn announce(scope: &Scope, events: &[Event]) {
    if let Some(ears) = scope.pool().commits().ears(scope.workspace()) {
        ears.events(scope.workspace(), events);
    }
}

/// Tells whoever listens of changes of state that were committed.
pub(crate) fn announce_changes(scope: &Scope, changes: &[StateChange]) {
    if let Some(ears) = scope.pool().commits().ears(scope.workspace()).filter(|_| !changes.is_empty()) {
        let events: Vec<Event> = changes.iter().map(StateChange::to_event).collect();
        ears.events(scope.workspace(), &events);
    }
}

/// Nothing in the batch is to blame.
fn is_of_the_database(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::WorkspaceGone | Error::SchemaVersion(_))
}

/// Stores a batch, again where another writer came between the look and the write, or where two waited for each other.
async fn store_patiently(scope: &Scope, lane: Lane, events: &[Event]) -> Result<usize> {
    let mut tries = 1;
    loop {
        let error = match store(scope, lane, events).await {
            Ok(quarantined) => return Ok(quarantined),
            Err(error) => error,
        };
        let again = match &error {
            // The run of the same call was inserted a moment ago: the next look finds it.
            Error::Conflict(_) => true,
            // Deadlocks and serialisation failures, by the class of their code.
            Error::Unavailable(text) => text.starts_with("40"),
            _ => false,
        };
        if !again || tries == TRIES {
            return Err(error);
        }
        tries += 1;
    }
}

/// Stores a batch or nothing of it; how much of it the recorder set aside.
async fn store(scope: &Scope, lane: Lane, events: &[Event]) -> Result<usize> {
    let mut changes: Vec<Change> = Vec::with_capacity(events.len());
    let mut unstorable = Vec::new();
    for event in events {
        match recorder::change(event) {
            Some(Ok(change)) => changes.push(change),
            Some(Err(reason)) => {
                let body = serde_json::to_string(event).unwrap_or_default();
                unstorable.push(Unstorable { source: "task-run recorder", reason, body });
            }
            None => {}
        }
    }
    let mut tx = scope.write(lane).await?;
    if !unstorable.is_empty() {
        quarantine::put(&mut tx, &unstorable).await?;
    }
    record::write(tx, changes, events).await?;
    Ok(unstorable.len())
}

async fn set_aside(scope: &Scope, lane: Lane, things: &[Unstorable]) -> Result<()> {
    for thing in things {
        let Unstorable { source, reason, .. } = thing;
        tracing::warn!(workspace = %scope.workspace(), source, reason, "set aside: it cannot be stored");
    }
    let mut tx = scope.write(lane).await?;
    quarantine::put(&mut tx, things).await?;
    tx.commit().await
}
