//! The way to Redis, or Valkey: one server or a cluster, plain or TLS.
//!
//! Nothing of the program depends on Redis being there. No request waits longer than the time-out (25 ms), and after three
//! failures in succession, or one broken connection, none waits at all: everything is answered [`Away`] at once, while a
//! task in the background connects again. Whoever asks says what it does without an answer.
//!
//! A command that timed out may still be carried out, later. What is sent must bear that: take from a store, forget,
//! never "put back".

mod breaker;
mod hearing;
mod link;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ScriptInvocation, ServerErrorKind};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::config::{RedisSettings, WrongSetting};
use crate::metrics::Metrics;
use breaker::Breaker;
pub use hearing::Heard;
use link::{Address, Link};

/// Redis gave no answer, in time or at all; why is in the log and the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("redis is away")]
pub struct Away;

/// A handle; cheap to clone.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    address: Arc<Address>,
    breaker: Breaker,
    timeout: Duration,
    metrics: Arc<Metrics>,
    /// When a refusal was last logged.
    warned: Mutex<Option<Instant>>,
}

/// Between two lines about refusals: a Redis without memory refuses every command, and the metrics count them.
const WARN_EVERY: Duration = Duration::from_secs(1);

impl Redis {
    /// The Redis that the settings name, if they name one. Tries once to connect; one that is away is no error, it is
    /// tried again in the background.
    pub async fn start(settings: &RedisSettings, metrics: Arc<Metrics>) -> Result<Option<Self>, WrongSetting> {
        let Some(address) = settings.address()? else { return Ok(None) };
        let address = Arc::new(Address::new(address, settings)?);
        metrics.redis.configured();
        let (breaker, timeout) = (Breaker::default(), settings.redis_timeout);
        let redis =
            Self(Arc::new(Inner { address: address.clone(), breaker, timeout, metrics, warned: Mutex::default() }));
        redis.0.breaker.keep(address, redis.0.metrics.clone()).await;
        Ok(Some(redis))
    }

    /// One command. In a cluster it goes where its first key is.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Away> {
        self.ask(async |link| match link {
            Link::Single(mut connection) => command.query_async(&mut connection).await,
            Link::Cluster(mut connection) => command.query_async(&mut connection).await,
        })
        .await
    }

    /// Several commands in one trip. In a cluster all keys must share a hash tag (`{…}`).
    pub async fn pipeline<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Away> {
        self.ask(async |link| match link {
            Link::Single(mut connection) => commands.query_async(&mut connection).await,
            Link::Cluster(mut connection) => commands.query_async(&mut connection).await,
        })
        .await
    }

    /// A Lua script by its hash; sent whole to a server that does not know it. Its keys share a hash tag, too.
    pub async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Away> {
        self.ask(async |link| match link {
            Link::Single(mut connection) => script.invoke_async(&mut connection).await,
            Link::Cluster(mut connection) => script.invoke_async(&mut connection).await,
        })
        .await
    }

    /// Whether the next question would be answered [`Away`] at once.
    pub fn is_away(&self) -> bool {
        self.0.breaker.link().is_none()
    }

    /// Which connection answers now, counted up; another one may lead to a Redis that has forgotten everything.
    pub fn connection(&self) -> Option<u64> {
        self.0.breaker.link().map(|(number, _)| number)
    }

    async fn ask<T>(&self, question: impl AsyncFnOnce(Link) -> Result<T, RedisError>) -> Result<T, Away> {
        let Some((number, link)) = self.0.breaker.link() else { return Err(Away) };
        let span = span();
        let answer = self.put_to(number, link, question).instrument(span.clone()).await;
        if answer.is_err() {
            span.record("otel.status_code", "error");
        }
        answer
    }

    async fn put_to<T>(
        &self,
        number: u64,
        link: Link,
        question: impl AsyncFnOnce(Link) -> Result<T, RedisError>,
    ) -> Result<T, Away> {
        let (why, broken) = match tokio::time::timeout(self.0.timeout, question(link)).await {
            Ok(Ok(answer)) => {
                self.0.breaker.succeeded();
                return Ok(answer);
            }
            Ok(Err(error)) if is_answer(&error) => {
                self.warn(&error);
                self.0.metrics.redis.failed("refused");
                return Err(Away);
            }
            Ok(Err(error)) => ("broken", error.is_unrecoverable_error()),
            Err(_) => ("timeout", false),
        };
        self.0.metrics.redis.failed(why);
        self.0.breaker.failed(number, broken);
        Err(Away)
    }

    fn warn(&self, error: &RedisError) {
        let mut warned = self.0.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|last| last.elapsed() >= WARN_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!(%error, "redis refused a command");
        }
    }
}

/// The span of a question: that one was asked, never what.
fn span() -> Span {
    tracing::info_span!(
        target: tenant_store::SPANS,
        "redis",
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = "redis",
    )
}

/// Whether a server that is well said no: out of memory, a wrong type. One that is loading, or no master, is not well.
fn is_answer(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => {
            matches!(kind, ServerErrorKind::ResponseError | ServerErrorKind::ExecAbort | ServerErrorKind::NoPerm)
        }
        ErrorKind::Extension | ErrorKind::UnexpectedReturnType | ErrorKind::Parse | ErrorKind::Client => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
