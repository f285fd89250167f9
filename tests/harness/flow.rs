//! A flow with mapped tasks, retries, a failing task, a cached task, a subflow, logs, a pause with input: run by the SDK,
//! and what the server then knows of it.

use serde_json::{Value, json};

use crate::client::Client;
use crate::tenant::Tenant;
use crate::wait::eventually;

const FLOW: &str = include_str!("flow.py");

/// Runs it with that client, and looks at what the workspace knows of it. The whole of it must be there.
#[track_caller]
pub fn runs_whole(tenant: &Tenant, client: Client) {
    let out = client.python(FLOW).expect_success();
    let run_id = out.lines().find_map(|line| line.strip_prefix("RUN ")).expect("the script prints its run").to_owned();
    let api = tenant.api();

    let run = api.get(&format!("/flow_runs/{run_id}")).expect(200);
    assert_eq!(run["state_type"], "COMPLETED", "{run}");
    assert_eq!(run["run_count"], 1);

    // Task runs come by events; the client has flushed its socket at its end, and a pong means committed.
    let of_run = json!({"flow_runs": {"id": {"any_": [run_id]}}, "limit": 200});
    let tasks = eventually("every task run", || {
        let tasks = api.post("/task_runs/filter", &of_run).expect(200);
        match tasks.as_array().map_or(0, Vec::len) {
            105 => Ok(tasks),
            found => Err(format!("{found} of 105 task runs")),
        }
    });
    let count = |name: &str, state: &str| {
        let named = |t: &&Value| t["name"].as_str().unwrap_or_default().starts_with(name) && t["state_name"] == state;
        tasks.as_array().into_iter().flatten().filter(named).count()
    };
    assert_eq!(count("square", "Completed"), 100, "{tasks}");
    assert_eq!(count("flaky", "Completed"), 1);
    assert_eq!(count("broken", "Failed"), 1);
    assert_eq!((count("cached", "Completed"), count("cached", "Cached")), (1, 1));
    assert_eq!(count("child", "Completed"), 1);
    let flaky =
        tasks.as_array().into_iter().flatten().find(|t| t["name"].as_str().unwrap_or_default().starts_with("flaky"));
    assert_eq!(flaky.map(|t| t["run_count"].clone()), Some(json!(3)), "each retry counts");

    let states = api.get(&format!("/flow_run_states/?flow_run_id={run_id}")).expect(200);
    let names: Vec<&str> = states.as_array().into_iter().flatten().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(names, ["Pending", "Running", "Completed"]);

    let logs = api.post("/logs/filter", &json!({"logs": {"flow_run_id": {"any_": [run_id]}}})).expect(200);
    let said = |text: &str| logs.as_array().into_iter().flatten().any(|log| log["message"] == text);
    assert!(said("hello from the parent") && said("printed"), "{logs}");

    for (flow, state, count) in [("child", "COMPLETED", 1), ("retried", "COMPLETED", 2), ("paused", "COMPLETED", 2)] {
        let filter = json!({"flows": {"name": {"any_": [flow]}}});
        let runs = api.post("/flow_runs/filter", &filter).expect(200);
        assert_eq!(
            (runs[0]["state_type"].as_str(), runs[0]["run_count"].as_i64()),
            (Some(state), Some(count)),
            "{flow}: {runs}"
        );
    }
}
