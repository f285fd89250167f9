//! `/work_pools/…` beyond what the reference has: lists by GET, PUT by name; and what must hold however many do it at once.

use serde_json::{Value, json};
use tests::{Api, Tenant, eventually};

#[test]
fn pools_are_listed_by_get() {
    let api = Tenant::fresh().api();
    for name in ["b", "a", "c"] {
        api.post("/work_pools/", &json!({ "name": name, "type": "process" })).expect(201);
    }
    let names = |query: &str| -> Vec<Value> {
        let list = api.get(&format!("/work_pools{query}")).expect(200);
        list.as_array().expect("a list").iter().map(|pool| pool["name"].clone()).collect()
    };
    assert_eq!(names(""), ["a", "b", "c"]);
    assert_eq!(names("/?limit=1&offset=1"), ["b"]);
}

#[test]
fn put_makes_a_pool_what_it_is_to_be() {
    let api = Tenant::fresh().api();
    let template = json!({ "job_configuration": { "a": "{{ a }}" }, "variables": { "properties": { "a": {} } } });
    let body = json!({ "type": "process", "description": "d", "concurrency_limit": 2, "base_job_template": template });
    let made = api.put("/work_pools/p", &body).expect(201);
    assert_eq!(
        (&made["name"], &made["concurrency_limit"], &made["status"]),
        (&json!("p"), &json!(2), &json!("NOT_READY"))
    );
    let replaced = api.put("/work_pools/p", &json!({ "type": "process", "is_paused": true })).expect(200);
    assert_eq!((&replaced["id"], &replaced["default_queue_id"]), (&made["id"], &made["default_queue_id"]));
    assert_eq!((&replaced["status"], &replaced["description"]), (&json!("PAUSED"), &Value::Null));
    assert_eq!((&replaced["base_job_template"], &replaced["concurrency_limit"]), (&json!({}), &Value::Null));
    assert_eq!(api.get("/work_pools/p").expect(200), replaced);

    api.put("/work_pools/p", &json!({ "type": "docker" })).expect(409);
    api.put("/work_pools/prefect-p", &json!({})).expect(403);
    api.put("/work_pools/p", &json!({ "name": "q" })).expect(422);
    let refused = api.put("/work_pools/a%3Cb", &json!({})).expect(422);
    assert_eq!(refused["exception_detail"][0]["loc"], json!(["path", "name"]));
}

#[test]
fn of_many_who_create_a_pool_at_once_one_does() {
    let api = Tenant::fresh().api();
    let statuses = at_once(16, |_| api.post("/work_pools/", &json!({ "name": "race", "type": "process" })).status);
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
    assert_eq!(api.post("/work_pools/race/queues/filter", &json!({})).expect(200).as_array().map(Vec::len), Some(1));
}

#[test]
fn no_two_queues_of_a_pool_have_one_priority_however_many_are_made_at_once() {
    let api = Tenant::fresh().api();
    api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    at_once(12, |n| {
        let queue =
            if n % 2 == 0 { json!({ "name": n.to_string() }) } else { json!({ "name": n.to_string(), "priority": 2 }) };
        api.post("/work_pools/p/queues", &queue).expect(201);
    });
    let queues = api.post("/work_pools/p/queues/filter", &json!({})).expect(200);
    let mut priorities: Vec<i64> =
        queues.as_array().expect("a list").iter().filter_map(|queue| queue["priority"].as_i64()).collect();
    let all = priorities.len();
    priorities.dedup();
    assert_eq!((all, priorities.len()), (13, 13), "{queues}");
}

#[test]
fn many_first_heartbeats_of_a_worker_make_one() {
    let api = Tenant::fresh().api();
    api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    at_once(12, |_| api.post("/work_pools/p/workers/heartbeat", &json!({ "name": "w" })).expect(204));
    let workers = api.post("/work_pools/p/workers/filter", &json!({})).expect(200);
    assert_eq!(workers.as_array().map(Vec::len), Some(1), "{workers}");
    assert_eq!(workers[0]["status"], "ONLINE");
}

#[test]
fn a_worker_polls_and_a_viewer_does_not() {
    let tenant = Tenant::fresh();
    tenant.api().post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    let poll = json!({ "scheduled_before": "2024-01-01T00:00:00Z", "limit": 0 });
    for (role, polls, deletes) in [("Worker", 200, 403), ("Viewer", 403, 403), ("Developer", 200, 204)] {
        let api = tenant.with_key(&tenant.bot(role).key).api();
        // A grant counts as soon as it is seen.
        eventually(role, || match api.get("/work_pools/p").status {
            200 => Ok(()),
            status => Err(status.to_string()),
        });
        assert_eq!(api.post("/work_pools/p/get_scheduled_flow_runs", &poll).status, polls, "{role}");
        assert_eq!(api.delete("/work_pools/p").status, deletes, "{role}");
    }
}

