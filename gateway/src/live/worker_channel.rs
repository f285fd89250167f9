//! `/work_pools/{name}/workers/connect`: a worker says that it is there, hears of its pool as it changes, and is sent what
//! it is to clean up (reference: `server/utilities/worker_channel.py`).

use domain::WorkPoolId;
use domain::access::{ScopeName, Scopes};
use domain::cleanups::Became;
use domain::work_pools::{WorkPool, WorkPoolCreate, is_reserved};
use domain::worker_channel::frames::{self, ResolvedWorkQueue};
use domain::worker_channel::{Closing, Heartbeat, Hello, Said};
use domain::workers::WorkerHeartbeat;
use futures_util::{SinkExt, StreamExt};
use tenant_store::cleanups::Taker;
use tenant_store::work_pools::{self, PolledQueue};
use tenant_store::{Error, Lane, Scope, workers};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use wire::{Patch, Time};

use super::greeting::{Greeting, Guest, close};
use super::watch::{Lookout, Watch, first_words, stay};
use super::worker_cleanups::Cleanups;
use crate::App;
use crate::kit::{Caller, Socket};

/// An open channel, behind its greeting.
struct Channel {
    scope: Scope,
    name: String,
    pool: WorkPoolId,
    hello: Hello,
    /// Of the pool as the worker knows it.
    updated: Time,
    sequence: u64,
    /// Where the worker takes some.
    cleanups: Option<Cleanups>,
}

pub async fn run(mut socket: Socket, greeting: Greeting) {
    let Some(name) = greeting.param("work_pool_name") else { return };
    let Some(guest) = greeting.receive(&mut socket).await else { return };
    let Guest { app, scope, admission, place: _place, first } = guest;
    let Caller::Workspace { member, .. } = &admission.caller else { return };
    let scopes = member.scopes();
    let mut watch = Watch::new(&app, admission);
    let Some(text) = first_words(&mut socket, &mut watch, first).await else { return };
    let Some(Said::Hello(hello)) = Said::read(&text) else {
        return end(&mut socket, Closing::ProtocolError).await;
    };
    let (mut channel, ready) = match open(&app, scope, scopes, name, *hello).await {
        Ok(opened) => opened,
        Err(closing) => return end(&mut socket, closing).await,
    };
    let mut changes = app.hub().wait_for(channel.scope.workspace(), work_pools::changed(channel.pool));
    if socket.send(Message::text(ready)).await.is_err() {
        return;
    }
    loop {
        let answer = tokio::select! {
            () = changes.woken() => channel.changed("work_pool_updated").await,
            () = Cleanups::due(&mut channel.cleanups) => match channel.deliver(&mut socket).await {
                true => Ok(None),
                false => return,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(Message::Text(text))) => {
                    watch.heard();
                    channel.hear(text.as_str()).await
                }
                Some(Ok(message)) => {
                    watch.heard();
                    if matches!(message, Message::Ping(_)) && socket.flush().await.is_err() { return }
                    Ok(None)
                }
            },
            look = watch.look() => match stay(&mut socket, look).await {
                true => Ok(None),
                false => return,
            },
        };
        match answer {
            Ok(None) => {}
            Ok(Some(frame)) => {
                if socket.send(Message::text(frame)).await.is_err() {
                    return;
                }
            }
            Err(closing) => return end(&mut socket, closing).await,
        }
    }
}

async fn end(socket: &mut Socket, closing: Closing) {
    close(socket, CloseCode::from(closing.code()), closing.reason()).await;
}

/// The store's troubles pass; a worker comes back after a while.
fn passing(error: Error) -> Closing {
    tracing::warn!(%error, "a worker's channel is closed");
    Closing::TransientServerError
}

/// Finds or makes the pool, fills in its template where it has none, and counts the hello as a heartbeat. The worker is told
/// of the pool, and makes or changes it, as its scopes would let it by request.
async fn open(
    app: &App,
    scope: Scope,
    scopes: Scopes,
    name: String,
    hello: Hello,
) -> Result<(Channel, String), Closing> {
    if !hello.speaks_our_version() {
        return Err(Closing::UnsupportedVersion);
    }
    if !scopes.contains(ScopeName::SeeWorkPools) {
        return Err(Closing::AuthorizationFailed);
    }
    let writes = scopes.contains(ScopeName::WriteWorkPools);
    let found = pool_for(&scope, &name, &hello, writes).await?;
    let wanted = resolved(&scope, &name, &hello).await?;
    if writes && found.base_job_template.is_empty() && !hello.default_base_job_template.is_empty() {
        let change = domain::work_pools::WorkPoolUpdate {
            base_job_template: Patch::Set(hello.default_base_job_template.clone()),
            ..Default::default()
        };
        let tx = scope.write(Lane::Hot).await.map_err(passing)?;
        work_pools::update(tx, &name, &change).await.map_err(passing)?;
    }
    let Hello { worker_name, heartbeat_interval_seconds, .. } = &hello;
    beat(&scope, &name, worker_name, *heartbeat_interval_seconds).await?;
    let pool = read(&scope, &name).await?.ok_or(Closing::AuthorizationFailed)?;
    let ready = frames::ready(&hello, &wanted, &pool, Time::of_machine());
    let cleanups = (hello.cleanups() > 0).then(|| {
        let queues = wanted.iter().map(|queue| queue.id).collect();
        let (consumer, kinds, most) = (hello.consumer_id, hello.handled_cleanup_kinds.clone(), hello.cleanups());
        Cleanups::new(app, &scope, Taker { pool: pool.id, consumer, kinds, queues, most })
    });
    let channel = Channel { scope, name, pool: pool.id, hello, updated: pool.updated, sequence: 1, cleanups };
    Ok((channel, ready))
}

