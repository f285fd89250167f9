//! What tells of another resource than it is about, a filter, a parameter, a part of an answer, is for those who may see
//! that resource.

use serde_json::json;
use tests::{Incoming, Tenant};

/// A list, and a filter in it for a resource that another scope is for.
const ASKED: [(&str, &str, &str, &str); 11] = [
    ("see_artifacts", "/artifacts/filter", "flows", "see_flows"),
    ("see_artifacts", "/artifacts/count", "flow_runs", "see_flows"),
    ("see_artifacts", "/artifacts/latest/filter", "task_runs", "see_flows"),
    ("see_artifacts", "/artifacts/latest/count", "deployments", "see_deployments"),
    ("see_flows", "/flows/filter", "deployments", "see_deployments"),
    ("see_flows", "/flow_runs/count", "work_pool_queues", "see_work_queues"),
    ("see_flows", "/flow_runs/filter", "work_pools", "see_work_pools"),
    ("see_flows", "/task_runs/filter", "deployments", "see_deployments"),
    ("see_deployments", "/deployments/filter", "flows", "see_flows"),
    ("see_flows", "/ui/flow_runs/history", "work_pools", "see_work_pools"),
    ("see_flows", "/ui/task_runs/count", "deployments", "see_deployments"),
];

#[test]
fn a_filter_is_for_those_who_see_what_it_is_about() {
    let tenant = Tenant::fresh();
    for (own, path, filter, lacks) in ASKED {
        let role = |scopes: &[&str]| {
            let name = format!("{path} {filter} {}", scopes.len());
            tenant.account.api().post("/workspace_roles/", &json!({"name": name, "scopes": scopes})).expect(201);
            tenant.with_key(&tenant.bot(&name).key).api()
        };
        let asked = json!({filter: {}});
        let (one, both) = (role(&[own]), role(&[own, lacks]));
        assert_eq!(one.post(path, &json!({})).status, 200, "{path}");
        let refused = one.post(path, &asked);
        assert_eq!(refused.status, 403, "{path} {filter}: {}", refused.body);
        assert!(refused.body["detail"].as_str().is_some_and(|why| why.contains(lacks)), "{}", refused.body);
        assert_eq!(both.post(path, &asked).status, 200, "{path} {filter}");
    }
}

/// A role of these scopes alone.
fn role(tenant: &Tenant, scopes: &[&str]) -> tests::Tenant {
    let name = scopes.join(" ");
    tenant.account.api().post("/workspace_roles/", &json!({"name": name, "scopes": scopes})).expect(201);
    tenant.with_key(&tenant.bot(&name).key)
}

/// Values of variables come into parameters by their name, and out again in a run, or in the words of a refusal.
#[test]
fn variables_in_parameters_are_for_those_who_see_variables() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    api.post("/variables/", &json!({"name": "hidden", "value": "its-value"})).expect(201);
    let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
    let schema = json!({"type": "object", "properties": {"x": {"type": "integer"}}});
    let named = json!({"x": {"__prefect_kind": "workspace_variable", "variable_name": "hidden"}});
    let body = json!({"name": "d", "flow_id": flow["id"], "parameter_openapi_schema": schema});
    let deployment = api.post("/deployments/", &body).expect(201)["id"].as_str().expect("an id").to_owned();
    let (runs, writes) = (role(&tenant, &["run_deployments"]), role(&tenant, &["write_deployments"]));
    let resumes = role(&tenant, &["run_flows"]);
    let paused = json!({"flow_id": flow["id"], "state": {"type": "PAUSED"}});
    let paused = api.post("/flow_runs/", &paused).expect(201)["id"].as_str().expect("an id").to_owned();
    let mut with_both = body.clone();
    (with_both["name"], with_both["parameters"]) = (json!("e"), named.clone());
    let run = json!({"parameters": named, "enforce_parameter_schema": false});
    let create = format!("/deployments/{deployment}/create_flow_run");
    let made = json!({"__prefect_kind": "jinja", "template": "{{ 'hid' ~ 'den' }}"});
    let made = json!({"x": {"__prefect_kind": "workspace_variable", "variable_name": made}});
    let made = json!({"parameters": made, "enforce_parameter_schema": false});
    for refused in [
        runs.api().post(&create, &run),
        runs.api().post(&create, &made),
        runs.api().post(&format!("{create}/bulk"), &json!([run])),
        runs.api().post(&format!("{create}/bulk"), &json!([made])),
        writes.api().patch(
            &format!("/deployments/{deployment}"),
            &json!({"parameters": named, "enforce_parameter_schema": true}),
        ),
        writes.api().post("/deployments/", &with_both),
        resumes.api().post(&format!("/flow_runs/{paused}/resume"), &json!({"run_input": named})),
    ] {
        assert_eq!(refused.status, 403, "{}", refused.body);
        let detail = refused.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("see_variables") && !detail.contains("its-value"), "{}", refused.body);
    }
    let sees = role(&tenant, &["run_deployments", "see_variables"]);
    for run in [&run, &made] {
        assert_eq!(sees.api().post(&create, run).expect(201)["parameters"]["x"], "its-value");
    }
    // What its owner wrote into the deployment is for whoever runs it.
    api.patch(&format!("/deployments/{deployment}"), &json!({"parameters": named, "enforce_parameter_schema": false}))
        .expect(204);
    runs.api().post(&create, &json!({})).expect(201);
}

