//! `/events/in`: how task runs, heartbeats and everything else that clients observe arrive.
//!
//! The client takes a pong for an acknowledgement of every event it sent before its ping, and sends again what was not
//! acknowledged. So this loop is strictly sequential: it takes what has arrived, commits it, and only then touches the
//! socket again. The library queues the answer to a ping when it hands the ping out, and writes it with the next read or
//! write; nothing is read or written between a ping and the commit of what came before it.

use futures_util::{FutureExt, SinkExt, StreamExt};
use tenant_store::{Scope, events};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::greeting::{Greeting, Guest, close};
use super::watch::{End, Look, Watch};
use crate::App;
use crate::kit::{Lane, Socket};

/// Events committed at once, at most. What arrives during a commit is the next batch.
const BATCH: usize = 500;
/// Bytes committed at once, about.
const BATCH_BYTES: usize = 4 << 20;

pub async fn run(mut socket: Socket, greeting: Greeting) {
    let Some(Guest { app, scope, admission, first }) = greeting.receive(&mut socket).await else { return };
    let mut watch = Watch::new(&app, admission);
    let mut batch = Batch::default();
    batch.texts.extend(first);
    loop {
        let step = match batch.is_empty() {
            false => Step::Commit,
            true => tokio::select! {
                message = socket.next() => { watch.heard(); batch.take(message) }
                look = watch.look() => match look {
                    Look::Stay => continue,
                    Look::Ping => {
                        if socket.send(Message::Ping(Bytes::new())).await.is_err() { return }
                        continue;
                    }
                    Look::End(End { code, reason }) => return close(&mut socket, code, reason).await,
                },
            },
        };
        let step = batch.gather(&mut socket, step);
        if !batch.is_empty() {
            if let Err(error) = commit(&app, &scope, &mut batch).await {
                tracing::warn!(%error, "events could not be stored; the client will send them again");
                return close(&mut socket, CloseCode::Error, "Events could not be stored: send them again").await;
            }
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
    fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

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

    /// Takes what has arrived already, up to a ping, a close or a full batch; waits for nothing.
    fn gather(&mut self, socket: &mut Socket, mut step: Step) -> Step {
        while matches!(step, Step::Commit) && self.texts.len() < BATCH && self.bytes < BATCH_BYTES {
            match socket.next().now_or_never() {
                Some(message) => step = self.take(message),
                None => break,
            }
        }
        step
    }
}

async fn commit(app: &App, scope: &Scope, batch: &mut Batch) -> tenant_store::Result<()> {
    let texts = std::mem::take(&mut batch.texts);
    batch.bytes = 0;
    let taken = events::take_in(scope, Lane::Ingest, "events/in", texts).await?;
    let metrics = app.metrics();
    metrics.events.with_label_values(&["events/in"]).inc_by(taken.stored as u64);
    metrics.quarantined.with_label_values(&["events/in"]).inc_by(taken.quarantined as u64);
    Ok(())
}