/// A pool that is deleted leaves nothing behind that names it.
#[test]
fn what_was_in_a_deleted_pool_has_no_queue() {
    let api = Tenant::fresh().api();
    api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    let runs: Vec<Value> = ["SCHEDULED", "RUNNING", "COMPLETED"].map(|state| run(&api, "p", state)).into();
    api.delete("/work_pools/p").expect(204);
    for made in runs {
        let run = api.get(&format!("/flow_runs/{}", made["id"].as_str().expect("an id"))).expect(200);
        assert_eq!((&run["work_queue_id"], &run["work_pool_name"]), (&Value::Null, &Value::Null), "{run}");
    }
}

fn run(api: &Api, pool: &str, state: &str) -> Value {
    let flow = api.post("/flows/", &json!({ "name": "f" })).body;
    let run = json!({ "flow_id": flow["id"], "work_pool_name": pool, "state": { "type": state } });
    api.post("/flow_runs/", &run).expect(201)
}

fn at_once<T: Send>(many: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let all: Vec<_> = (0..many).map(|n| scope.spawn(move || work(n))).collect();
        all.into_iter().map(|one| one.join().expect("it answers")).collect()
    })
}

/// Named after PrefectHQ/prefect 19403: more than 200 runs that wait for a limit starve the queue behind them.
#[test]
fn more_than_200_runs_that_wait_for_a_limit_starve_nobody() {
    let api = Tenant::fresh().api();
    api.post("/work_pools/", &json!({ "name": "p", "type": "process" })).expect(201);
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201);
    let deployment = |name: &str, limit: Value| {
        let new = json!({ "name": name, "flow_id": flow["id"], "work_pool_name": "p", "concurrency_limit": limit });
        api.post("/deployments/", &new).expect(201)["id"].as_str().expect("an id").to_owned()
    };
    let (full, free) = (deployment("full", json!(1)), deployment("free", Value::Null));
    let one_of =
        |deployment: &str| api.post(&format!("/deployments/{deployment}/create_flow_run"), &json!({})).expect(201);
    let first = one_of(&full);
    let path = format!("/flow_runs/{}/set_state", first["id"].as_str().expect("an id"));
    assert_eq!(api.post(&path, &json!({ "state": { "type": "PENDING" } })).expect(201)["status"], "ACCEPT");
    for _ in 0..5 {
        let many: Vec<Value> = (0..50).map(|_| json!({})).collect();
        api.post(&format!("/deployments/{full}/create_flow_run/bulk"), &json!(many)).expect(200);
    }
    let behind = one_of(&free);
    let due = || {
        let poll = json!({ "scheduled_before": "2100-01-01T00:00:00Z" });
        api.post("/work_pools/p/get_scheduled_flow_runs", &poll).expect(200).as_array().cloned().unwrap_or_default()
    };
    let found: Vec<Value> = due().iter().map(|run| run["flow_run"]["id"].clone()).collect();
    assert_eq!(found, [behind["id"].clone()]);
    // The slot is free: now they may begin.
    api.post(&path, &json!({ "state": { "type": "COMPLETED" } })).expect(201);
    assert_eq!(due().len(), 200);
}

#[test]
fn runs_of_a_paused_queue_hold_their_slots_of_the_pool() {
    let api = Tenant::fresh().api();
    api.post("/work_pools/", &json!({ "name": "p", "type": "process", "concurrency_limit": 1 })).expect(201);
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201);
    let run = |queue: &str| {
        api.post("/work_pools/p/queues", &json!({ "name": queue })).expect(201);
        let body = json!({ "name": queue, "flow_id": flow["id"], "work_pool_name": "p", "work_queue_name": queue });
        let deployment = api.post("/deployments/", &body).expect(201)["id"].as_str().expect("an id").to_owned();
        let made = api.post(&format!("/deployments/{deployment}/create_flow_run"), &json!({})).expect(201);
        made["id"].as_str().expect("an id").to_owned()
    };
    let (runs, waits) = (run("a"), run("b"));
    let polled = || api.post("/work_pools/p/get_scheduled_flow_runs", &json!({})).expect(200);
    api.post(&format!("/flow_runs/{runs}/set_state"), &json!({ "state": { "type": "PENDING" } })).expect(201);
    assert_eq!(polled(), json!([]));
    api.patch("/work_pools/p/queues/a", &json!({ "is_paused": true })).expect(204);
    assert_eq!(polled(), json!([]), "one runs on");
    let why = api.get(&format!("/flow_runs/{waits}/why")).expect(200);
    assert!(why.to_string().contains(&runs), "{why}");
    api.post(&format!("/flow_runs/{runs}/set_state"), &json!({ "state": { "type": "COMPLETED" } })).expect(201);
    assert_eq!(polled()[0]["flow_run"]["id"], waits.as_str());
}
