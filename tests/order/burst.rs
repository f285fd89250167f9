//! Ten thousand events without a pause: all stored once, and no pong ahead of its commit.

use std::time::Duration;

use serde_json::json;
use tests::{Held, Incoming, Server, Socket, Tenant, truth};
use uuid::Uuid;

use crate::courier::open;

const EVENTS: usize = 10_000;
const BETWEEN_PINGS: usize = 1_000;
/// Of a task run that goes well.
const STATES: [(&str, &str); 4] =
    [("PENDING", "Pending"), ("RUNNING", "Running"), ("RUNNING", "Still running"), ("COMPLETED", "Completed")];
/// Long against a commit; the pong may come no earlier than that.
const A_WHILE: Duration = Duration::from_millis(300);

fn event(run: Uuid, flow_run: Uuid, nth: usize) -> String {
    let (kind, name) = STATES[nth];
    let at = format!("2024-03-01T00:00:0{nth}Z");
    json!({
        "occurred": at, "event": format!("prefect.task-run.{name}"), "id": Uuid::new_v4(),
        "resource": {"prefect.resource.id": format!("prefect.task-run.{run}"), "prefect.orchestration": "client"},
        "related": [{"prefect.resource.id": format!("prefect.flow-run.{flow_run}"), "prefect.resource.role": "flow-run"}],
        "payload": {
            "validated_state": {"type": kind, "name": name, "message": "", "state_details": {}, "data": null},
            "task_run": {"name": "work", "task_key": "work", "dynamic_key": run, "run_count": nth},
        },
    })
    .to_string()
}

/// Sends `events` events with a ping behind each thousand, and looks at each pong whether as many are stored.
fn burst(tenant: &Tenant, events: usize, stored: impl Fn(Uuid) -> usize) {
    let mut socket = open(tenant);
    let flow_run = Uuid::new_v4();
    let all: Vec<String> = (0..events / STATES.len())
        .flat_map(|_| {
            let run = Uuid::new_v4();
            (0..STATES.len()).map(move |nth| event(run, flow_run, nth))
        })
        .collect();
    assert_eq!(all.len(), events);
    for (nth, event) in all.iter().enumerate() {
        socket.send_raw(event);
        if (nth + 1) % BETWEEN_PINGS == 0 || nth + 1 == events {
            socket.ping((nth + 1).to_string().as_bytes());
        }
    }
    let mut confirmed = 0;
    while confirmed < events {
        let Incoming::Pong(payload) = socket.receive() else { panic!("no pong after {confirmed} events") };
        confirmed = String::from_utf8_lossy(&payload).parse().expect("what the ping said");
        let stored = stored(flow_run);
        assert!(stored >= confirmed, "{confirmed} events are confirmed and {stored} are stored");
    }
    socket.close();
}

fn ten_thousand_over(sockets: usize) {
    let server = Server::shared();
    let tenant = Tenant::fresh();
    let schema = truth::schema_of(server, &tenant);
    let stored = |flow_run: Uuid| {
        let sql = format!("select count(*) from {schema}.event where 'prefect.flow-run.{flow_run}' = any(related_ids)");
        server.database().sql(&sql).parse().expect("a number")
    };
    std::thread::scope(|scope| {
        for _ in 0..sockets {
            scope.spawn(|| burst(&tenant, EVENTS / sockets, stored));
        }
    });
    let sql = format!(
        "select (select count(*) from {schema}.event), (select count(distinct id) from {schema}.event),
            (select count(*) from {schema}.run_state), (select count(*) from {schema}.task_run where state_type = 3),
            (select count(*) from {schema}.quarantine)"
    );
    assert_eq!(server.database().sql(&sql), format!("{EVENTS}|{EVENTS}|{EVENTS}|{}|0", EVENTS / STATES.len()));
}

#[test]
fn ten_thousand_events_on_one_socket_are_stored_once() {
    ten_thousand_over(1);
}

#[test]
fn ten_thousand_events_on_four_sockets_are_stored_once() {
    ten_thousand_over(4);
}

#[test]
fn a_pong_waits_for_the_commit() {
    let server = Server::shared();
    let tenant = Tenant::fresh();
    let schema = truth::schema_of(server, &tenant);
    let mut socket: Socket = open(&tenant);
    let held = Held::table(server.database(), &format!("{schema}.event"));
    (0..STATES.len()).for_each(|nth| socket.send_raw(&event(Uuid::nil(), Uuid::nil(), nth)));
    socket.ping(b"stored?");
    held.until_waiting(1);
    assert_eq!(socket.receive_within(A_WHILE), None, "confirmed before the commit");
    held.let_go();
    assert_eq!(socket.receive(), Incoming::Pong(b"stored?".to_vec()));
    assert_eq!(server.database().sql(&format!("select count(*) from {schema}.event")), STATES.len().to_string());
}
