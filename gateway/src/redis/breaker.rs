//! Holds the connection while it is good, takes it away when it is not, and makes the next one in the background.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rand::Rng;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::link::{Address, Link};
use crate::metrics::Metrics;

/// Time-outs in succession after which nobody is made to wait any more.
const FAILURES: u32 = 3;
/// Between two attempts to connect: the first pause, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a connection must have been good for the pauses to begin anew: a Redis that is always too slow is not to be
/// tried twenty times a second.
const GOOD: Duration = Duration::from_secs(5);

#[derive(Clone, Default)]
pub struct Breaker(Arc<State>);

#[derive(Default)]
struct State {
    /// The connection, with a number, so that a failure of an earlier one does not end it.
    current: RwLock<Option<(u64, Link)>>,
    failures: AtomicU32,
    lost: Notify,
}

impl Breaker {
    /// The connection, if there is one that answers.
    pub fn link(&self) -> Option<(u64, Link)> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn succeeded(&self) {
        if self.0.failures.load(Ordering::Relaxed) != 0 {
            self.0.failures.store(0, Ordering::Relaxed);
        }
    }

    /// `broken`: no further answer can come by this connection.
    pub fn failed(&self, number: u64, broken: bool) {
        let failures = self.0.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if broken || failures >= FAILURES {
            let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
            if current.as_ref().is_some_and(|(known, _)| *known == number) {
                *current = None;
                self.0.lost.notify_one();
            }
        }
    }

    fn put(&self, number: u64, link: Link) {
        self.0.failures.store(0, Ordering::Relaxed);
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some((number, link));
    }

    /// Tries once to connect, then keeps a connection in a task of its own, for as long as the runtime lives.
    pub async fn keep(&self, address: Arc<Address>, metrics: Arc<Metrics>) {
        let breaker = self.clone();
        match address.connect().await {
            Ok(link) => {
                breaker.put(0, link);
                metrics.redis.answers(true);
            }
            Err(error) => tracing::warn!(%error, "redis is away; going on without it"),
        }
        tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            for number in 1.. {
                if breaker.link().is_some() {
                    let since = Instant::now();
                    breaker.0.lost.notified().await;
                    metrics.redis.answers(false);
                    tracing::warn!("redis gives no answers; going on without it");
                    if since.elapsed() >= GOOD {
                        pause = FIRST_PAUSE;
                    }
                }
                let link = loop {
                    tokio::time::sleep(jittered(pause)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    match address.connect().await {
                        Ok(link) => break link,
                        Err(error) => tracing::debug!(%error, "redis is still away"),
                    }
                };
                breaker.put(number, link);
                metrics.redis.answers(true);
                tracing::info!("redis answers again");
            }
        });
    }
}

/// So that replicas do not come back all at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.75..1.25))
}
