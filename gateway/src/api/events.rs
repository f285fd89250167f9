//! `/events`: what clients observe, sent by request (reference: `server/api/events.py`). Most of it comes by the socket.

use domain::events::Event;
use tenant_store::events;

use crate::kit::{Call, JsonBody, NoContent, Op, Reply};
use crate::ops;

pub static OPS: &[Op] = ops![
    POST "/events" create(JsonBody<Vec<Event>>) -> NoContent,
        need Workspace(RunFlows), lane Ingest, cost PerItem, cache Never, touches [Events, TaskRuns], audit Nothing;
];

/// Stored when this answers; the reference stores a moment later.
async fn create(cx: Call, body: JsonBody<Vec<Event>>) -> Reply<NoContent> {
    let taken = events::take_in_events(cx.scope()?, cx.op.lane, "events", &body).await?;
    cx.app.metrics().events.taken("events", taken.stored, taken.quarantined);
    Ok(NoContent)
}
