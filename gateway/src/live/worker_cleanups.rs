//! The clean-ups that a worker's channel delivers (reference: `server/utilities/worker_channel_cleanup.py`): whatever waits
//! in the pool and the worker has room for, as soon as it waits.

use std::time::Duration;

use domain::cleanups::{Became, Operation, Reservation};
use domain::worker_channel::{Word, frames};
use futures_util::SinkExt;
use tenant_store::cleanups::{self, OWN_FIRST, Policy, Taker};
use tenant_store::{Lane, Result, Scope};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use wire::Time;

use super::hub::Waiter;
use crate::App;
use crate::kit::Socket;

/// How long a look is put off when nobody is woken: wakes are hints, and leases end.
const ANYWAY: Duration = Duration::from_secs(30);

pub struct Cleanups {
    app: App,
    scope: Scope,
    taker: Taker,
    waiter: Waiter,
    look_at: Instant,
}

impl Cleanups {
    /// The first look is due at once.
    pub fn new(app: &App, scope: &Scope, taker: Taker) -> Self {
        let waiter = app.hub().wait_for(scope.workspace(), cleanups::topic(taker.pool));
        Self { app: app.clone(), scope: scope.clone(), taker, waiter, look_at: Instant::now() }
    }

    /// Until there may be something to deliver; never, where none are delivered. Safe to drop at any time.
    pub async fn due(delivering: &mut Option<Self>) {
        let Some(Self { waiter, look_at, .. }) = delivering else { return std::future::pending().await };
        tokio::select! {
            // What waits for the workers of its own queue is looked at once more.
            () = waiter.woken() => *look_at = Instant::now() + OWN_FIRST + Duration::from_millis(500),
            () = sleep_until(*look_at) => *look_at = Instant::now() + ANYWAY,
        }
    }

    /// Sends what waits. Whether the socket is still open then.
    pub async fn deliver(&self, socket: &mut Socket) -> bool {
        loop {
            let reserved = match self.reserve().await {
                Ok(Some(reserved)) => reserved,
                Ok(None) => return true,
                Err(error) => {
                    tracing::warn!(%error, "clean-ups were not looked for");
                    return true;
                }
            };
            let frame = frames::cleanup(&reserved, Time::of_machine());
            if socket.send(Message::text(frame)).await.is_err() {
                self.give_back(reserved).await;
                return false;
            }
            self.app.metrics().cleanups.delivered();
        }
    }

    async fn reserve(&self) -> Result<Option<Reservation>> {
        cleanups::reserve(self.scope.write(Lane::Hot).await?, &self.taker, self.policy()).await
    }

    async fn give_back(&self, reserved: Reservation) {
        let Reservation { message_id, token, .. } = reserved;
        if let Err(error) = self.operate(message_id, &token, Operation::Release, Some("delivery_failed")).await {
            // Its lease ends.
            tracing::debug!(%error, "a clean-up was not given back");
        }
    }

    /// Does what a worker says of one, and answers.
    pub async fn hear(&mut self, word: &Word) -> String {
        let done = self.operate(word.message, &word.token, word.operation, word.reason.as_deref()).await;
        let (became, until) = done.unwrap_or_else(|error| {
            tracing::warn!(%error, "a worker's word on a clean-up was not written");
            (Became::Failed, None)
        });
        let metrics = &self.app.metrics().cleanups;
        match became {
            Became::Done => metrics.done(),
            Became::Free => metrics.released(),
            Became::Expired => metrics.expired(),
            Became::Dead => {
                tracing::warn!(cleanup = %word.message, reason = word.reason, "a clean-up is given up");
                metrics.dead();
            }
            _ => {}
        }
        if became != Became::Renewed {
            // There is room again.
            self.look_at = Instant::now();
        }
        frames::cleanup_result(word, became, until, Time::of_machine())
    }

    async fn operate(
        &self,
        id: uuid::Uuid,
        token: &str,
        operation: Operation,
        reason: Option<&str>,
    ) -> Result<(Became, Option<Time>)> {
        let tx = self.scope.write(Lane::Hot).await?;
        cleanups::operate(tx, self.taker.pool, id, token, operation, reason, self.policy()).await
    }

    fn policy(&self) -> Policy {
        self.app.services().cleanup_policy()
    }
}
