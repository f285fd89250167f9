//! `/task_runs/subscriptions/scheduled`: background tasks, one at a time, for the workers that run them (reference:
//! `server/api/task_runs.py`). A run that was sent is confirmed before the next is; one that was not goes to another worker.

use std::time::Duration;

use domain::TaskRunId;
use domain::task_runs::TaskRun;
use futures_util::future::select_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tenant_store::task_workers::{self, SEEN_EVERY, Session};
use tenant_store::{Lane, Result, Scope};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use uuid::Uuid;

use super::greeting::{Greeting, Guest, close};
use super::hub::Waiter;
use super::watch::{End, Look, Lookout, Watch, first_words, stay};
use crate::App;
use crate::kit::Socket;

/// Tasks that a worker may name, and bytes of all their names and of its own.
const MOST_KEYS: usize = 1000;
const LONGEST_KEYS: usize = 64 * 1024;
const LONGEST_NAME: usize = 500;
/// How long a look for work is put off when nobody is woken: wakes are hints.
const ANYWAY: Duration = Duration::from_secs(5);
/// How long a worker may take to confirm; and where the program ends meanwhile, so that a restart makes no task run twice.
const CONFIRM: Duration = Duration::from_secs(30);
const CONFIRM_AT_END: Duration = Duration::from_secs(3);
const AWAY: End = End { code: CloseCode::Again, reason: "Temporarily unavailable: connect again" };
/// The reference's code of a broken protocol.
const VIOLATION: CloseCode = CloseCode::Library(4001);

pub async fn run(mut socket: Socket, greeting: Greeting) {
    let Some(Guest { app, scope, admission, place: _place, first }) = greeting.receive(&mut socket).await else {
        return;
    };
    let mut watch = Watch::new(&app, admission);
    let Some(text) = first_words(&mut socket, &mut watch, first).await else { return };
    let session = match session_of(&text) {
        Ok(session) => session,
        Err(reason) => return close(&mut socket, VIOLATION, reason).await,
    };
    tracing::debug!(worker = session.worker, "a task worker subscribed");
    let mut worker = Worker { app: &app, scope: &scope, session: &session, has: None };
    let end = worker.serve(&mut socket, &mut watch).await.unwrap_or_else(|error| {
        // A workspace that was deleted fails too.
        let end = watch.ended().unwrap_or(AWAY);
        tracing::warn!(worker = session.worker, %error, reason = end.reason, "a task worker is sent away");
        Some(end)
    });
    // Before the goodbye, which may take a while: others wait for what it did not confirm.
    if let Err(error) = worker.gone().await {
        // Then services find it by the time it was last seen.
        tracing::debug!(worker = session.worker, %error, "the end of a task worker was not noted");
    }
    if let Some(End { code, reason }) = end {
        close(&mut socket, code, reason).await;
    }
}

struct Worker<'w> {
    app: &'w App,
    scope: &'w Scope,
    session: &'w Session,
    /// What it confirmed last, until that is written.
    has: Option<TaskRunId>,
}

/// What a worker said of a run that it was sent.
#[derive(Debug, PartialEq)]
enum Said {
    Ack,
    Quit,
    Nonsense,
    /// It left, or must, and nobody is left to be told.
    Gone,
}

impl Worker<'_> {
    /// Until the socket ends, and what is to be said then; an error is the database's.
    async fn serve(&mut self, socket: &mut Socket, watch: &mut Watch) -> Result<Option<End>> {
        self.seen(true).await?;
        let mut seen = interval_at(Instant::now() + SEEN_EVERY, SEEN_EVERY);
        seen.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // First this, then the look, then the wait: what is offered in between is not slept through.
            let mut waiters = self.waiters();
            loop {
                if let Some(end) = watch.ended() {
                    return Ok(Some(end));
                }
                let Some(run) = self.take().await? else { break };
                match self.hand_over(socket, watch, &mut seen, &run).await? {
                    Said::Ack => self.has = Some(run.id),
                    Said::Quit => return Ok(Some(End { code: CloseCode::Normal, reason: "" })),
                    Said::Nonsense => {
                        let reason = "Protocol violation: expected 'ack' message";
                        return Ok(Some(End { code: VIOLATION, reason }));
                    }
                    Said::Gone => return Ok(None),
                }
            }
            tokio::select! {
                () = woken(&mut waiters) => {}
                () = sleep_until(Instant::now() + ANYWAY) => {}
                _ = seen.tick() => self.seen(false).await?,
                message = socket.next() => if hear(socket, watch, message).await == Heard::End { return Ok(None) },
                look = watch.look() => match look {
                    Look::End(end) => return Ok(Some(end)),
                    look => if !stay(socket, look).await { return Ok(None) },
                },
            }
        }
    }

    /// Sends a run and waits for the word that the worker has it.
    async fn hand_over(
        &self,
        socket: &mut Socket,
        watch: &mut Watch,
        seen: &mut Interval,
        run: &TaskRun,
    ) -> Result<Said> {
        // Plain data.
        let text = serde_json::to_string(run).unwrap_or_default();
        if socket.send(Message::text(text)).await.is_err() {
            return Ok(Said::Gone);
        }
        let mut until = Instant::now() + CONFIRM;
        let mut ending = false;
        loop {
            tokio::select! {
                () = sleep_until(until) => return Ok(Said::Gone),
                _ = seen.tick() => self.seen(false).await?,
                message = socket.next() => match hear(socket, watch, message).await {
                    Heard::Text(text) => return Ok(word_of(&text)),
                    Heard::End => return Ok(Said::Gone),
                    Heard::Sign => {}
                },
                look = watch.look(), if !ending => match look {
                    // A word that crosses with ours would be lost, and the task run twice.
                    Look::End(_) => (ending, until) = (true, until.min(Instant::now() + CONFIRM_AT_END)),
                    look => if !stay(socket, look).await { return Ok(Said::Gone) },
                },
            }
        }
    }

    fn waiters(&self) -> Vec<Waiter> {
        let workspace = self.scope.workspace();
        let topics = self.session.task_keys.iter().map(|key| task_workers::topic(key));
        topics.map(|topic| self.app.hub().wait_for(workspace, topic)).collect()
    }

    async fn take(&mut self) -> Result<Option<TaskRun>> {
        let run = task_workers::take(self.scope.write(Lane::Hot).await?, self.session, self.has).await?;
        self.has = None;
        Ok(run)
    }

    async fn seen(&self, first: bool) -> Result<()> {
        task_workers::seen(self.scope.write(Lane::Hot).await?, self.session, first).await
    }

    async fn gone(&self) -> Result<()> {
        task_workers::gone(self.scope.write(Lane::Hot).await?, self.session, self.has).await
    }
}

