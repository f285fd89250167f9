//! `/events/out` on one replica.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tests::{Account, Incoming, Server, Socket, Tenant, eventually};

use super::{event, from_now_on, heard, listening};

const QUIET: Duration = Duration::from_millis(300);

/// Tells an event of this name and waits until the socket hears it: whatever else it was to hear comes before.
#[track_caller]
fn hears_nothing_before(socket: &mut Socket, tenant: &Tenant, name: &str) {
    tenant.api().post("/events", &json!([event(name, "end")])).expect(204);
    assert_eq!(heard(socket)["event"], name);
}

#[test]
fn what_happened_a_moment_ago_comes_first_and_then_what_happens() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    api.post("/events", &json!([event("a.before", "thing.1"), event("b.before", "thing.1")])).expect(204);
    let mut socket = listening(&tenant, &from_now_on(json!({"event": {"prefix": ["a."]}})));
    let first = heard(&mut socket);
    assert_eq!(first["event"], "a.before");
    let stored = api.post("/events/filter", &json!({"filter": {"event": {"name": ["a.before"]}}})).expect(200);
    assert_eq!(first, stored["events"][0], "told as it is listed");
    api.post("/events", &json!([event("b.after", "thing.1"), event("a.after", "thing.1")])).expect(204);
    let told = heard(&mut socket);
    assert_eq!(told["event"], "a.after");
    assert!(told["received"].is_string() && told["follows"].is_null(), "{told}");
}

#[test]
fn every_way_of_storing_an_event_is_told_of() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    let mut socket = listening(&tenant, &from_now_on(json!({})));
    hears_nothing_before(&mut socket, &tenant, "by.request");

    let mut sender = tenant.socket("/events/in");
    assert!(matches!(sender.authenticate(Some(&tenant.key)), Incoming::Json(_)));
    sender.send(&event("by.socket", "r"));
    assert_eq!(heard(&mut socket)["event"], "by.socket");

    let flow = api.post("/flows/", &json!({"name": "told"})).expect(201);
    assert_eq!(heard(&mut socket)["event"], "prefect.flow.created");
    let run = api.post("/flow_runs/", &json!({"flow_id": flow["id"], "name": "told"})).expect(201);
    let pending = heard(&mut socket);
    assert_eq!((&pending["event"], &pending["id"]), (&json!("prefect.flow-run.Pending"), &run["state_id"]));
    let path = format!("/flow_runs/{}/set_state", run["id"].as_str().expect("an id"));
    api.post(&path, &json!({"state": {"type": "RUNNING"}})).expect(201);
    let running = heard(&mut socket);
    assert_eq!((&running["event"], &running["follows"]), (&json!("prefect.flow-run.Running"), &run["state_id"]));
    let listed = api.post("/events/filter", &json!({"filter": {"id": {"id": [running["id"]]}}})).expect(200);
    let without_received = |event: &Value| {
        let mut event = event.clone();
        event["received"].take();
        event
    };
    assert_eq!(without_received(&listed["events"][0]), without_received(&running));

    // A proposal that is rejected changes nothing and tells nothing.
    api.post(&path, &json!({"state": {"type": "PENDING"}})).expect(200);
    hears_nothing_before(&mut socket, &tenant, "after.rejection");
}

#[test]
fn without_back_fill_only_what_happens_is_told() {
    let tenant = Tenant::fresh();
    tenant.api().post("/events", &json!([event("a.before", "r")])).expect(204);
    let mut socket = tenant.socket("/events/out");
    assert!(matches!(socket.authenticate(Some(&tenant.key)), Incoming::Json(_)));
    socket.send(&json!({"type": "filter", "filter": from_now_on(json!({})), "backfill": false}));
    // It listens when it has answered a ping that came behind the filter.
    socket.ping(b"?");
    assert_eq!(socket.receive(), Incoming::Pong(b"?".to_vec()));
    hears_nothing_before(&mut socket, &tenant, "a.after");
}

#[test]
fn events_of_a_workspace_are_told_in_it_alone() {
    let (mine, other) = (Tenant::fresh(), Tenant::fresh());
    let mut socket = listening(&mine, &from_now_on(json!({})));
    hears_nothing_before(&mut socket, &mine, "mine.first");
    other.api().post("/events", &json!([event("others", "r")])).expect(204);
    hears_nothing_before(&mut socket, &mine, "mine.second");
}

