//! `/work_pools/{name}/workers/connect`: heartbeats and snapshots by socket.

use serde_json::{Value, json};
use tests::{Incoming, Socket, Tenant};

fn frame(type_: &str, payload: &Value) -> Value {
    json!({ "type": type_, "id": uuid::Uuid::new_v4().to_string(), "sent_at": "2026-01-01T00:00:00Z", "payload": payload })
}

fn hello(changes: &Value) -> Value {
    let mut payload = json!({
        "consumer_id": "00000000-0000-0000-0000-000000000001", "worker_name": "w", "worker_type": "process",
        "heartbeat_interval_seconds": 30, "supported_channel_versions": ["work_pool_worker_channel.v1"],
        "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1", "cleanup_delivery.v1"],
    });
    for (name, value) in changes.as_object().expect("fields") {
        payload[name] = value.clone();
    }
    frame("worker.hello.v1", &payload)
}

fn connect(tenant: &Tenant, pool: &str) -> Socket {
    let mut socket = tenant.socket(&format!("/work_pools/{pool}/workers/connect"));
    assert_eq!(socket.authenticate(Some(&tenant.key)), Incoming::Json(json!({ "type": "auth_success" })));
    socket
}

fn closed(tenant: &Tenant, pool: &str, first: &Value) -> (u16, String) {
    let mut socket = connect(tenant, pool);
    socket.send(first);
    match socket.receive() {
        Incoming::Closed(Some((code, reason))) => (code, reason.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_worker_is_welcomed_heard_of_and_told_of_its_pool() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    let mut socket = connect(&tenant, "p");
    socket.send(&hello(&json!({})));
    let ready = socket.json();
    let payload = &ready["payload"];
    assert_eq!((&ready["type"], &payload["worker_id"]), (&json!("worker.ready.v1"), &Value::Null), "{ready}");
    assert_eq!(payload["accepted_capabilities"], json!(["worker_heartbeat.v1", "work_pool_snapshot.v1"]));
    assert_eq!(payload["rejected_capabilities"], json!(["cleanup_delivery.v1"]));
    assert_eq!(payload["resolved_work_queues"][0]["name"], "default");
    assert_eq!(payload["initial_snapshot"]["work_pool"]["status"], "READY");
    assert_eq!(api.post("/work_pools/p/workers/filter", &json!({})).expect(200)[0]["status"], "ONLINE");

    let beat = json!({ "consumer_id": "00000000-0000-0000-0000-000000000001", "worker_name": "w", "heartbeat_interval_seconds": 7 });
    socket.send(&frame("worker.heartbeat.v1", &beat));
    tests::eventually("the heartbeat is written", || {
        match &api.post("/work_pools/p/workers/filter", &json!({})).expect(200)[0]["heartbeat_interval_seconds"] {
            seconds if *seconds == 7 => Ok(()),
            other => Err(other.clone()),
        }
    });
    api.patch("/work_pools/p", &json!({ "concurrency_limit": 3 })).expect(204);
    let snapshot = socket.json();
    assert_eq!(
        (&snapshot["type"], &snapshot["payload"]["snapshot_sequence"]),
        (&json!("work_pool.snapshot.v1"), &json!(2))
    );
    assert_eq!(snapshot["payload"]["work_pool"]["concurrency_limit"], 3);
    api.delete("/work_pools/p").expect(204);
    assert!(matches!(socket.receive(), Incoming::Closed(Some((1008, reason))) if reason == "authorization_failed"));
}

#[test]
fn a_worker_may_bring_its_pool_along() {
    let tenant = Tenant::fresh();
    let template = json!({ "job_configuration": { "a": "{{ a }}" }, "variables": { "properties": { "a": {} } } });
    let mut socket = connect(&tenant, "new");
    socket.send(&hello(&json!({ "create_pool_if_not_found": true, "default_base_job_template": template })));
    assert_eq!(socket.json()["payload"]["initial_snapshot"]["work_pool"]["base_job_template"], template);
    let pool = tenant.api().get("/work_pools/new").expect(200);
    assert_eq!((&pool["type"], &pool["base_job_template"]), (&json!("process"), &template));
}

#[test]
fn what_is_wrong_is_told_in_words_that_workers_know() {
    let tenant = Tenant::fresh();
    tenant.api().post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    for (pool, first, code, reason) in [
        ("nope", hello(&json!({})), 1008, "authorization_failed"),
        ("prefect-x", hello(&json!({ "create_pool_if_not_found": true })), 1008, "authorization_failed"),
        ("p", hello(&json!({ "work_queue_names": ["nope"] })), 1008, "authorization_failed"),
        ("p", hello(&json!({ "supported_channel_versions": ["v0"] })), 1008, "unsupported_version"),
        ("p", hello(&json!({ "extra": 1 })), 1002, "protocol_error"),
        ("p", json!({ "type": "worker.ready.v1" }), 1002, "protocol_error"),
    ] {
        assert_eq!(closed(&tenant, pool, &first), (code, reason.to_owned()), "{first}");
    }
}
