//! Infrastructure that is left over is told to the workers of its pool, until one of them has taken it down.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Incoming, Server, Socket, Tenant, eventually};

use super::ground::{becomes, id, quick};

const KIND: &str = "cancelling_timeout_teardown.v1";

/// A workspace with a pool of two queues, and a deployment in one of them.
struct Ground {
    server: &'static Server,
    tenant: Tenant,
    deployment: String,
}

impl Ground {
    fn of_type(pool: &str) -> Ground {
        let (server, tenant) = (quick(), Tenant::on(quick()));
        let api = tenant.api();
        api.post("/work_pools/", &json!({"name": "p", "type": pool})).expect(201);
        for queue in ["own", "other"] {
            api.post("/work_pools/p/queues", &json!({"name": queue})).expect(201);
        }
        let flow = super::ground::flow(&api);
        let body = json!({"name": "d", "flow_id": flow, "work_pool_name": "p", "work_queue_name": "own"});
        let deployment = id(&api.post("/deployments/", &body).expect(201));
        Ground { server, tenant, deployment }
    }

    fn sql(&self, text: &str) -> String {
        let schema = tests::truth::schema_of(self.server, &self.tenant);
        self.server.database().sql(&text.replace("{s}", &schema))
    }

    /// Makes everybody look again.
    fn tick(&self) {
        self.server.database().sql("update cell.tick set due = now()");
    }

    /// A run whose cancellation nobody carried out for five minutes.
    fn hangs(&self, pid: &str) -> String {
        let api = self.tenant.api();
        let run = id(&api.post(&format!("/deployments/{}/create_flow_run", self.deployment), &json!({})).expect(201));
        for state in ["PENDING", "RUNNING"] {
            api.post(&format!("/flow_runs/{run}/set_state"), &json!({"state": {"type": state}})).expect(201);
        }
        api.patch(&format!("/flow_runs/{run}"), &json!({"infrastructure_pid": pid})).expect(204);
        api.post(&format!("/flow_runs/{run}/set_state"), &json!({"state": {"type": "CANCELLING"}})).expect(201);
        self.sql(&format!("update {{s}}.flow_run set state_due = now() where id = '{run}'"));
        self.tick();
        becomes(&api, &format!("/flow_runs/{run}"), "Cancelled");
        run
    }

    fn worker(&self, queues: &[&str], most: usize) -> Worker {
        let consumer = uuid::Uuid::new_v4().to_string();
        let mut socket = self.tenant.socket("/work_pools/p/workers/connect");
        let payload = json!({
            "consumer_id": consumer, "worker_name": "w", "worker_type": "t", "heartbeat_interval_seconds": 30,
            "supported_channel_versions": ["work_pool_worker_channel.v1"], "work_queue_names": queues,
            "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1", "cleanup_delivery.v1"],
            "handled_cleanup_kinds": [KIND], "max_cleanup_concurrency": most,
        });
        socket.send(&frame("worker.hello.v1", &payload));
        let ready = socket.json();
        let accepted = json!(["worker_heartbeat.v1", "work_pool_snapshot.v1", "cleanup_delivery.v1"]);
        assert_eq!(ready["payload"]["accepted_capabilities"], accepted, "{ready}");
        assert_eq!(ready["payload"]["effective_max_cleanup_concurrency"], most);
        Worker(socket)
    }
}

fn frame(type_: &str, payload: &Value) -> Value {
    json!({ "type": type_, "id": uuid::Uuid::new_v4().to_string(), "sent_at": "2026-01-01T00:00:00Z", "payload": payload })
}

struct Worker(Socket);

impl Worker {
    fn message(&mut self) -> Value {
        let message = self.0.json();
        assert_eq!(message["type"], "cleanup.message.v1", "{message}");
        message["payload"].clone()
    }

    fn nothing(&mut self) {
        let more = self.0.receive_within(Duration::from_millis(500));
        assert!(!matches!(more, Some(Incoming::Json(_))), "{more:?}");
    }

    /// Says something of a message; status, reason and the end of its lease.
    fn says(&mut self, operation: &str, message: &Value) -> (String, Value, Value) {
        let mut payload =
            json!({"message_id": message["message_id"], "reservation_token": message["reservation_token"]});
        if operation == "release" {
            payload["reason"] = json!("for a test");
        }
        let asked = frame(&format!("cleanup.{operation}.v1"), &payload);
        self.0.send(&asked);
        let result = self.0.json();
        assert_eq!(result["type"], "cleanup.operation_result.v1", "{result}");
        let result = &result["payload"];
        assert_eq!((&result["request_frame_id"], &result["operation"]), (&asked["id"], &json!(operation)));
        let status = result["status"].as_str().expect("a status").to_owned();
        (status, result["reason"].clone(), result["lease_expires_at"].clone())
    }
}

fn accepted() -> (String, Value, Value) {
    ("accepted".to_owned(), Value::Null, Value::Null)
}

fn refused(status: &str, reason: &str) -> (String, Value, Value) {
    (status.to_owned(), json!(reason), Value::Null)
}

