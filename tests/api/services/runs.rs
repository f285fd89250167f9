//! Flow runs that nobody looks after.

use serde_json::{Value, json};
use tests::Tenant;

use super::ground::{at, becomes, flow, id, in_state, quick, run};

#[test]
fn a_run_that_waits_too_long_is_late_once() {
    let api = Tenant::on(quick()).api();
    let flow = flow(&api);
    let due = at(1);
    let scheduled = |at: &Value| json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}});
    let waits = run(&api, &flow, scheduled(&due));
    let later = run(&api, &flow, scheduled(&at(600)));
    let begun = run(&api, &flow, scheduled(&due));
    api.post(&format!("/flow_runs/{begun}/set_state"), &json!({"state": {"type": "PENDING"}})).expect(201);

    let expected = api.get(&format!("/flow_runs/{waits}")).expect(200)["expected_start_time"].clone();
    let state = becomes(&api, &format!("/flow_runs/{waits}"), "Late");
    assert_eq!((&state["type"], &state["state_details"]["scheduled_time"]), (&json!("SCHEDULED"), &expected));
    let states = api.get(&format!("/flow_run_states/?flow_run_id={waits}")).expect(200);
    assert_eq!(states.as_array().map(Vec::len), Some(2), "{states}");
    assert_eq!(api.get(&format!("/flow_runs/{later}")).expect(200)["state_name"], "Scheduled");
    assert_eq!(api.get(&format!("/flow_runs/{begun}")).expect(200)["state_name"], "Pending");
    // It may begin all the same.
    api.post(&format!("/flow_runs/{waits}/set_state"), &json!({"state": {"type": "PENDING"}})).expect(201);
}

/// Where a deployment's limit is full and its answer to that is to cancel, what waited too long does not become late.
#[test]
fn a_late_run_of_a_full_deployment_that_cancels_new_ones_is_cancelled() {
    let api = Tenant::on(quick()).api();
    let flow = flow(&api);
    let deployment = json!({"name": "d", "flow_id": flow, "concurrency_limit": 1,
        "concurrency_options": {"collision_strategy": "CANCEL_NEW"}});
    let deployment = id(&api.post("/deployments/", &deployment).expect(201));
    let made = |due: i64| {
        let body = json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at(due)}}});
        id(&api.post(&format!("/deployments/{deployment}/create_flow_run"), &body).expect(201))
    };
    let first = made(600);
    // A run is taken before its time and holds its slot meanwhile.
    api.post(&format!("/flow_runs/{first}/set_state"), &json!({"state": {"type": "PENDING"}})).expect(201);
    let second = made(0);
    let state = becomes(&api, &format!("/flow_runs/{second}"), "Cancelled");
    assert_eq!(
        (&state["type"], &state["message"]),
        (&json!("CANCELLED"), &json!("Deployment concurrency limit reached."))
    );
    let states = api.get(&format!("/flow_run_states/?flow_run_id={second}")).expect(200);
    let names: Vec<&Value> = states.as_array().expect("a list").iter().map(|state| &state["name"]).collect();
    assert!(!names.contains(&&json!("Late")), "{names:?}");

    // With a slot free the next one is late, as any run.
    api.post(&format!("/flow_runs/{first}/set_state"), &json!({"state": {"type": "CANCELLED"}})).expect(201);
    becomes(&api, &format!("/flow_runs/{}", made(0)), "Late");
}

#[test]
fn a_pause_that_nobody_ends_fails_and_one_that_somebody_ended_does_not() {
    let api = Tenant::on(quick()).api();
    let flow = flow(&api);
    let pause = json!({"state": {"type": "PAUSED", "state_details": {"pause_timeout": at(2)}}});
    let (left, resumed) = (run(&api, &flow, in_state("RUNNING")), run(&api, &flow, in_state("RUNNING")));
    for paused in [&left, &resumed] {
        api.post(&format!("/flow_runs/{paused}/set_state"), &pause).expect(201);
    }
    api.post(&format!("/flow_runs/{resumed}/resume"), &json!({})).expect(201);
    let state = becomes(&api, &format!("/flow_runs/{left}"), "Failed");
    assert_eq!(state["message"], "The flow was paused and never resumed.");
    assert_eq!(api.get(&format!("/flow_runs/{resumed}")).expect(200)["state_type"], "RUNNING");
}

