//! `/events/in`: how task runs, heartbeats and everything else that clients observe arrive.
//!
//! The client takes a pong for an acknowledgement of every event it sent before its ping, and sends again what was not
//! acknowledged. So this loop is strictly sequential: it takes what has arrived, commits it, and only then touches the
//! socket again. The library queues the answer to a ping when it hands the ping out, and writes it with the next read or
//! write; nothing is read or written between a ping and the commit of what came before it. The same holds for a close.

use std::sync::Arc;
use std::time::Duration;

use domain::AccountId;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tenant_store::control::Principal;
use tenant_store::{Error as StoreError, Scope, events};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::greeting::{Greeting, Guest, close};
use super::watch::{End, Look, Lookout, Watch, until};
use crate::App;
use crate::kit::{Caller, Lane, Socket};
use crate::limits::{Kind, Meter, Rank};

/// Events committed at once, at most. What arrives during a commit is the next batch.
const BATCH: usize = 250;
/// Bytes committed at once, about. Larger batches are no faster and leave write buffers of their size behind (95 MB
/// resident after the benchmark's events, against 39).
const BATCH_BYTES: usize = 1 << 20;
/// How long a batch is tried while the database is away. The peer hears nothing meanwhile, which holds it back; an answer
/// to its ping it awaits for twenty seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long an event may be held back by a limit: shorter than its sender waits for an answer to a ping, which comes
/// behind it.
const DELAY: Duration = Duration::from_secs(10);

const NOT_STORED: End = End { code: CloseCode::Again, reason: "Events could not be stored: send them again" };
const NO_WORKSPACE: End = End { code: CloseCode::Policy, reason: "Workspace not found" };

pub async fn run(mut socket: Socket, greeting: Greeting) {
    let Some(Guest { app, scope, admission, place: _place, first }) = greeting.receive(&mut socket).await else {
        return;
    };
    let Caller::Workspace { member, .. } = &admission.caller else { return };
    let (account, principal) = (member.account(), member.principal().clone());
    let mut watch = Watch::new(&app, admission);
    serve(&mut socket, &Workspace { app, scope, account, principal }, &mut watch, first).await;
}

/// Where events are kept. When it answers `Ok`, all of them are.
trait Keeper: Sync {
    fn keep(&self, texts: &[String]) -> impl Future<Output = Result<(), End>> + Send;

    /// How many events there is room for now, at least one; waits for that one, not for long.
    fn room(&self) -> impl Future<Output = usize> + Send {
        async { BATCH }
    }
}

/// The loop. Returns when the socket is closed.
async fn serve<S, K: Keeper, L: Lookout>(
    socket: &mut WebSocketStream<S>,
    keeper: &K,
    lookout: &mut L,
    first: Option<String>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut batch = Batch::default();
    first.into_iter().for_each(|text| batch.push(text));
    loop {
        let step = match batch.texts.is_empty() {
            false => Step::Commit,
            true => tokio::select! {
                message = socket.next() => {
                    lookout.heard();
                    batch.take(message)
                }
                look = lookout.look() => match look {
                    Look::Stay => continue,
                    Look::Ping if socket.send(Message::Ping(Bytes::new())).await.is_ok() => continue,
                    Look::Ping => return,
                    Look::End(End { code, reason }) => return close(socket, code, reason).await,
                },
            },
        };
        let room = if batch.texts.is_empty() { BATCH } else { keeper.room().await };
        let step = batch.gather(socket, step, room);
        if !batch.texts.is_empty() {
            if let Err(End { code, reason }) = keeper.keep(&batch.texts).await {
                return close(socket, code, reason).await;
            }
            batch = Batch::default();
        }
        match step {
            Step::Commit => {}
            // Committed: now the pong may go.
            Step::Ping => {
                if socket.flush().await.is_err() {
                    return;
                }
            }
            Step::Closed => {
                // The answer to the close frame, behind the commit like a pong.
                let _ = socket.flush().await;
                return;
            }
        }
    }
}

/// What to do once the batch is committed.
enum Step {
    Commit,
    Ping,
    Closed,
}

#[derive(Default)]
struct Batch {
    texts: Vec<String>,
    bytes: usize,
}

impl Batch {
    fn take(&mut self, message: Option<Result<Message, Error>>) -> Step {
        match message {
            Some(Ok(Message::Text(text))) => self.push(text.as_str().to_owned()),
            Some(Ok(Message::Binary(bytes))) => self.push(String::from_utf8_lossy(&bytes).into_owned()),
            Some(Ok(Message::Ping(_))) => return Step::Ping,
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Step::Closed,
        }
        Step::Commit
    }

    fn push(&mut self, text: String) {
        self.bytes += text.len();
        self.texts.push(text);
    }

    /// Takes what has arrived already, up to a ping, a close, a full batch or `room`; waits for nothing.
    fn gather<S>(&mut self, socket: &mut WebSocketStream<S>, mut step: Step, room: usize) -> Step
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while matches!(step, Step::Commit) && self.texts.len() < BATCH.min(room) && self.bytes < BATCH_BYTES {
            match socket.next().now_or_never() {
                Some(message) => step = self.take(message),
                None => break,
            }
        }
        step
    }
}

struct Workspace {
    app: App,
    scope: Scope,
    account: AccountId,
    principal: Principal,
}

impl Workspace {
    /// Asked for anew each time: a plan may change while a socket is open. `None` while it cannot be known.
    async fn meter(&self) -> Option<Arc<Meter>> {
        self.app.limits().meter(self.account, Some(self.scope.workspace()), &self.principal).await.ok()
    }
}

impl Keeper for Workspace {
    async fn keep(&self, texts: &[String]) -> Result<(), End> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            let error = match events::take_in(&self.scope, Lane::Ingest, "events/in", texts).await {
                Ok(taken) => {
                    // What was sent again, because its confirmation came late, is not counted again.
                    if let Some(meter) = self.meter().await {
                        meter.charge(Kind::Items, taken.stored as u64);
                    }
                    self.app.metrics().events.taken("events/in", taken.stored, taken.quarantined);
                    return Ok(());
                }
                Err(error) => error,
            };
            tracing::warn!(%error, events = texts.len(), "events could not be stored");
            let away = matches!(error, StoreError::Unavailable(_) | StoreError::SchemaVersion(_));
            if !away || begun.elapsed() + pause > PATIENCE {
                return Err(if matches!(error, StoreError::WorkspaceGone) { NO_WORKSPACE } else { NOT_STORED });
            }
            let mut draining = self.app.draining();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = until(&mut draining, true) => return Err(NOT_STORED),
            }
            pause = (2 * pause).min(Duration::from_secs(2));
        }
    }

    async fn room(&self) -> usize {
        let Some(meter) = self.meter().await else { return BATCH };
        let (begun, mut draining) = (Instant::now(), self.app.draining());
        while let Err(over) = meter.check(Kind::Items, Rank::Last) {
            self.app.metrics().limits.refused(over.limit);
            let left = DELAY.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return 1;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_nanos(over.wait).min(left)) => {}
                () = until(&mut draining, true) => return 1,
            }
        }
        meter.room(Kind::Items).map_or(BATCH, |room| room.clamp(1, BATCH as u64) as usize)
    }
}

#[cfg(test)]
mod tests;
