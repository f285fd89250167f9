//! What ends a socket besides its peer: silence, a key that no longer counts, the end of the program.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::App;
use crate::edge::Admission;

/// How often a socket looks around. A revoked key is refused within about this time, the life of a verified key added.
const LOOK: Duration = Duration::from_millis(500);
/// How often the peer is asked whether it is there, and how long it may take to answer (the reference's times).
const PING: Duration = Duration::from_secs(20);

/// Why a socket must be closed.
pub struct End {
    pub code: CloseCode,
    pub reason: &'static str,
}

/// What a look around asks of the loop.
pub enum Look {
    Stay,
    /// Ask the peer whether it is there.
    Ping,
    End(End),
}

pub struct Watch {
    admission: Admission,
    draining: watch::Receiver<bool>,
    look: Interval,
    heard: Instant,
    pinged: Option<Instant>,
}

impl Watch {
    pub fn new(app: &App, admission: Admission) -> Self {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { admission, draining: app.draining(), look, heard: Instant::now(), pinged: None }
    }

    /// The peer was heard.
    pub fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
    }

    /// Waits for the next look around, and looks. Safe to drop while it waits.
    pub async fn look(&mut self) -> Look {
        tokio::select! {
            _ = self.look.tick() => {}
            // The sender lives as long as the program.
            _ = self.draining.wait_for(|draining| *draining) => {
                return Look::End(End { code: CloseCode::Restart, reason: "The server is restarting: connect again" });
            }
        }
        if !self.admission.still_counts().await {
            return Look::End(End { code: CloseCode::Policy, reason: "The key is no longer valid" });
        }
        match self.pinged {
            Some(at) if at.elapsed() > PING => Look::End(End { code: CloseCode::Error, reason: "No answer to a ping" }),
            None if self.heard.elapsed() > PING => {
                self.pinged = Some(Instant::now());
                Look::Ping
            }
            _ => Look::Stay,
        }
    }
}
