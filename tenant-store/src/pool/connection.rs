//! A checked-out connection. However its user ends (done, failed, dropped in the middle of an await), it comes back with no
//! transaction open, or not at all.

use std::time::Duration;

use deadpool_postgres::Object;

use super::lanes::Turn;
use super::picker::Slot;
use super::{Pool, Pulse};

/// How long the clean-up of an abandoned transaction may take before the connection is given up.
const CLEAN_UP: Duration = Duration::from_secs(5);

pub(super) struct Connection {
    pool: Pool,
    /// `None` only while being dropped.
    slot: Option<Slot>,
    turn: Option<Turn>,
    /// A transaction may be open on the server: set before anything is sent, cleared when its end was answered.
    pub open: bool,
}

impl Connection {
    pub fn new(pool: Pool, slot: Slot, turn: Turn) -> Self {
        Self { pool, slot: Some(slot), turn: Some(turn), open: false }
    }

    pub fn slot(&mut self) -> &mut Slot {
        // Taken only by `drop`.
        self.slot.as_mut().expect("a connection in use")
    }

    pub fn pulse(&self) -> &Pulse {
        self.pool.pulse()
    }

    pub fn client(&self) -> &tokio_postgres::Client {
        // Taken only by `drop`.
        &self.slot.as_ref().expect("a connection in use").object
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (Some(slot), turn) = (self.slot.take(), self.turn.take()) else { return };
        if !self.open {
            give_back(&self.pool, slot);
            return;
        }
        // The request was cancelled or failed inside its transaction. What it had sent is ahead of the ROLLBACK in the
        // connection's queue, so nothing of it can follow. Other requests must not wait for this one's connection to be
        // mistaken for a clean one: its turn ends with the clean-up.
        let pool = self.pool.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            let _ = Object::take(slot.object);
            return;
        };
        runtime.spawn(async move {
            let rolled_back = pool.pulse().or_away(slot.object.batch_execute("ROLLBACK"));
            let rolled_back = tokio::time::timeout(CLEAN_UP, rolled_back).await;
            match rolled_back {
                Ok(Ok(())) => give_back(&pool, slot),
                _ => drop(Object::take(slot.object)),
            }
            drop(turn);
        });
    }
}

fn give_back(pool: &Pool, slot: Slot) {
    let settings = pool.settings();
    if slot.object.is_closed() || slot.is_worn(settings.schemas_per_connection, settings.max_age) {
        let _ = Object::take(slot.object);
    } else {
        pool.0.picker.put(slot);
    }
}
