//! PrefectHQ/prefect 17818.

use serde_json::{Value, json};
use tests::{Api, Server, Tenant};
use uuid::Uuid;

use super::recorder::{events_of, tell};

const FLOWS: usize = 150;
const TASKS: usize = 4;

/// A flow with some tasks, from its creation to its end; each thing is looked for as soon as it is acknowledged.
fn flow_runs(tenant: &Tenant, flow: &str) {
    let api = tenant.api();
    let run = api.post("/flow_runs/", &json!({"flow_id": flow, "state": {"type": "PENDING"}})).expect(201);
    let run = run["id"].as_str().expect("an id");
    enters(&api, run, "RUNNING");
    assert_eq!(shown(&api, run), "RUNNING");
    for _ in 0..TASKS {
        tell(tenant, &events_of(run, Uuid::new_v4()));
    }
    let ended = json!({"task_runs": {"flow_run_id": {"any_": [run]}, "state": {"type": {"any_": ["COMPLETED"]}}}});
    assert_eq!(api.post("/task_runs/count", &ended).expect(200), json!(TASKS));
    enters(&api, run, "COMPLETED");
    assert_eq!(shown(&api, run), "COMPLETED");
    let graph = api.get(&format!("/flow_runs/{run}/graph-v2")).expect(200);
    assert_eq!(graph["nodes"].as_array().map(Vec::len), Some(TASKS));
}

fn enters(api: &Api, run: &str, state: &str) {
    let answer = api.post(&format!("/flow_runs/{run}/set_state"), &json!({"state": {"type": state}})).expect(201);
    assert_eq!(answer["status"], "ACCEPT");
}

/// As the list of runs shows it, the newest first.
fn shown(api: &Api, run: &str) -> Value {
    let list = api.post("/flow_runs/filter", &json!({"sort": "START_TIME_DESC", "limit": 200})).expect(200);
    let found = list.as_array().expect("a list").iter().find(|one| one["id"] == run);
    found.unwrap_or_else(|| panic!("{run} is not in the list"))["state_type"].clone()
}

#[test]
fn of_150_flows_at_once_everything_is_shown_as_soon_as_it_is_so() {
    let server = Server::builder().start();
    let tenant = Tenant::on(&server);
    let flow = tenant.api().post("/flows/", &json!({"name": "f"})).expect(201);
    let flow = flow["id"].as_str().expect("an id");
    std::thread::scope(|scope| {
        for _ in 0..FLOWS {
            scope.spawn(|| flow_runs(&tenant, flow));
        }
    });
    let ended = json!({"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}});
    assert_eq!(tenant.api().post("/flow_runs/count", &ended).expect(200), json!(FLOWS));
}
