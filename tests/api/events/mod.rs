//! `/events/…`: lists, pages, counts, and the sockets that tell of them.

mod lists;
mod out;
mod replicas;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tests::{Incoming, Socket, Tenant};
use uuid::Uuid;

/// An event of this name, a moment ago, about a resource. Each occurs after the one before it.
pub fn event(name: &str, resource: &str) -> Value {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let occurred = now() - 1.0 + f64::from(MADE.fetch_add(1, Ordering::Relaxed)) * 1e-5;
    json!({
        "id": Uuid::new_v4(), "occurred": occurred, "event": name,
        "resource": {"prefect.resource.id": resource}, "related": [], "payload": {},
    })
}

/// The machine's time in seconds since 1970, which the protocol takes for a time.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64()
}

/// A socket that asks for these events; what it hears first is in the answer's hands.
#[track_caller]
pub fn listening(tenant: &Tenant, filter: &Value) -> Socket {
    let mut socket = tenant.socket("/events/out");
    assert_eq!(socket.authenticate(Some(&tenant.key)), Incoming::Json(json!({"type": "auth_success"})));
    socket.send(&json!({"type": "filter", "filter": filter}));
    socket
}

/// The next event of a socket.
#[track_caller]
pub fn heard(socket: &mut Socket) -> Value {
    let message = socket.json();
    assert_eq!(message["type"], "event", "{message}");
    message["event"].clone()
}

/// What everybody asks for who waits for something: from a minute ago until in a year.
pub fn from_now_on(mut filter: Value) -> Value {
    filter["occurred"] = json!({"since": now() - 60.0, "until": now() + 365.0 * 86_400.0});
    filter
}
