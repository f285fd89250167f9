//! All passes over one workspace, one after the other. One that fails is tried again a little later and does not keep the
//! others from their turn.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tenant_store::orchestration::Asks;
use tenant_store::{Lane, Result, Scope, Tx};
use wire::{RawObject, Time};

use super::PASSES;
use crate::App;
use crate::config::ServiceSettings;

/// When a pass that failed is made again.
const AGAIN: Duration = Duration::from_secs(30);
/// Longest that a pass may take. It does a step of bounded work, so whatever takes longer waits for something.
const LONGEST: Duration = Duration::from_secs(60);

/// A workspace that was claimed, for a pass over it.
pub struct Turn {
    pub app: App,
    pub scope: Scope,
    /// What the workspace's owner has set.
    pub own: RawObject,
    /// The database's clock when the workspace was claimed, and when that was.
    pub claimed: (Time, Instant),
}

/// What a pass did.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Look {
    /// Objects that it changed.
    pub done: u64,
    /// When the first of them had fallen due.
    pub since: Option<Time>,
    /// When the pass is due next; `None` until something says so.
    pub next: Option<Time>,
}

impl Look {
    /// Of a pass that keeps no count.
    pub fn next(next: Option<Time>) -> Self {
        Self { next, ..Self::default() }
    }

    /// Something was done that had fallen due then.
    pub fn did(&mut self, due: Time) {
        self.done += 1;
        self.since = Some(self.since.map_or(due, |since| since.min(due)));
    }

    /// Something is to be looked at then at the latest.
    pub fn again(&mut self, at: Time) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

impl Turn {
    /// The database's time.
    pub fn now(&self) -> Time {
        let (then, at) = self.claimed;
        then + at.elapsed()
    }

    pub fn settings(&self) -> &ServiceSettings {
        self.app.services()
    }

    /// A transaction of reads, after what users wait for.
    pub async fn read(&self) -> Result<Tx<'_>> {
        self.scope.read(Lane::Ingest).await
    }

    /// A transaction that writes many rows, after what users wait for.
    pub async fn sweep(&self) -> Result<Tx<'_>> {
        self.scope.write(Lane::Ingest).await
    }

    /// A transaction of one change.
    pub async fn change(&self) -> Result<Tx<'_>> {
        self.scope.write(Lane::Hot).await
    }

    /// The program itself asks the rules.
    pub fn asks(&self) -> Asks {
        Asks { settings: self.app.rules(), ..Asks::default() }
    }

    /// Every pass; when the earliest of them is due next.
    pub async fn all(&self) -> Option<Time> {
        let metrics = self.app.metrics();
        let mut earliest: Option<Time> = None;
        for pass in PASSES {
            let began = Instant::now();
            let guarded = AssertUnwindSafe(tokio::time::timeout(LONGEST, (pass.look)(self))).catch_unwind().await;
            metrics.services.passed(pass.name, began.elapsed().as_secs_f64());
            let failed = match guarded {
                Ok(Ok(Ok(look))) => {
                    let lag = look.since.map(|since| self.now().seconds_since(since));
                    metrics.services.looked(pass.name, look.done, lag);
                    earliest = earliest.into_iter().chain(look.next).min();
                    continue;
                }
                Ok(Ok(Err(error))) => error.to_string(),
                Ok(Err(_)) => format!("not done within {LONGEST:?}"),
                Err(_) => "a defect: it panicked".to_owned(),
            };
            tracing::warn!(workspace = %self.scope.workspace(), service = pass.name, error = failed, "a service failed");
            metrics.services.failed(pass.name);
            earliest = Some(earliest.map_or(self.now() + AGAIN, |next| next.min(self.now() + AGAIN)));
        }
        earliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_keeps_the_earliest_of_both() {
        let at = Time::from_micros;
        let mut look = Look::default();
        look.did(at(7));
        look.did(at(3));
        look.did(at(5));
        look.again(at(20));
        look.again(at(30));
        assert_eq!(look, Look { done: 3, since: Some(at(3)), next: Some(at(20)) });
    }
}