/// A graph shows artifacts, and the slots of a pool show runs.
#[test]
fn parts_of_answers_are_for_those_who_see_what_they_are_of() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
    let run = api.post("/flow_runs/", &json!({"flow_id": flow["id"], "state": {"type": "RUNNING"}})).expect(201);
    let run = run["id"].as_str().expect("an id");
    let task = json!({"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "state": {"type": "RUNNING"}});
    let task = api.post("/task_runs/", &task).expect(201);
    for task in [serde_json::Value::Null, task["id"].clone()] {
        let body = json!({"key": "k", "type": "progress", "data": 42, "flow_run_id": run, "task_run_id": task});
        api.post("/artifacts/", &body).expect(201);
    }
    let shows = |tenant: &Tenant| {
        let graph = tenant.api().get(&format!("/flow_runs/{run}/graph-v2")).expect(200);
        (graph["artifacts"].as_array().map(Vec::len), graph["nodes"][0][1]["artifacts"].as_array().map(Vec::len))
    };
    assert_eq!(shows(&role(&tenant, &["see_flows", "see_artifacts"])), (Some(1), Some(1)));
    assert_eq!(shows(&role(&tenant, &["see_flows"])), (Some(0), Some(0)));

    api.post("/work_pools/", &json!({"name": "p", "type": "process"})).expect(201);
    let body = json!({"name": "d", "flow_id": flow["id"], "work_pool_name": "p"});
    let deployment = api.post("/deployments/", &body).expect(201)["id"].as_str().expect("an id").to_owned();
    let made = api.post(&format!("/deployments/{deployment}/create_flow_run"), &json!({})).expect(201);
    let pending = json!({"state": {"type": "PENDING"}});
    api.post(&format!("/flow_runs/{}/set_state", made["id"].as_str().expect("an id")), &pending).expect(201);
    let queue = api.get("/work_pools/p").expect(200)["default_queue_id"].as_str().expect("an id").to_owned();
    let slots = |scopes: &[&str]| {
        let api = role(&tenant, scopes).api();
        let pool = api.post("/work_pools/p/concurrency_status", &json!({})).expect(200);
        let queue = api.post(&format!("/work_queues/{queue}/concurrency_status"), &json!({})).expect(200);
        assert_eq!((&pool["active_slots"], &queue["active_slots"]), (&json!(1), &json!(1)));
        let shown = |status: &serde_json::Value| status["flow_runs"].as_array().map(Vec::len);
        (shown(&pool["queues"][0]), shown(&queue))
    };
    assert_eq!(slots(&["see_work_pools", "see_work_queues", "see_flows"]), (Some(1), Some(1)));
    assert_eq!(slots(&["see_work_pools", "see_work_queues"]), (Some(0), Some(0)));
}

/// A worker's channel tells of its pool, and makes and changes it, for those who may do that by request.
#[test]
fn a_channel_gives_a_worker_no_more_than_its_scopes() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    api.post("/work_pools/", &json!({"name": "p", "type": "process"})).expect(201);
    let says = |tenant: &Tenant, pool: &str| {
        let hello = json!({
            "consumer_id": uuid::Uuid::new_v4(), "worker_name": "w", "worker_type": "process", "heartbeat_interval_seconds": 30,
            "supported_channel_versions": ["work_pool_worker_channel.v1"], "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1"],
            "create_pool_if_not_found": true,
            "default_base_job_template": {"job_configuration": {"a": "{{ a }}"}, "variables": {"properties": {"a": {}}}},
        });
        let mut socket = tenant.socket(&format!("/work_pools/{pool}/workers/connect"));
        socket.send(&json!({"type": "worker.hello.v1", "id": uuid::Uuid::new_v4(), "sent_at": "2030-01-01T00:00:00Z", "payload": hello}));
        socket.receive()
    };
    let unheard = |said: Incoming| assert!(matches!(&said, Incoming::Closed(Some((1008, _)))), "{said:?}");
    let template = || api.get("/work_pools/p").expect(200)["base_job_template"].clone();
    unheard(says(&role(&tenant, &["write_workers"]), "p"));
    let sees = role(&tenant, &["write_workers", "see_work_pools"]);
    unheard(says(&sees, "made"));
    assert_eq!(api.get("/work_pools/made").status, 404);
    assert!(matches!(says(&sees, "p"), Incoming::Json(ready) if ready["type"] == "worker.ready.v1"));
    assert_eq!(template(), json!({}));
    let writes = role(&tenant, &["write_workers", "write_work_pools"]);
    assert!(matches!(says(&writes, "made"), Incoming::Json(ready) if ready["type"] == "worker.ready.v1"));
    assert!(matches!(says(&writes, "p"), Incoming::Json(_)));
    assert_ne!(template(), json!({}));
}
