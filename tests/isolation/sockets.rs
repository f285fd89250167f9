//! Sockets: what is no message harms nobody, and nothing crosses from one workspace to another.

use serde_json::{Value, json};
use tests::{Incoming, Socket, Tenant, truth};

use crate::attack::{Arena, none};
use crate::bad_input::anything;
use crate::injection::payloads;

fn open(tenant: &Tenant, path: &str) -> Socket {
    let mut socket = tenant.socket(path);
    let said = socket.authenticate(Some(&tenant.key));
    assert!(matches!(&said, Incoming::Json(said) if said["type"] == "auth_success"), "{path}: {said:?}");
    socket
}

/// Whether the server has taken what was sent before: it answers a ping, or closes with a reason. Silence is neither.
fn taken(socket: &mut Socket) -> Result<(), Incoming> {
    let _ = socket.try_ping(b"taken?");
    match socket.receive() {
        Incoming::Pong(_) => Ok(()),
        Incoming::Closed(Some((code, _))) if code != 1011 => Ok(()),
        other => Err(other),
    }
}

fn event(name: &str) -> Value {
    json!({"id": uuid::Uuid::new_v4(), "event": name, "occurred": "2030-01-01T00:00:00Z",
           "resource": {"prefect.resource.id": name}, "related": [], "payload": {}})
}

const TASKS: &str = "/task_runs/subscriptions/scheduled";
const WORKERS: &str = "/work_pools/pool/workers/connect";

fn frame(type_: &str, payload: &Value) -> Value {
    json!({"type": type_, "id": uuid::Uuid::new_v4(), "sent_at": "2030-01-01T00:00:00Z", "payload": payload})
}

/// A socket on which its protocol has begun, if it has to be.
fn begun(tenant: &Tenant, path: &str) -> Socket {
    let mut socket = open(tenant, path);
    match path {
        TASKS => socket.send(&json!({"type": "subscribe", "keys": ["k"], "client_id": "w-1"})),
        WORKERS => {
            let hello = json!({
                "consumer_id": uuid::Uuid::new_v4(), "worker_name": "w", "worker_type": "process",
                "heartbeat_interval_seconds": 30, "supported_channel_versions": ["work_pool_worker_channel.v1"],
                "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1", "cleanup_delivery.v1"],
                "handled_cleanup_kinds": ["cancelling_timeout_teardown.v1"], "max_cleanup_concurrency": 1,
                "create_pool_if_not_found": true,
            });
            socket.send(&frame("worker.hello.v1", &hello));
            let ready = socket.json();
            assert_eq!(ready["type"], "worker.ready.v1", "{ready}");
        }
        _ => {}
    }
    socket
}

/// Messages as they ought to be, but for one place in each that anything may stand in.
fn messages() -> Vec<Value> {
    let hole = || json!("\u{1}");
    let mut all: Vec<Value> = ["event", "occurred", "resource", "related", "payload", "id", "follows"]
        .map(|field| {
            let mut whole = event("good");
            whole[field] = hole();
            whole
        })
        .into();
    all.extend(["type", "keys", "client_id"].map(|field| {
        let mut whole = json!({"type": "subscribe", "keys": ["k"], "client_id": "w"});
        whole[field] = hole();
        whole
    }));
    for type_ in ["worker.hello.v1", "worker.heartbeat.v1", "cleanup.ack.v1", "cleanup.renew.v1", "cleanup.release.v1"]
    {
        all.push(frame(type_, &hole()));
        let id = uuid::Uuid::nil();
        all.push(frame(
            type_,
            &json!({"message_id": id, "reservation_token": hole(), "reason": "r", "consumer_id": id}),
        ));
        all.push(frame(
            type_,
            &json!({"message_id": hole(), "reservation_token": "t", "worker_name": "w", "consumer_id": id}),
        ));
    }
    all
}

#[test]
fn what_is_no_message_harms_nobody() {
    let arena = Arena::new();
    let mut frames = anything();
    for message in messages() {
        let text = message.to_string();
        let (before, after) = text.split_once("\"\\u0001\"").expect("the place is in the text");
        frames.extend(
            anything().into_iter().map(|(what, raw)| (what, [before.as_bytes(), &raw, after.as_bytes()].concat())),
        );
    }
    frames.push(("a frame of 20 MB", vec![b'a'; 20 << 20]));
    for path in ["/events/in", "/events/out", "/logs/out", TASKS, WORKERS] {
        for (what, frame) in &frames {
            let mut socket = begun(&arena.attacker, path);
            let _ = socket.try_send_bytes(frame);
            // A frame that breaks the protocol ends the connection; that is an answer too.
            if let Err(said) = taken(&mut socket) {
                let text = String::from_utf8_lossy(&frame[..frame.len().min(200)]).into_owned();
                assert!(matches!(said, Incoming::Closed(None)), "{path}: {what} is answered {said:?}: {text}");
            }
        }
        let mut socket = begun(&arena.attacker, path);
        let _ = socket.try_send_binary(b"\x00\x01\x02");
        assert!(taken(&mut socket).is_ok(), "{path}: a binary frame");
    }
    // A good one is taken as ever, and the server has said of none that it was its own fault.
    let mut socket = open(&arena.attacker, "/events/in");
    socket.send(&event("after-all"));
    taken(&mut socket).expect("a pong");
    let schema = truth::schema_of(&arena.server, &arena.attacker);
    assert_eq!(truth::rows_with(&arena.server, &schema, "after-all").len(), 1);
    let log = arena.server.log();
    none(log.lines().filter(|line| line.contains("ERROR") || line.contains("panic")).map(str::to_owned).collect());
}

