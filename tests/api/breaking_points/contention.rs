//! PrefectHQ/prefect 19027.

use serde_json::{Value, json};
use tests::{Server, Tenant};
use uuid::Uuid;

const CALLERS: usize = 32;

/// Callers over two replicas propose a state of one run at once; what each was told.
fn at_once(tenants: &[Tenant; 2], run: &str, state: &Value) -> Vec<(u16, String)> {
    std::thread::scope(|scope| {
        let propose = |nth: usize| {
            let path = format!("/flow_runs/{run}/set_state");
            let answer = tenants[nth % 2].api().post(&path, &json!({"state": state}));
            (answer.status, answer.body["status"].as_str().unwrap_or_default().to_owned())
        };
        let all: Vec<_> = (0..CALLERS).map(|nth| scope.spawn(move || propose(nth))).collect();
        all.into_iter().map(|one| one.join().expect("it is answered")).collect()
    })
}

#[test]
fn of_32_callers_on_one_run_one_is_accepted_and_none_fails() {
    let first = Server::builder().start();
    let second = Server::builder().database(first.database()).start();
    let tenant = Tenant::on(&first);
    let tenants = [tenant.clone(), tenant.at(&second)];
    let api = tenant.api();
    let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
    let run = api.post("/flow_runs/", &json!({"flow_id": flow["id"], "state": {"type": "SCHEDULED"}})).expect(201);
    let run = run["id"].as_str().expect("an id");
    // As workers do that found the same run; then as one does that repeats what was not answered.
    let repeated = json!({"type": "RUNNING", "state_details": {"transition_id": Uuid::new_v4()}});
    for (state, refusal) in [(json!({"type": "PENDING"}), "ABORT"), (repeated, "REJECT")] {
        let answers = at_once(&tenants, run, &state);
        let told = |what: &str| answers.iter().filter(|(_, status)| status == what).count();
        assert_eq!((told("ACCEPT"), told(refusal)), (1, CALLERS - 1), "{answers:?}");
        assert!(answers.iter().all(|(status, _)| matches!(status, 200 | 201)), "{answers:?}");
    }
    let states = api.get(&format!("/flow_run_states/?flow_run_id={run}")).expect(200);
    let types: Vec<&Value> = states.as_array().expect("a list").iter().map(|state| &state["type"]).collect();
    assert_eq!(types, ["SCHEDULED", "PENDING", "RUNNING"]);
    assert_eq!(api.get(&format!("/flow_runs/{run}")).expect(200)["run_count"], 1);
}
