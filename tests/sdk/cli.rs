//! The commands that look at and change runs: `prefect flow-run ls / inspect / logs / cancel / delete`.

use serde_json::json;
use tests::{Client, Tenant};

#[test]
fn flow_run_commands() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    let script = "from prefect import flow\n@flow(name='hello', flow_run_name='first-run', log_prints=True)\ndef f(): print('a line to read back')\nf()\n";
    client.python(script).expect_success();

    let api = tenant.api();
    let runs = api.post("/flow_runs/filter", &json!({})).expect(200);
    let id = runs[0]["id"].as_str().expect("a run").to_owned();

    assert!(client.prefect(&["flow-run", "ls"]).expect_success().contains("first-run"));
    assert!(client.prefect(&["flow-run", "inspect", &id]).expect_success().contains("first-run"));
    assert!(client.prefect(&["flow-run", "logs", &id]).expect_success().contains("a line to read back"));
    assert!(client.prefect(&["flow", "ls"]).expect_success().contains("hello"));

    // A run that ended cannot be cancelled; one that waits can.
    let waiting =
        api.post("/flow_runs/", &json!({"flow_id": runs[0]["flow_id"], "state": {"type": "SCHEDULED"}})).expect(201);
    let waiting = waiting["id"].as_str().expect("a run").to_owned();
    client.prefect(&["flow-run", "cancel", &waiting]).expect_success();
    let state = api.get(&format!("/flow_runs/{waiting}")).expect(200)["state_type"].clone();
    assert!(state == "CANCELLED" || state == "CANCELLING", "{state}");

    client.prefect(&["flow-run", "delete", &id]).expect_success();
    api.get(&format!("/flow_runs/{id}")).expect(404);
}