async fn read(scope: &Scope, name: &str) -> Result<Option<WorkPool>, Closing> {
    let mut tx = scope.read(Lane::Read).await.map_err(passing)?;
    work_pools::read(&mut tx, name).await.map_err(passing)
}

async fn pool_for(scope: &Scope, name: &str, hello: &Hello, may_make: bool) -> Result<WorkPool, Closing> {
    if let Some(pool) = read(scope, name).await? {
        return Ok(pool);
    }
    if !may_make || !hello.create_pool_if_not_found || is_reserved(name) {
        return Err(Closing::AuthorizationFailed);
    }
    let new = WorkPoolCreate::of_worker(name, &hello.worker_type, hello.default_base_job_template.clone());
    let new = new.ok_or(Closing::ProtocolError)?;
    let tx = scope.write(Lane::Hot).await.map_err(passing)?;
    match work_pools::create(tx, &new).await.map_err(passing)? {
        Some(pool) => Ok(pool),
        // Somebody else made it meanwhile.
        None => read(scope, name).await?.ok_or(Closing::TransientServerError),
    }
}

/// The queues that a worker names, in its order; all of the pool where it names none.
async fn resolved(scope: &Scope, pool: &str, hello: &Hello) -> Result<Vec<ResolvedWorkQueue>, Closing> {
    let mut tx = scope.read(Lane::Read).await.map_err(passing)?;
    let polled = work_pools::polled_pool(&mut tx, pool).await.map_err(passing)?;
    let queues = polled.map(|polled| polled.queues).unwrap_or_default();
    let shown = |queue: &PolledQueue| ResolvedWorkQueue { id: queue.id, name: queue.name.clone() };
    if hello.work_queue_names.is_empty() {
        return Ok(queues.iter().map(shown).collect());
    }
    let mut wanted: Vec<ResolvedWorkQueue> = Vec::new();
    for name in &hello.work_queue_names {
        let queue = queues.iter().find(|queue| queue.name == *name).ok_or(Closing::AuthorizationFailed)?;
        if !wanted.iter().any(|known| known.id == queue.id) {
            wanted.push(shown(queue));
        }
    }
    Ok(wanted)
}

async fn beat(scope: &Scope, pool: &str, worker: &str, seconds: i32) -> Result<(), Closing> {
    let beat = WorkerHeartbeat { name: worker.to_owned(), heartbeat_interval_seconds: Some(seconds) };
    let written = async { workers::heartbeat(scope.write(Lane::Hot).await?, pool, &beat).await };
    match written.await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(Closing::HeartbeatPersistenceFailed),
        Err(error) => {
            tracing::warn!(%error, "a worker's heartbeat was not written");
            Err(Closing::HeartbeatPersistenceFailed)
        }
    }
}

impl Channel {
    async fn hear(&mut self, text: &str) -> Result<Option<String>, Closing> {
        match Said::read(text).ok_or(Closing::ProtocolError)? {
            Said::Heartbeat(Heartbeat { consumer_id, worker_name, heartbeat_interval_seconds }) => {
                if consumer_id != self.hello.consumer_id || worker_name != self.hello.worker_name {
                    return Err(Closing::ProtocolError);
                }
                beat(&self.scope, &self.name, &worker_name, heartbeat_interval_seconds).await?;
                self.changed("heartbeat_reconciliation").await
            }
            Said::Cleanup(word) => Ok(Some(match &mut self.cleanups {
                Some(cleanups) => cleanups.hear(&word).await,
                None => frames::cleanup_result(&word, Became::NotDelivered, None, Time::of_machine()),
            })),
            Said::Hello(_) => Err(Closing::ProtocolError),
        }
    }

    /// Sends what waits to be cleaned up. Whether the socket is still open then.
    async fn deliver(&mut self, socket: &mut Socket) -> bool {
        match &self.cleanups {
            Some(cleanups) => cleanups.deliver(socket).await,
            None => true,
        }
    }

    /// The pool, if it is another than the worker knows.
    async fn changed(&mut self, reason: &str) -> Result<Option<String>, Closing> {
        let pool = read(&self.scope, &self.name).await?.filter(|pool| pool.id == self.pool);
        let pool = pool.ok_or(Closing::AuthorizationFailed)?;
        if pool.updated == self.updated {
            return Ok(None);
        }
        self.updated = pool.updated;
        self.sequence += 1;
        Ok(Some(frames::snapshot(self.sequence, reason, &pool, Time::of_machine())))
    }
}