#[test]
fn sql_in_events_is_text_and_stays_with_its_sender() {
    let arena = Arena::new();
    let run = {
        let api = arena.victim.api();
        let flow = api.post("/flows/", &json!({"name": "victim"})).expect(201);
        let run = json!({"flow_id": flow["id"], "state": {"type": "PENDING"}});
        api.post("/flow_runs/", &run).expect(201)["id"].as_str().expect("an id").to_owned()
    };
    let schema = truth::schema_of(&arena.server, &arena.victim);
    let before = truth::checksums(&arena.server, &schema);
    let already_said = arena.postgres_log().len();
    let mut socket = open(&arena.attacker, "/events/in");
    for payload in payloads(&schema) {
        let mut hostile = event(&payload);
        hostile["resource"] =
            json!({"prefect.resource.id": payload, payload.clone(): payload, "prefect.resource.name": payload});
        hostile["related"] =
            json!([{"prefect.resource.id": payload, "prefect.resource.role": payload, payload.clone(): payload}]);
        hostile["payload"] = json!({payload.clone(): payload});
        socket.send(&hostile);
        // A task run of the victim's flow run, by its id: it becomes a row of the sender's, or none.
        socket.send(&task_run(&run, &payload));
    }
    taken(&mut socket).expect("a pong");
    assert_eq!(before, truth::checksums(&arena.server, &schema), "the victim's rows were changed");
    let seen = arena.victim.api().post("/task_runs/filter", &json!({})).expect(200);
    assert_eq!(seen, json!([]));
    none(arena.broken_statements(already_said));
}

fn task_run(flow_run: &str, text: &str) -> Value {
    let at = "2030-01-01T00:00:00Z";
    json!({
        "id": uuid::Uuid::new_v4(), "event": "prefect.task-run.Running", "occurred": at,
        "resource": {
            "prefect.resource.id": format!("prefect.task-run.{}", uuid::Uuid::new_v4()), "prefect.resource.name": text,
            "prefect.run-count": "1", "prefect.state-message": text, "prefect.state-type": "RUNNING",
            "prefect.state-name": text, "prefect.state-timestamp": at, "prefect.orchestration": "client",
        },
        "related": [{"prefect.resource.id": format!("prefect.flow-run.{flow_run}"), "prefect.resource.role": "flow-run"}],
        "payload": {
            "intended": {"from": null, "to": "RUNNING"}, "initial_state": null,
            "validated_state": {"type": "RUNNING", "name": text, "message": text, "state_details": {}, "data": text},
            "task_run": {"name": text, "task_key": text, "dynamic_key": text, "cache_key": text, "tags": [text],
                         "labels": {"a": text}, "task_inputs": {}, "empirical_policy": {}, "run_count": 1, "flow_run_run_count": 1},
        },
    })
}

/// Who listens with the victim's ids in the filter hears nothing of the victim, and everything of their own.
#[test]
fn nobody_hears_the_lines_of_another() {
    let arena = Arena::new();
    let run = uuid::Uuid::new_v4().to_string();
    let line = |text: &str| json!([{"name": "line", "level": 20, "message": text, "timestamp": "2030-01-01T00:00:00Z", "flow_run_id": run}]);
    // Nothing tells that a filter was taken, so each listener's own lines are written until it hears one.
    let listen = |tenant: &Tenant| {
        let mut socket = open(tenant, "/logs/out");
        socket.send(&json!({"type": "filter", "filter": {"flow_run_id": {"any_": [run]}}}));
        socket
    };
    let (mut attacker, mut victim) = (listen(&arena.attacker), listen(&arena.victim));
    for round in 0..20 {
        arena.victim.api().post("/logs/", &line(&format!("secret {round}"))).expect(201);
        arena.attacker.api().post("/logs/", &line(&format!("own {round}"))).expect(201);
    }
    arena.victim.api().post("/logs/", &line("secret last")).expect(201);
    arena.attacker.api().post("/logs/", &line("own last")).expect(201);
    for (socket, own, last) in [(&mut attacker, "own", "own last"), (&mut victim, "secret", "secret last")] {
        loop {
            let heard = socket.json();
            let text = heard["log"]["message"].as_str().unwrap_or_else(|| panic!("no line: {heard}")).to_owned();
            assert!(text.starts_with(own), "who wrote {own:?} hears {text:?}");
            if text == last {
                break;
            }
        }
    }
}