#[test]
fn what_is_no_filter_is_refused_with_its_reason() {
    let tenant = Tenant::fresh();
    let globs: Vec<String> = (0..14_000).map(|n| format!("*q{n}*")).collect();
    for (message, reason) in [
        (
            json!({"type": "filter", "filter": {"resource": {"labels": {"l": globs}}}}),
            "Invalid filter: Value error, A filter may hold 2000 names and values, not 14003",
        ),
        (json!({"type": "events"}), "Expected 'filter' message"),
        (json!({"type": "filter", "filter": {"x": 1}}), "Invalid filter: Extra inputs are not permitted"),
    ] {
        let mut socket = tenant.socket("/events/out");
        assert!(matches!(socket.authenticate(Some(&tenant.key)), Incoming::Json(_)));
        socket.send(&message);
        assert_eq!(socket.receive(), Incoming::Closed(Some((1002, reason.into()))));
    }
}

/// So that this process may hold many sockets, where the system's habit is fewer.
fn may_open(files: usize) {
    let process = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &process, &format!("--nofile={files}:")]).status();
    assert!(raised.is_ok_and(|status| status.success()), "{files} files at once are more than this machine allows");
}

/// Each running flow holds a socket or two that ask for what hardly ever happens.
#[test]
fn two_thousand_sockets_wait_for_what_is_rare_and_all_hear_it() {
    const SOCKETS: usize = 2000;
    may_open(SOCKETS + 1000);
    let server = Server::builder().env("PREFECTURE_WORKSPACE_SOCKETS", "3000").start();
    let tenant = Account::create(&server).workspace();
    let filter = from_now_on(json!({"event": {"name": ["prefect.flow-run.Cancelling"]}}));
    let mut sockets: Vec<Socket> = (0..SOCKETS).map(|_| listening(&tenant, &filter)).collect();
    for socket in &mut sockets {
        socket.ping(b"?");
        assert_eq!(socket.receive(), Incoming::Pong(b"?".to_vec()));
    }
    // What nobody asks for costs what it costs without listeners.
    let others: Vec<Value> = (0..200).map(|n| event("prefect.task-run.Running", &format!("r.{n}"))).collect();
    for _ in 0..10 {
        tenant.api().post("/events", &json!(others)).expect(204);
    }
    assert!(sockets[0].receive_within(QUIET).is_none(), "nobody asked for those");
    tenant.api().post("/events", &json!([event("prefect.flow-run.Cancelling", "prefect.flow-run.1")])).expect(204);
    for socket in &mut sockets {
        assert_eq!(heard(socket)["event"], "prefect.flow-run.Cancelling");
    }
}

#[test]
fn who_reads_too_slowly_is_told_to_come_again_and_misses_nothing_then() {
    let tenant = Tenant::fresh();
    let filter = from_now_on(json!({"event": {"name": ["many"]}}));
    let mut slow = listening(&tenant, &filter);
    slow.ping(b"?");
    assert_eq!(slow.receive(), Incoming::Pong(b"?".to_vec()));
    // More than the queue and the buffers of the connection hold.
    let large = "x".repeat(20_000);
    for round in 0..20 {
        let many = (0..100).map(|n| {
            let mut event = event("many", &format!("r.{round}.{n}"));
            event["payload"] = json!({ "text": large });
            event
        });
        tenant.api().post("/events", &json!(many.collect::<Vec<_>>())).expect(204);
    }
    let mut taken = 0;
    let end = loop {
        match slow.receive() {
            Incoming::Json(_) => taken += 1,
            end => break end,
        }
    };
    assert!(matches!(&end, Incoming::Closed(Some((1013, why))) if why.contains("Too slow")), "{end:?}");
    assert!(taken < 2000, "{taken}");
    let mut again = listening(&tenant, &filter);
    for _ in 0..2000 {
        assert_eq!(heard(&mut again)["event"], "many");
    }
}

#[test]
fn a_socket_ends_with_its_key() {
    let server = Server::builder().start();
    let tenant = Account::create(&server).workspace();
    let bot = tenant.bot("Developer");
    let theirs = tenant.with_key(&bot.key);
    let mut socket = eventually("a grant counts as soon as it is seen", || {
        let mut socket = theirs.socket("/events/out");
        match socket.authenticate(Some(&bot.key)) {
            Incoming::Json(_) => Ok(socket),
            said => Err(said),
        }
    });
    socket.send(&json!({"type": "filter", "filter": from_now_on(json!({}))}));
    tenant.account.api().delete(&format!("/bots/{}", bot.id)).expect(204);
    let end = socket.receive();
    assert!(matches!(&end, Incoming::Closed(Some((1008, _)))), "{end:?}");
}
