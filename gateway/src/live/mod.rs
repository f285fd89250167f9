//! Web sockets: events in, events and logs out, background tasks, the channel of workers. Each is an operation of the table; its handler agrees to the handshake and leaves the
//! socket to a task of its own.
//!
//! * [`greeting`]: who is there, in every handshake that a client of Prefect ever spoke
//! * [`watch`]: what ends a socket: a silent peer, a key that no longer counts, the end of the program
//! * [`events_in`], [`events_out`], [`logs_out`], [`task_runs`], [`worker_channel`]: the loops
//! * [`held`]: polls for runs that wait for one, which are no sockets
//! * [`hub`]: who wants to hear of what was just stored

pub mod events_in;
pub mod events_out;
pub mod greeting;
pub mod held;
pub mod hub;
pub mod logs_out;
pub mod task_runs;
pub mod watch;
pub mod worker_channel;
mod worker_cleanups;

use crate::kit::{Call, Handshake, Op, Reply, Response, Socket};
use crate::ops;
use greeting::Greeting;

pub static OPS: &[Op] = ops![
    SOCKET "/events/in" events_in() -> Response,
        need WorkspaceByMessage(RunFlows), lane Ingest, cost PerItem, cache Never, touches [Events, TaskRuns], audit Nothing;
    SOCKET "/events/out" events_out() -> Response,
        need WorkspaceByMessage(SeeEvents), lane Read, cost One, cache Never, touches [], audit Nothing;
    SOCKET "/work_pools/{work_pool_name}/workers/connect" worker_channel() -> Response,
        need WorkspaceByMessage(WriteWorkers), lane Hot, cost One, cache Never, touches [WorkPools, Deployments], audit Nothing;
    SOCKET "/task_runs/subscriptions/scheduled" task_runs() -> Response,
        need WorkspaceByMessage(RunFlows), lane Hot, cost One, cache Never, touches [], audit Nothing;
    SOCKET "/logs/out" logs_out() -> Response,
        need WorkspaceByMessage(SeeFlows), lane Read, cost One, cache Never, touches [], audit Nothing;
];

/// A message is one event, and an event may have 1.5 MB. What is larger is taken too, up to the reference's limit of a
/// message, and set aside: a client whose socket breaks sends the same again, for ever.
const LARGEST_EVENT: usize = 16 << 20;
/// Filters and tokens are short.
const LARGEST_FILTER: usize = 256 << 10;

async fn events_in(cx: Call) -> Reply<Response> {
    open(cx, LARGEST_EVENT, |socket, greeting| Box::pin(events_in::run(socket, greeting)))
}

async fn events_out(cx: Call) -> Reply<Response> {
    open(cx, LARGEST_FILTER, |socket, greeting| Box::pin(events_out::run(socket, greeting)))
}

async fn logs_out(cx: Call) -> Reply<Response> {
    open(cx, LARGEST_FILTER, |socket, greeting| Box::pin(logs_out::run(socket, greeting)))
}

async fn task_runs(cx: Call) -> Reply<Response> {
    open(cx, LARGEST_FILTER, |socket, greeting| Box::pin(task_runs::run(socket, greeting)))
}

/// Templates and snapshots are small.
const LARGEST_FRAME: usize = 1 << 20;

async fn worker_channel(cx: Call) -> Reply<Response> {
    open(cx, LARGEST_FRAME, |socket, greeting| Box::pin(worker_channel::run(socket, greeting)))
}

type Running = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Agrees to the handshake and runs the socket in a task of its own.
fn open(mut cx: Call, largest: usize, run: fn(Socket, Greeting) -> Running) -> Reply<Response> {
    let handshake = Handshake::accept(&mut cx, largest)?;
    let greeting = Greeting::of(cx, handshake.offered_protocol);
    let (response, opening) = handshake.open();
    tokio::spawn(async move {
        match opening.await {
            Ok(socket) => {
                let open = (greeting.app().metrics().sockets.opened(), greeting.app().hub().socket_opened());
                run(socket, greeting).await;
                drop(open);
            }
            Err(error) => tracing::debug!(%error, "a socket was not opened"),
        }
    });
    Ok(response)
}
