//! Whether the database answers. One connection asks it several times a second; when no answer comes in time, or the server
//! is not there, the database is away: whoever waits for it is told so at once, nobody else tries, and connections at rest
//! are given up, because they may lead nowhere. The first answer ends that. So a database that hangs costs a request a
//! moment and not its time-out, and one that comes back meets one connection and not all of them.
//!
//! A server may be there and refuse connections, for want of room: after a refusal one is tried at a time, and whoever else
//! would need one is refused as well. So it is not stormed by all who are told to come again.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use deadpool_postgres::{Object, Pool as Factory, PoolError, TimeoutType};
use tokio::sync::{Notify, watch};

use crate::Error;

/// Between two questions. With the patience of an answer it bounds how long a hang goes unnoticed.
const EVERY: Duration = Duration::from_millis(250);

#[derive(Clone)]
pub(crate) struct Pulse(Arc<Inner>);

struct Inner {
    factory: Factory,
    /// How long an answer may take.
    patience: Duration,
    away: watch::Sender<bool>,
    /// How often it was away, or the connection that asks broke.
    breaks: AtomicU64,
    /// Gives up connections at rest.
    give_up: Box<dyn Fn() + Send + Sync>,
    begun: OnceLock<()>,
    ended: Notify,
    /// When a connection was tried last, if the latest that is known of was refused.
    refused: Mutex<Option<Instant>>,
}

impl Pulse {
    /// Begins with the first work. `factory` must have room for one connection more.
    pub fn of(factory: Factory, patience: Duration, give_up: impl Fn() + Send + Sync + 'static) -> Self {
        let (away, give_up, begun) = (watch::Sender::new(false), Box::new(give_up), OnceLock::new());
        let (breaks, ended, refused) = (AtomicU64::default(), Notify::new(), Mutex::default());
        Self(Arc::new(Inner { factory, patience, away, breaks, give_up, begun, ended, refused }))
    }

    /// Asks no more, and closes its connection and those at rest: the program is about to end.
    pub fn end(&self) {
        self.0.factory.close();
        (self.0.give_up)();
        self.0.ended.notify_one();
    }

    /// Grows whenever the database may have lost what it had not yet written to disk.
    pub fn breaks(&self) -> u64 {
        self.0.breaks.load(Ordering::Relaxed)
    }

    /// A connection at rest in the factory, or a new one.
    pub async fn open(&self) -> Result<Object, Error> {
        let is_new = self.0.factory.status().available == 0;
        if is_new && !self.0.may_open(Instant::now()) {
            return Err(Error::Unavailable("the database refused a connection a moment ago".into()));
        }
        let opened = self.0.factory.get().await;
        match &opened {
            Ok(_) => self.0.note(None),
            Err(PoolError::Timeout(TimeoutType::Wait)) => {}
            Err(_) => self.0.note(Some(Instant::now())),
        }
        opened.map_err(|error| match error {
            PoolError::Backend(error) => error.into(),
            error => Error::Unavailable(error.to_string()),
        })
    }

    /// What the work comes to, or [`Error::Unavailable`] as soon as the database is away.
    pub async fn or_away<T, E: Into<Error>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Error> {
        self.0.begun.get_or_init(|| drop(tokio::spawn(watch(Arc::downgrade(&self.0)))));
        let mut away = self.0.away.subscribe();
        if *away.borrow_and_update() {
            return Err(is_away());
        }
        tokio::select! {
            biased;
            done = work => done.map_err(Into::into),
            // The sender lives as long as this.
            _ = away.wait_for(|away| *away) => Err(is_away()),
        }
    }
}

fn is_away() -> Error {
    Error::Unavailable("the database does not answer".into())
}

/// Asks until nobody is left to tell.
async fn watch(told: Weak<Inner>) {
    let mut own = None;
    while let Some(inner) = told.upgrade() {
        let asked = Instant::now();
        let answer = tokio::time::timeout(inner.patience, ask(&inner, &mut own)).await;
        let away = match answer {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            // The answer may lie here unread.
            Err(_) if stood_still(asked.elapsed(), inner.patience) => {
                tracing::warn!(time = ?asked.elapsed(), "this program stood still; the database is asked again");
                continue;
            }
            Err(_) => Some(format!("no answer within {:?}", inner.patience)),
        };
        if away.is_some() {
            inner.breaks.fetch_add(1, Ordering::Relaxed);
            own.take().map(Object::take);
        }
        if inner.factory.is_closed() {
            return;
        }
        let is_away = away.is_some();
        // That one connection leads nowhere may be all that is wrong: the next is tried at once.
        if inner.tell(away) && is_away {
            continue;
        }
        let _ = tokio::time::timeout(EVERY, inner.ended.notified()).await;
    }
}

/// Pure: whether the time-out came so late that it was this program, not the database, that gave no answer: it was stopped,
/// or its machine was.
fn stood_still(time: Duration, patience: Duration) -> bool {
    time > 2 * patience
}

/// Any answer will do, also one that says no: of a server without room for another connection, for one. A connection that
/// broke says nothing of the server.
async fn ask(inner: &Inner, own: &mut Option<Object>) -> Result<(), String> {
    if let Some(object) = own {
        if object.simple_query("").await.is_ok() {
            return Ok(());
        }
        inner.breaks.fetch_add(1, Ordering::Relaxed);
        own.take().map(Object::take);
    }
    let asked = match inner.factory.get().await {
        Ok(object) => own.insert(object).simple_query("").await,
        Err(PoolError::Backend(error)) => Err(error),
        Err(error) => return Err(error.to_string()),
    };
    match asked {
        Ok(_) => Ok(()),
        Err(error) if error.as_db_error().is_some_and(|said| !said.code().code().starts_with("57")) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

impl Inner {
    /// Whoever is told yes has the one attempt of this while.
    fn may_open(&self, now: Instant) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match *refused {
            Some(last) if now.saturating_duration_since(last) < EVERY => false,
            Some(_) => {
                *refused = Some(now);
                true
            }
            None => true,
        }
    }

    fn note(&self, refused: Option<Instant>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// Whether that is news.
    fn tell(&self, why: Option<String>) -> bool {
        let away = why.is_some();
        // Also what came to rest meanwhile, before anybody is let on.
        if *self.away.borrow() || away {
            (self.give_up)();
        }
        let changed = self.away.send_if_modified(|was| std::mem::replace(was, away) != away);
        match why {
            Some(why) if changed => tracing::warn!(why, "the database is away"),
            None if changed => tracing::info!("the database is back"),
            _ => {}
        }
        changed
    }
}
