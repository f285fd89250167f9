//! The concurrency limit of a deployment: what becomes of a run beyond it (CANCEL_NEW).

use serde_json::{Value, json};
use tests::{Api, Client, Tenant, eventually};

/// Writes down that it runs while it does, and ends when there is a file `go`.
const WORK: &str = r#"
import os, pathlib, time, uuid
from prefect import flow

@flow
def work():
    held = pathlib.Path.home() / "held"
    held.mkdir(exist_ok=True)
    mine = held / uuid.uuid4().hex
    mine.touch()
    assert len(os.listdir(held)) <= 1, "two run at once"
    while not (pathlib.Path.home() / "go").exists():
        time.sleep(0.1)
    mine.unlink()
"#;

const SERVE: &str = r#"
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from work import work

if __name__ == "__main__":
    work.serve(name="limited", global_limit=ConcurrencyLimitConfig(
        limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW))
"#;

fn deployment(api: &Api) -> Value {
    eventually("it is deployed", || match api.get("/deployments/name/work/limited") {
        answer if answer.status == 200 => Ok(answer.body),
        answer => Err(answer.body),
    })
}

/// A new run; its id.
fn run(api: &Api, deployment: &Value) -> String {
    let path = format!("/deployments/{}/create_flow_run", deployment["id"].as_str().expect("an id"));
    let run = api.post(&path, &json!({ "state": { "type": "SCHEDULED" } })).expect(201);
    run["id"].as_str().expect("an id").to_owned()
}

fn reaches(api: &Api, run: &str, state: &str) -> Value {
    eventually(&format!("the run is {state}"), || {
        let run = api.get(&format!("/flow_runs/{run}")).expect(200);
        if run["state_name"] == state { Ok(run) } else { Err(run["state"].clone()) }
    })
}

fn slots(api: &Api, deployment: &Value) -> Value {
    let limit = deployment["global_concurrency_limit"]["id"].as_str().expect("a limit");
    api.get(&format!("/v2/concurrency_limits/{limit}")).expect(200)["active_slots"].clone()
}

#[test]
fn a_run_beyond_the_limit_is_cancelled() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant).env("PREFECT_RUNNER_POLL_FREQUENCY", "1");
    let api = tenant.api();
    client.write("work.py", WORK);
    client.write("serve.py", SERVE);
    let _served = client.start_python("serve", "import runpy; runpy.run_path('serve.py', run_name='__main__')");
    let deployment = deployment(&api);
    assert_eq!(deployment["concurrency_options"]["collision_strategy"], "CANCEL_NEW");
    let first = run(&api, &deployment);
    reaches(&api, &first, "Running");
    let second = run(&api, &deployment);
    reaches(&api, &second, "Cancelled");
    client.write("go", "");
    reaches(&api, &first, "Completed");
    assert_eq!(slots(&api, &deployment), json!(0));
    let third = run(&api, &deployment);
    reaches(&api, &third, "Completed");
}
