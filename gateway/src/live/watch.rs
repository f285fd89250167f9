//! What ends a socket besides its peer: silence, a key that no longer counts, the end of the program.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::SinkExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::greeting::{close, next_text};
use crate::App;
use crate::edge::Admission;
use crate::kit::Socket;

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
    /// Waits for something to do. Safe to drop at any time: a busy socket drops it often.
    fn look(&mut self) -> impl Future<Output = Look> + Send;
}

pub struct Watch {
    draining: watch::Receiver<bool>,
    key_counts: watch::Receiver<bool>,
    /// Goes on for as long as somebody holds it.
    _asking: Arc<Asking>,
    heard: Instant,
    pinged: Option<Instant>,
}

/// Asks after a key, for all sockets that it opened in a workspace: a worker's flows hold thousands with one key.
pub struct Asking {
    counts: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Who is asked after.
#[derive(Default)]
pub struct Askings(Mutex<HashMap<(String, String), Weak<Asking>>>);

impl Askings {
    fn of(&self, admission: Admission) -> Arc<Asking> {
        let mut askings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        askings.retain(|_, asking| asking.strong_count() > 0);
        let likeness = admission.likeness();
        if let Some(asking) = askings.get(&likeness).and_then(Weak::upgrade).filter(|asking| *asking.counts.borrow()) {
            return asking;
        }
        let (counting, counts) = watch::channel(true);
        // In a task of its own: the question may wait for a database, the sockets must not.
        let task = tokio::spawn(async move {
            while admission.still_counts().await {
                tokio::time::sleep(LOOK).await;
            }
            let _ = counting.send(false);
        });
        let asking = Arc::new(Asking { counts, task });
        askings.insert(likeness, Arc::downgrade(&asking));
        asking
    }
}

impl Watch {
    pub fn new(app: &App, admission: Admission) -> Self {
        let asking = app.hub().askings.of(admission);
        let (draining, key_counts) = (app.draining(), asking.counts.clone());
        Self { draining, key_counts, _asking: asking, heard: Instant::now(), pinged: None }
    }

    /// Why the socket must end, if it must already: for who is too busy to look around.
    pub fn ended(&self) -> Option<End> {
        match (*self.draining.borrow(), *self.key_counts.borrow()) {
            (true, _) => Some(End::RESTART),
            (_, false) => Some(End::NO_KEY),
            _ => None,
        }
    }

    fn peer(&mut self) -> Look {
        match self.pinged {
            Some(at) if at.elapsed() >= PING => Look::End(End::SILENT),
            None if self.heard.elapsed() >= PING => {
                self.pinged = Some(Instant::now());
                Look::Ping
            }
            _ => Look::Stay,
        }
    }
}

impl Lookout for Watch {
    fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
    }

    async fn look(&mut self) -> Look {
        let next = self.pinged.unwrap_or(self.heard) + PING;
        let end = tokio::select! {
            () = until(&mut self.draining, true) => Some(End::RESTART),
            () = until(&mut self.key_counts, false) => Some(End::NO_KEY),
            () = tokio::time::sleep_until(next) => None,
        };
        end.map_or_else(|| self.peer(), Look::End)
    }
}

/// The first message of a peer that has one to send; `None` when the socket ended before it came.
pub async fn first_words(socket: &mut Socket, watch: &mut Watch, first: Option<String>) -> Option<String> {
    if first.is_some() {
        return first;
    }
    loop {
        tokio::select! {
            said = next_text(socket) => return said,
            look = watch.look() => if !stay(socket, look).await { return None },
        }
    }
}

/// Does what a look around asks for; whether the socket is still open then.
pub async fn stay(socket: &mut Socket, look: Look) -> bool {
    match look {
        Look::Stay => true,
        Look::Ping => socket.send(Message::Ping(Bytes::new())).await.is_ok(),
        Look::End(End { code, reason }) => {
            close(socket, code, reason).await;
            false
        }
    }
}

/// Waits until a flag has a value, or is gone: who sets it ends with the program, or with its last word.
pub async fn until(flag: &mut watch::Receiver<bool>, value: bool) {
    let _ = flag.wait_for(|set| *set == value).await;
}
