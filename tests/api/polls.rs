//! Polls for runs that wait for one to come.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Answer, Api, Redis, Server, Tenant, eventually};

/// Less than the look that finds what nobody told of, by far more than it takes.
const AT_ONCE: Duration = Duration::from_millis(600);

fn holding(server: &Server) -> Tenant {
    let tenant = Tenant::on(server);
    tenant.api().post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    tenant
}

fn poll(api: &Api) -> Answer {
    api.post("/work_pools/p/get_scheduled_flow_runs", &json!({ "scheduled_before": "2100-01-01T00:00:00Z" }))
}

fn make_run(api: &Api, name: &str) -> Value {
    let flow = api.post("/flows/", &json!({ "name": "f" })).body;
    let run = json!({ "flow_id": flow["id"], "name": name, "work_pool_name": "p", "state": { "type": "SCHEDULED" } });
    api.post("/flow_runs/", &run).expect(201)
}

fn held(server: &Server) -> u64 {
    let metrics = Api::new(&server.metrics_url(), None).get("").body;
    let text = metrics.as_str().unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("prefecture_polls_held ")).unwrap_or_default();
    line.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("no such metric in {text}"))
}

fn until_held(server: &Server, many: u64) {
    eventually("polls are held", || match held(server) {
        n if n == many => Ok(()),
        n => Err(n),
    });
}

#[test]
fn a_run_made_by_hand_reaches_a_waiting_worker_at_once() {
    let server = Server::builder().env("PREFECTURE_POLL_HOLD", "30s").start();
    let tenant = holding(&server);
    let api = tenant.api();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| (poll(&api), Instant::now()));
        until_held(&server, 1);
        let run = make_run(&api, "by hand");
        let made = Instant::now();
        let (answer, answered) = waiting.join().expect("it is answered");
        let runs = answer.expect(200);
        assert_eq!((runs.as_array().map(Vec::len), &runs[0]["flow_run"]["id"]), (Some(1), &run["id"]), "{runs}");
        assert!(answered.saturating_duration_since(made) < AT_ONCE, "{:?}", answered - made);
    });
    until_held(&server, 0);
}

#[test]
fn a_run_that_is_scheduled_again_reaches_a_waiting_worker_at_once() {
    let server = Server::builder().env("PREFECTURE_POLL_HOLD", "30s").start();
    let tenant = holding(&server);
    let api = tenant.api();
    let run = make_run(&api, "again");
    let path = format!("/flow_runs/{}/set_state", run["id"].as_str().expect("an id"));
    api.post(&path, &json!({ "state": { "type": "FAILED" } })).expect(201);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| (poll(&api), Instant::now()));
        until_held(&server, 1);
        api.post(&path, &json!({ "state": { "type": "SCHEDULED" }, "force": true })).expect(201);
        let made = Instant::now();
        let (answer, answered) = waiting.join().expect("it is answered");
        assert_eq!(answer.expect(200)[0]["flow_run"]["id"], run["id"]);
        assert!(answered.saturating_duration_since(made) < AT_ONCE, "{:?}", answered - made);
    });
}

/// As a served flow asks.
fn poll_deployment(api: &Api, deployment: &Value) -> Answer {
    let body = json!({ "deployment_ids": [deployment["id"]], "scheduled_before": "2100-01-01T00:00:00Z" });
    api.post("/deployments/get_scheduled_flow_runs", &body)
}

fn make_deployment(api: &Api) -> Value {
    let flow = api.post("/flows/", &json!({ "name": "f" })).body;
    api.post("/deployments/", &json!({ "name": "d", "flow_id": flow["id"] })).expect(201)
}

fn run_of(api: &Api, deployment: &Value) -> Value {
    let path = format!("/deployments/{}/create_flow_run", deployment["id"].as_str().expect("an id"));
    api.post(&path, &json!({})).expect(201)
}

