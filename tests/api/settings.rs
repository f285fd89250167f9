//! What an operator sets of the rules and of the scheduler is what runs see.

use serde_json::{Value, json};
use tests::{Api, Server, Tenant, eventually};

fn server() -> Server {
    let settings = [
        ("PREFECTURE_SLOT_WAIT", "0s"),
        ("PREFECTURE_DEPLOYMENT_SLOT_WAIT", "3000s"),
        ("PREFECTURE_DEPLOYMENT_LEASE", "1h"),
        ("PREFECTURE_CANCELLING_TIMEOUT", "5s"),
        ("PREFECTURE_SCHEDULE_MIN_RUNS", "7"),
        ("PREFECTURE_SCHEDULE_MIN_TIME", "0s"),
    ];
    settings.iter().fold(Server::builder(), |builder, (name, value)| builder.env(name, value)).start()
}

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

fn deployment(api: &Api, more: Value) -> Value {
    let flow = api.post("/flows/", &json!({ "name": "f" })).body;
    let mut body = json!({ "name": "d", "flow_id": flow["id"] });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    api.post("/deployments/", &body).expect(201)
}

fn run(api: &Api, deployment: &Value) -> Value {
    let path = format!("/deployments/{}/create_flow_run", id(deployment));
    api.post(&path, &json!({ "state": { "type": "SCHEDULED" } })).expect(201)
}

fn enters(api: &Api, run: &Value, state: &str) -> Value {
    let path = format!("/flow_runs/{}/set_state", id(run));
    api.post(&path, &json!({ "state": { "type": state } })).expect(201)
}

/// Seconds since the beginning of 1970 of a time in an answer.
fn seconds(server: &Server, time: &Value) -> f64 {
    let time = time.as_str().expect("a time");
    let read = server.database().sql(&format!("select extract(epoch from '{time}'::timestamptz)"));
    read.trim().parse().expect("a number")
}

#[test]
fn waits_and_leases_are_as_long_as_they_are_set() {
    let server = server();
    let api = Tenant::on(&server).api();

    let limited = deployment(&api, json!({ "concurrency_limit": 1 }));
    let first = run(&api, &limited);
    enters(&api, &first, "PENDING");
    let put_off = enters(&api, &run(&api, &limited), "PENDING");
    assert_eq!(put_off["state"]["name"], "AwaitingConcurrencySlot", "{put_off}");
    let wait = seconds(&server, &put_off["state"]["state_details"]["scheduled_time"]) - tests::now() as f64;
    assert!((2000.0..=3001.0).contains(&wait), "put off by {wait} s");

    // Nobody renews the slot of a run that has not come up; there is an hour for it.
    let limit = limited["global_concurrency_limit"]["id"].as_str().expect("a limit");
    assert_eq!(api.get(&format!("/v2/concurrency_limits/{limit}")).expect(200)["active_slots"], 1);

    api.post("/v2/concurrency_limits/", &json!({ "name": "one", "limit": 1, "active_slots": 1 })).expect(201);
    let refused = api.post("/v2/concurrency_limits/increment", &json!({ "names": ["one"], "slots": 1 }));
    assert_eq!((refused.status, refused.header("retry-after")), (423, Some("0")), "{}", refused.body);
}

#[test]
fn a_run_that_does_not_cancel_itself_is_cancelled_in_the_time_that_is_set() {
    let server = server();
    let api = Tenant::on(&server).api();
    let stuck = run(&api, &deployment(&api, json!({})));
    for state in ["PENDING", "RUNNING", "CANCELLING"] {
        enters(&api, &stuck, state);
    }
    eventually("it is cancelled", || {
        let run = api.get(&format!("/flow_runs/{}", id(&stuck))).expect(200);
        if run["state_type"] == "CANCELLED" { Ok(()) } else { Err(run["state_type"].clone()) }
    });
}

#[test]
fn as_many_runs_are_made_ahead_as_are_set() {
    let server = server();
    let api = Tenant::on(&server).api();
    deployment(&api, json!({ "schedules": [{ "schedule": { "interval": 86400 } }] }));
    let scheduled = json!({ "flow_runs": { "state": { "type": { "any_": ["SCHEDULED"] } } } });
    eventually("seven runs", || match api.post("/flow_runs/count", &scheduled).expect(200) {
        count if count == json!(7) => Ok(()),
        count => Err(count),
    });
}
