//! What the API says of a flow run's task runs.

use serde_json::{Value, json};
use tests::Tenant;
use uuid::Uuid;

use crate::story::FLOW_RUN;

const STATE_TYPES: [&str; 7] = ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"];
/// When a row was written, and what grows with the clock.
const VOLATILE: [&str; 6] = [
    "created",
    "updated",
    "estimated_run_time",
    "estimated_start_time_delta",
    "sum_estimated_run_time",
    "sum_estimated_lateness",
];

/// Each question with its answer, the same in two workspaces when the same has happened.
pub fn seen(tenant: &Tenant, flow_run: &str, runs: &[Uuid]) -> Vec<(String, String)> {
    let api = tenant.api();
    let of_flow_run = json!({"flow_run_id": {"any_": [flow_run]}});
    let list = json!({"task_runs": of_flow_run, "sort": "ID_DESC"});
    let mut seen = vec![("the runs".to_owned(), api.post("/task_runs/filter", &list).expect(200))];
    for run in runs {
        seen.push((format!("run {run}"), api.get(&format!("/task_runs/{run}")).expect(200)));
        let states = api.get(&format!("/task_run_states/?task_run_id={run}")).expect(200);
        let mut states = states.as_array().expect("a list").clone();
        // Those of one moment have no order.
        states.sort_by_key(|state| state["id"].to_string());
        seen.push((format!("states of {run}"), Value::Array(states)));
    }
    for kind in STATE_TYPES {
        let filter = json!({"task_runs": {"flow_run_id": {"any_": [flow_run]}, "state": {"type": {"any_": [kind]}}}});
        seen.push((format!("how many are {kind}"), api.post("/task_runs/count", &filter).expect(200)));
    }
    let history = json!({
        "history_start": "2024-03-01T00:00:00Z", "history_end": "2024-03-01T00:01:00Z", "history_interval_seconds": 1,
        "task_runs": of_flow_run,
    });
    seen.push(("history".into(), api.post("/task_runs/history", &history).expect(200)));
    // The rest of the graph is the flow run's own.
    let graph = api.get(&format!("/flow_runs/{flow_run}/graph-v2")).expect(200);
    seen.push(("nodes of the graph".into(), graph["nodes"].clone()));
    let text = |(what, mut answer): (String, Value)| {
        still(&mut answer);
        (what, answer.to_string().replace(flow_run, FLOW_RUN))
    };
    seen.into_iter().map(text).collect()
}

fn still(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !VOLATILE.contains(&name.as_str()));
            fields.values_mut().for_each(still);
        }
        Value::Array(items) => items.iter_mut().for_each(still),
        _ => {}
    }
}