#[test]
fn a_run_whose_cancellation_timed_out_is_cleaned_up_once() {
    let ground = Ground::of_type("process");
    let run = ground.hangs("host:7");
    let mut worker = ground.worker(&[], 2);
    let message = worker.message();
    assert_eq!((&message["kind"], &message["delivery_count"]), (&json!(KIND), &json!(1)), "{message}");
    assert_eq!(message["target"], json!({"flow_run_id": run, "infrastructure_pid": "host:7"}));
    let queue = ground.tenant.api().get("/work_pools/p/queues/own").expect(200);
    assert_eq!((&message["work_queue_id"], &message["data"]), (&queue["id"], &json!({})));
    worker.nothing();
    assert_eq!(worker.says("ack", &message), accepted());
    assert_eq!(worker.says("ack", &message), refused("not_found", "message_not_found"));
    assert_eq!(ground.sql("select count(*) from {s}.cleanup"), "0");
    // One that waits already is woken.
    let run = ground.hangs("host:8");
    assert_eq!(worker.message()["target"]["flow_run_id"], run);
}

#[test]
fn one_that_nobody_speaks_of_is_delivered_again_and_given_up_at_last() {
    let ground = Ground::of_type("process");
    ground.hangs("host:7");
    let mut first = ground.worker(&[], 1);
    let mut message = first.message();
    let old = message.clone();
    let (status, _, until) = first.says("renew", &message);
    assert_eq!(status, "accepted");
    assert!(until.as_str() > message["lease_expires_at"].as_str(), "{until} {message}");
    for delivery in [2, 3] {
        ground.sql("update {s}.cleanup set lease_expires_at = now()");
        ground.tick();
        message = first.message();
        assert_eq!(message["delivery_count"], delivery);
        assert_eq!(first.says("ack", &old), refused("invalid_token", "reservation_token_mismatch"));
    }
    ground.sql("update {s}.cleanup set lease_expires_at = now()");
    ground.tick();
    eventually("it is given up", || {
        let dead = ground.sql("select dead_because from {s}.cleanup where dead_at is not null");
        if dead == "max_delivery_attempts_reached" { Ok(()) } else { Err(dead) }
    });
    assert_eq!(first.says("ack", &message), refused("not_found", "message_not_found"));
    first.nothing();
    let metrics = tests::Api::new(&ground.server.metrics_url(), None).get("").body;
    let metrics = metrics.as_str().expect("text");
    let given_up =
        metrics.lines().find(|line| line.starts_with("prefecture_worker_cleanups_total{outcome=\"given_up\"}"));
    assert!(given_up.is_some_and(|line| !line.ends_with(" 0")), "{given_up:?}");
}

#[test]
fn one_that_is_released_goes_to_whoever_can() {
    let ground = Ground::of_type("process");
    ground.hangs("host:7");
    let mut worker = ground.worker(&[], 1);
    let message = worker.message();
    assert_eq!(worker.says("release", &message), accepted());
    let again = worker.message();
    assert_eq!((&again["message_id"], &again["delivery_count"]), (&message["message_id"], &json!(2)));
    assert_eq!(worker.says("release", &again), accepted());
    let last = worker.message();
    assert_eq!(worker.says("release", &last), refused("dead_lettered", "max_delivery_attempts_reached"));
    worker.nothing();
    let dead = ground.sql("select dead_because from {s}.cleanup");
    assert_eq!(dead, "max_delivery_attempts_reached: for a test");
}

#[test]
fn a_worker_gets_as_many_as_it_has_room_for() {
    let ground = Ground::of_type("process");
    let mut runs = vec![json!(ground.hangs("host:7")), json!(ground.hangs("host:8"))];
    let mut worker = ground.worker(&[], 1);
    let first = worker.message();
    worker.nothing();
    assert_eq!(worker.says("ack", &first), accepted());
    let second = worker.message();
    let mut got = vec![first["target"]["flow_run_id"].clone(), second["target"]["flow_run_id"].clone()];
    runs.sort_by_key(Value::to_string);
    got.sort_by_key(Value::to_string);
    assert_eq!(got, runs);
}

#[test]
fn workers_of_the_queue_come_first_and_others_after_a_while() {
    let ground = Ground::of_type("process");
    let mut other = ground.worker(&["other"], 5);
    let mut own = ground.worker(&["own"], 1);
    ground.hangs("host:7");
    own.message();
    other.nothing();
    // The one of the queue has no room.
    ground.hangs("host:8");
    assert_eq!(other.message()["target"]["infrastructure_pid"], "host:8");
}

#[test]
fn pools_without_workers_and_channels_without_clean_ups_get_none() {
    let ground = Ground::of_type("cloud-run:push");
    ground.hangs("host:7");
    assert_eq!(ground.sql("select count(*) from {s}.cleanup"), "0");
    let ground = Ground::of_type("process");
    ground.hangs("host:7");
    let mut plain = ground.tenant.socket("/work_pools/p/workers/connect");
    let payload = json!({
        "consumer_id": uuid::Uuid::nil(), "worker_name": "w", "worker_type": "t", "heartbeat_interval_seconds": 30,
        "supported_channel_versions": ["work_pool_worker_channel.v1"],
        "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1"],
    });
    plain.send(&frame("worker.hello.v1", &payload));
    assert_eq!(plain.json()["payload"]["effective_max_cleanup_concurrency"], 0);
    let mut plain = Worker(plain);
    plain.nothing();
    let made_up = json!({"message_id": uuid::Uuid::nil(), "reservation_token": "t"});
    assert_eq!(plain.says("ack", &made_up), refused("unauthorized", "cleanup_delivery_not_accepted"));
    assert_eq!(ground.sql("select deliveries from {s}.cleanup"), "0");
}

#[test]
fn with_their_pool_they_go() {
    let ground = Ground::of_type("t");
    ground.hangs("left");
    let waiting = || ground.sql("select count(*) from {s}.cleanup where dead_at is null");
    assert_eq!(waiting(), "1");
    ground.tenant.api().delete("/work_pools/p").expect(204);
    assert_eq!(waiting(), "0");
}
