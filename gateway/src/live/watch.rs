//! What ends a socket besides its peer: silence, a key that no longer counts, the end of the program.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::App;
use crate::edge::Admission;

/// How often a socket's key is asked after. A revoked key is refused within about this time, the life of a verified key
/// added.
const LOOK: Duration = Duration::from_millis(500);
/// How often the peer is asked whether it is there, and how long it may take to answer (the reference's times).
const PING: Duration = Duration::from_secs(20);

/// Why a socket must be closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    pub code: CloseCode,
    pub reason: &'static str,
}

impl End {
    pub const RESTART: End = End { code: CloseCode::Restart, reason: "The server is restarting: connect again" };
    pub const NO_KEY: End = End { code: CloseCode::Policy, reason: "The key is no longer valid" };
    pub const SILENT: End = End { code: CloseCode::Error, reason: "No answer to a ping" };
}

/// What a look around asks of the loop.
#[derive(Debug, PartialEq)]
pub enum Look {
    Stay,
    /// Ask the peer whether it is there.
    Ping,
    End(End),
}

/// Looks around for a loop.
pub trait Lookout: Send {
    /// The peer was heard.
    fn heard(&mut self);
    /// Waits for something to do, or for the next look around. Safe to drop at any time: a busy socket drops it often.
    fn look(&mut self) -> impl Future<Output = Look> + Send;
}

pub struct Watch {
    draining: watch::Receiver<bool>,
    key_counts: watch::Receiver<bool>,
    asking: JoinHandle<()>,
    tick: Interval,
    heard: Instant,
    pinged: Option<Instant>,
}

impl Watch {
    pub fn new(app: &App, admission: Admission) -> Self {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (counts, key_counts) = watch::channel(true);
        // In a task of its own: the question may wait for a database, the socket must not.
        let asking = tokio::spawn(async move {
            while admission.still_counts().await {
                tokio::time::sleep(LOOK).await;
            }
            let _ = counts.send(false);
        });
        Self { draining: app.draining(), key_counts, asking, tick, heard: Instant::now(), pinged: None }
    }

    fn peer(&mut self) -> Look {
        match self.pinged {
            Some(at) if at.elapsed() > PING => Look::End(End::SILENT),
            None if self.heard.elapsed() > PING => {
                self.pinged = Some(Instant::now());
                Look::Ping
            }
            _ => Look::Stay,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Lookout for Watch {
    fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
    }

    async fn look(&mut self) -> Look {
        let end = tokio::select! {
            () = until(&mut self.draining, true) => Some(End::RESTART),
            () = until(&mut self.key_counts, false) => Some(End::NO_KEY),
            _ = self.tick.tick() => None,
        };
        end.map_or_else(|| self.peer(), Look::End)
    }
}

/// Waits until a flag has a value, or is gone: who sets it ends with the program, or with its last word.
pub async fn until(flag: &mut watch::Receiver<bool>, value: bool) {
    let _ = flag.wait_for(|set| *set == value).await;
}