#[test]
fn a_run_of_a_deployment_reaches_the_flow_that_serves_it_at_once() {
    let server = Server::builder().env("PREFECTURE_POLL_HOLD", "30s").start();
    let tenant = Tenant::on(&server);
    let api = tenant.api();
    let (served, other) = (make_deployment(&api), {
        let flow = api.post("/flows/", &json!({ "name": "g" })).expect(201);
        api.post("/deployments/", &json!({ "name": "other", "flow_id": flow["id"] })).expect(201)
    });
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| (poll_deployment(&api, &served), Instant::now()));
        until_held(&server, 1);
        run_of(&api, &other);
        let run = run_of(&api, &served);
        let made = Instant::now();
        let (answer, answered) = waiting.join().expect("it is answered");
        let runs = answer.expect(200);
        assert_eq!((runs.as_array().map(Vec::len), &runs[0]["id"]), (Some(1), &run["id"]), "{runs}");
        assert!(answered.saturating_duration_since(made) < AT_ONCE, "{:?}", answered - made);
    });
    // Nobody waits for a deployment that is none, nor for none.
    let none = json!({ "deployment_ids": [], "scheduled_before": "2100-01-01T00:00:00Z" });
    let begun = Instant::now();
    assert_eq!(api.post("/deployments/get_scheduled_flow_runs", &none).expect(200), json!([]));
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_run_made_at_one_replica_reaches_who_waits_at_another_at_once() {
    let redis = Redis::start();
    let replica = || Server::builder().env("PREFECTURE_POLL_HOLD", "30s").redis(&redis);
    let one = replica().start();
    let two = replica().database(one.database()).start();
    let tenant = holding(&one);
    let (here, there) = (tenant.api(), tenant.at(&two).api());
    let served = make_deployment(&here);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| (poll(&there), Instant::now()));
        let serving = scope.spawn(|| (poll_deployment(&there, &served), Instant::now()));
        until_held(&two, 2);
        let (of_pool, of_deployment) = (make_run(&here, "elsewhere"), run_of(&here, &served));
        let made = Instant::now();
        let (answer, answered) = worker.join().expect("it is answered");
        assert_eq!(answer.expect(200)[0]["flow_run"]["id"], of_pool["id"]);
        assert!(answered.saturating_duration_since(made) < AT_ONCE, "{:?}", answered - made);
        let (answer, answered) = serving.join().expect("it is answered");
        assert_eq!(answer.expect(200)[0]["id"], of_deployment["id"]);
        assert!(answered.saturating_duration_since(made) < AT_ONCE, "{:?}", answered - made);
    });
}

/// Without Redis replicas do not hear of each other: the poll looks for itself.
#[test]
fn a_run_made_at_one_replica_reaches_who_waits_at_another_without_redis_too() {
    let one = Server::builder().start();
    let two = Server::builder().env("PREFECTURE_POLL_HOLD", "30s").database(one.database()).start();
    let tenant = holding(&one);
    let there = tenant.at(&two).api();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poll(&there));
        until_held(&two, 1);
        let run = make_run(&tenant.api(), "elsewhere");
        assert_eq!(waiting.join().expect("it is answered").expect(200)[0]["flow_run"]["id"], run["id"]);
    });
}

/// Nobody tells of a pool that goes on: the poll looks for itself.
#[test]
fn a_pool_that_goes_on_answers_the_polls_that_wait() {
    let server = Server::builder().env("PREFECTURE_POLL_HOLD", "30s").start();
    let tenant = holding(&server);
    let api = tenant.api();
    api.patch("/work_pools/p", &json!({ "is_paused": true })).expect(204);
    make_run(&api, "paused");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poll(&api));
        until_held(&server, 1);
        api.patch("/work_pools/p", &json!({ "is_paused": false })).expect(204);
        assert_eq!(waiting.join().expect("it is answered").expect(200).as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn polls_beyond_the_bound_are_answered_at_once_and_those_that_wait_take_no_place_of_others() {
    let server = Server::builder()
        .env("PREFECTURE_POLL_HOLD", "30s")
        .env("PREFECTURE_POLLS_HELD", "2")
        .env("PREFECTURE_WORKSPACE_REQUESTS", "1")
        .start();
    let tenant = holding(&server);
    let api = tenant.api();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| poll(&api));
        until_held(&server, 1);
        // Another request is in work: the poll that waits has given its place back.
        let second = scope.spawn(|| poll(&api));
        until_held(&server, 2);
        let begun = Instant::now();
        assert_eq!(poll(&api).expect(200), json!([]));
        assert!(begun.elapsed() < Duration::from_secs(10));
        make_run(&api, "for both");
        for waiting in [first, second] {
            assert_eq!(waiting.join().expect("it is answered").expect(200).as_array().map(Vec::len), Some(1));
        }
    });
}

#[test]
fn a_poll_that_waits_is_answered_when_the_program_ends() {
    let mut server = Server::builder().env("PREFECTURE_POLL_HOLD", "50s").start();
    let api = holding(&server).api();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poll(&api));
        until_held(&server, 1);
        server.sigterm();
        assert_eq!(waiting.join().expect("it is answered").expect(200), json!([]));
    });
    assert!(server.wait().success());
}

#[test]
fn a_key_that_is_withdrawn_is_told_of_no_run() {
    let server = Server::builder().env("PREFECTURE_POLL_HOLD", "30s").start();
    let tenant = holding(&server);
    let bot = tenant.bot("Worker");
    let worker = tenant.with_key(&bot.key).api();
    eventually("the grant counts", || match worker.get("/work_pools/p").status {
        200 => Ok(()),
        status => Err(status),
    });
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poll(&worker).status);
        until_held(&server, 1);
        tenant.account.api().delete(&format!("/bots/{}", bot.id)).expect(204);
        make_run(&tenant.api(), "not for it");
        assert_eq!(waiting.join().expect("it is answered"), 401);
    });
}