#[test]
fn a_cancellation_that_nobody_carries_out_is_carried_out() {
    let server = quick();
    let tenant = Tenant::on(server);
    let api = tenant.api();
    let flow = flow(&api);
    let hangs = run(&api, &flow, in_state("RUNNING"));
    api.patch(&format!("/flow_runs/{hangs}"), &json!({"infrastructure_pid": "1"})).expect(204);
    api.post(&format!("/flow_runs/{hangs}/set_state"), &json!({"state": {"type": "CANCELLING"}})).expect(201);
    assert_eq!(api.get(&format!("/flow_runs/{hangs}")).expect(200)["state_type"], "CANCELLING");
    // As if five minutes had gone by.
    let schema = tests::truth::schema_of(server, &tenant);
    server.database().sql(&format!("update {schema}.flow_run set state_due = now() where id = '{hangs}'"));
    server.database().sql("update cell.tick set due = now()");
    let state = becomes(&api, &format!("/flow_runs/{hangs}"), "Cancelled");
    assert_eq!(state["message"], "Flow run cancellation timed out; marked this flow run as Cancelled.");
}

/// By request, one may have children that never ran itself.
#[test]
fn so_are_the_children_of_one_that_never_ran() {
    let api = Tenant::on(quick()).api();
    let flow = flow(&api);
    for began in ["SCHEDULED", "PENDING"] {
        let parent = run(&api, &flow, in_state(began));
        let task = json!({"flow_run_id": parent, "task_key": "t", "dynamic_key": "0", "state": {"type": "RUNNING"}});
        let task = id(&api.post("/task_runs/", &task).expect(201));
        api.post(&format!("/flow_runs/{parent}/set_state"), &json!({"state": {"type": "CANCELLED"}})).expect(201);
        becomes(&api, &format!("/task_runs/{task}"), "Cancelled");
    }
}

#[test]
fn the_children_of_a_cancelled_run_are_cancelled_with_it() {
    let api = Tenant::on(quick()).api();
    let flow = flow(&api);
    let parent = run(&api, &flow, in_state("RUNNING"));
    let task = |key: &str, state: &str| {
        let body = json!({"flow_run_id": parent, "task_key": key, "dynamic_key": "0", "state": {"type": state}});
        id(&api.post("/task_runs/", &body).expect(201))
    };
    let (runs, done, stands) = (task("a", "RUNNING"), task("b", "COMPLETED"), task("c", "RUNNING"));
    let subflow = run(&api, &flow, json!({"parent_task_run_id": stands, "state": {"type": "RUNNING"}}));
    let inner = json!({"flow_run_id": subflow, "task_key": "d", "dynamic_key": "0", "state": {"type": "RUNNING"}});
    let inner = id(&api.post("/task_runs/", &inner).expect(201));
    let other = run(&api, &flow, in_state("RUNNING"));

    api.post(&format!("/flow_runs/{parent}/set_state"), &json!({"state": {"type": "CANCELLED"}})).expect(201);
    for path in [
        format!("/task_runs/{runs}"),
        format!("/task_runs/{stands}"),
        format!("/flow_runs/{subflow}"),
        // And theirs.
        format!("/task_runs/{inner}"),
    ] {
        let state = becomes(&api, &path, "Cancelled");
        assert_eq!(state["message"], "The parent flow run was cancelled.", "{path}");
    }
    assert_eq!(api.get(&format!("/task_runs/{done}")).expect(200)["state_type"], "COMPLETED");
    assert_eq!(api.get(&format!("/flow_runs/{other}")).expect(200)["state_type"], "RUNNING");
}

#[test]
fn what_services_do_is_counted() {
    let server = quick();
    let api = Tenant::on(server).api();
    let flow = flow(&api);
    let due = json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at(-60)}}});
    let late = run(&api, &flow, due);
    becomes(&api, &format!("/flow_runs/{late}"), "Late");
    let metrics = tests::Api::new(&server.metrics_url(), None).get("").body;
    let metrics = metrics.as_str().expect("text");
    let value = |name: &str| -> f64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {metrics}"));
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
    };
    assert!(value("prefecture_service_done_total{service=\"late_runs\"}") >= 1.0);
    assert!(value("prefecture_service_lag_seconds_count{service=\"late_runs\"}") >= 1.0);
    assert_eq!(value("prefecture_service_failures_total{service=\"late_runs\"}"), 0.0);
}
