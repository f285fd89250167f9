//! Which workspace is next. Every replica asks each database once a moment what is due, takes as much of it as it has hands
//! for, and gives it back when its turn is done. Ends in peace: after the drain has begun nothing is claimed, and what is
//! under way comes to its end.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tenant_store::ticks::{Claim, LEASE};
use tenant_store::{Error, Pool, Scope};
use tokio::task::JoinSet;

use super::turn::Turn;
use crate::App;
use crate::live::watch::until;

/// Between two turns of a workspace in which something is always due.
const PAUSE: Duration = Duration::from_secs(1);
/// How soon every workspace is looked at where hints may have been lost.
const DOUBTED: Duration = Duration::from_secs(60);
/// How often that is done at most, however often they may have been.
const DOUBTED_EVERY: Duration = Duration::from_secs(300);
/// How soon after the start, before which hints may have been lost too.
const BEGUN: Duration = Duration::from_secs(600);
/// When a workspace is looked at again that this replica cannot serve now.
const NOT_NOW: Duration = Duration::from_secs(60);

/// Works until the program drains. Where services are off, returns at once.
pub async fn run(app: App) {
    if app.services().on {
        join_all(app.pools().iter().map(|pool| on_database(&app, pool))).await;
    }
}

async fn on_database(app: &App, pool: &Pool) {
    let settings = app.services();
    let mut draining = app.draining();
    let mut turns: JoinSet<()> = JoinSet::new();
    let mut adopted: Option<Instant> = None;
    let (mut doubts, mut doubted): (u64, Option<Instant>) = (pool.doubts(), None);
    loop {
        let now = pool.doubts();
        let is_doubted = now != doubts && doubted.is_none_or(|at| at.elapsed() >= DOUBTED_EVERY);
        let within = match adopted.map(|at| at.elapsed()) {
            None => Some(settings.sweep.min(BEGUN)),
            Some(_) if is_doubted => Some(settings.sweep.min(DOUBTED)),
            Some(ago) => (ago >= settings.sweep).then_some(settings.sweep),
        };
        if let Some(within) = within
            && adopt(app, pool, within).await
        {
            adopted = Some(Instant::now());
            if is_doubted {
                (doubts, doubted) = (now, adopted);
            }
        }
        match pool.claim(settings.parallel.saturating_sub(turns.len())).await {
            Ok(claimed) => {
                app.metrics().services.overdue.set(claimed.overdue.as_secs_f64());
                for claim in claimed.claims {
                    turns.spawn(one(app.clone(), pool.clone(), claim));
                }
            }
            // Whoever waits for the database says so louder.
            Err(error) => tracing::debug!(%error, "nothing was claimed"),
        }
        tokio::select! {
            () = until(&mut draining, true) => break,
            () = tokio::time::sleep(settings.poll) => {}
            Some(_) = turns.join_next(), if !turns.is_empty() => {}
        }
    }
    while turns.join_next().await.is_some() {}
}

/// Sees to it that every workspace of the database has a row and is looked at within a time, whatever became of its hints.
async fn adopt(app: &App, pool: &Pool, within: Duration) -> bool {
    let adopted = async {
        let places = app.control().places().await?;
        let here: Vec<_> = places.iter().filter(|place| place.is_on(pool)).map(|place| place.workspace()).collect();
        pool.adopt(&here, within.min(Duration::from_secs(10)), within).await
    };
    match adopted.await {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(%error, "workspaces were not adopted");
            false
        }
    }
}

/// A turn of a claimed workspace, and the claim given back.
async fn one(app: App, pool: Pool, claim: Claim) {
    let settings = app.services();
    app.metrics().services.claimed(claim.now.seconds_since(claim.due));
    let claimed = (claim.now, Instant::now());
    let next = match app.control().place_with_settings(claim.workspace).await {
        Ok(Some((place, own))) if place.is_on(&pool) => {
            let scope = Scope::for_system(&place, "services");
            let turn = Turn { app: app.clone(), scope, own, claimed };
            match held(&pool, &claim, turn.all()).await {
                Some(next) => next,
                // Somebody else has it.
                None => return,
            }
        }
        Ok(_) => {
            let forgotten = pool.forget(claim.workspace).await;
            return forgotten
                .unwrap_or_else(|error| tracing::debug!(%error, "a workspace that went was not forgotten"));
        }
        Err(error) => {
            if !matches!(error, Error::SchemaVersion(_)) {
                tracing::debug!(workspace = %claim.workspace, %error, "a claimed workspace was not found");
            }
            Some(claim.now + NOT_NOW)
        }
    };
    if let Err(error) = pool.release(&claim, next, PAUSE, settings.sweep).await {
        // The lease ends by itself.
        tracing::debug!(workspace = %claim.workspace, %error, "a claim was not given back");
    }
}

/// What the work comes to, while the claim is renewed; `None` as soon as it is lost.
async fn held<T>(pool: &Pool, claim: &Claim, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Some(done),
            () = tokio::time::sleep(LEASE / 3) => {
                if let Ok(false) = pool.renew(claim).await {
                    tracing::info!(workspace = %claim.workspace, "a claim was lost");
                    return None;
                }
            }
        }
    }
}