/// What came in.
#[derive(Debug, PartialEq)]
enum Heard {
    Text(String),
    /// The worker is there.
    Sign,
    End,
}

async fn hear(socket: &mut Socket, watch: &mut Watch, message: Option<std::result::Result<Message, Error>>) -> Heard {
    match message {
        Some(Ok(Message::Close(_)) | Err(_)) | None => return Heard::End,
        Some(Ok(Message::Text(text))) => {
            watch.heard();
            return Heard::Text(text.as_str().to_owned());
        }
        Some(Ok(Message::Ping(_))) if socket.flush().await.is_err() => return Heard::End,
        Some(Ok(_)) => watch.heard(),
    }
    Heard::Sign
}

/// Until any of them is woken.
async fn woken(waiters: &mut [Waiter]) {
    // There is one at least: a session has keys.
    select_all(waiters.iter_mut().map(|waiter| Box::pin(waiter.woken()))).await;
}

fn word_of(text: &str) -> Said {
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    match message["type"].as_str() {
        Some("ack") => Said::Ack,
        Some("quit") => Said::Quit,
        _ => Said::Nonsense,
    }
}

/// Who subscribes, to what; why it cannot, in the reference's words where it has some.
fn session_of(text: &str) -> std::result::Result<Session, &'static str> {
    const NO_KEYS: &str = "Protocol violation: expected 'keys' in subscribe message";
    const NO_WORKER: &str = "Protocol violation: expected 'client_id' in subscribe message";
    const TOO_MUCH: &str = "Too many keys: at most 1000, of 64 KiB in all";
    let is_name = |text: &&str| !text.is_empty() && !text.contains('\0');
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    if message["type"] != "subscribe" {
        return Err("Protocol violation: expected 'subscribe' message");
    }
    let keys = message["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let task_keys: Option<Vec<String>> =
        keys.iter().map(|key| key.as_str().filter(is_name).map(str::to_owned)).collect();
    let task_keys = task_keys.filter(|keys| !keys.is_empty()).ok_or(NO_KEYS)?;
    if task_keys.len() > MOST_KEYS || task_keys.iter().map(String::len).sum::<usize>() > LONGEST_KEYS {
        return Err(TOO_MUCH);
    }
    let fits = |name: &&str| is_name(name) && name.len() <= LONGEST_NAME;
    let worker = message["client_id"].as_str().filter(fits).ok_or(NO_WORKER)?;
    Ok(Session { id: Uuid::now_v7(), worker: worker.to_owned(), task_keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_names_its_tasks_and_its_worker() {
        let session = session_of(r#"{"type":"subscribe","keys":["a","b"],"client_id":"host-1"}"#).unwrap();
        assert_eq!((session.worker.as_str(), session.task_keys.len()), ("host-1", 2));
        for (text, missing) in [
            (r#"{"type":"ack"}"#, "'subscribe'"),
            ("nonsense", "'subscribe'"),
            (r#"{"type":"subscribe"}"#, "'keys'"),
            (r#"{"type":"subscribe","keys":[],"client_id":"x"}"#, "'keys'"),
            (r#"{"type":"subscribe","keys":[1],"client_id":"x"}"#, "'keys'"),
            (r#"{"type":"subscribe","keys":["a"]}"#, "'client_id'"),
            (r#"{"type":"subscribe","keys":["a"],"client_id":""}"#, "'client_id'"),
            (r#"{"type":"subscribe","keys":["a\u0000"],"client_id":"x"}"#, "'keys'"),
        ] {
            let reason = session_of(text).unwrap_err();
            assert!(reason.contains(missing) && reason.len() <= 123, "{text}: {reason}");
        }
    }

    #[test]
    fn a_worker_confirms_or_quits() {
        assert_eq!(word_of(r#"{"type":"ack"}"#), Said::Ack);
        assert_eq!(word_of(r#"{"type":"quit"}"#), Said::Quit);
        assert_eq!(word_of(r#"{"type":"subscribe"}"#), Said::Nonsense);
        assert_eq!(word_of("x"), Said::Nonsense);
    }
}
