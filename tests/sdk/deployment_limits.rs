//! The concurrency limit of a deployment, with what becomes of a run beyond it: it waits (ENQUEUE), or is cancelled
//! (CANCEL_NEW).

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

const DEPLOY: &str = r#"
from pathlib import Path
from prefect import flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy

flow.from_source(source=str(Path.cwd()), entrypoint="work.py:work").deploy(
    name="limited", work_pool_name="mine", print_next_steps=False,
    concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE))
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
fn runs_beyond_the_limit_wait_for_their_turn() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant).env("PREFECT_WORKER_QUERY_SECONDS", "1");
    let api = tenant.api();
    client.write("work.py", WORK);
    client.prefect(&["work-pool", "create", "mine", "--type", "process"]).expect_success();
    client.python(DEPLOY).expect_success();
    let deployment = deployment(&api);
    assert_eq!(deployment["concurrency_options"]["collision_strategy"], "ENQUEUE");
    let _worker = client.start("worker", &["worker", "start", "--pool", "mine"]);
    let first = run(&api, &deployment);
    reaches(&api, &first, "Running");
    let more: Vec<String> = (0..2).map(|_| run(&api, &deployment)).collect();
    // A worker is not told of them before a slot is free: 15 seconds later they are late, and wait still.
    for waiting in &more {
        reaches(&api, waiting, "Late");
    }
    assert_eq!(slots(&api, &deployment), json!(1));
    client.write("go", "");
    for run in more.iter().chain([&first]) {
        reaches(&api, run, "Completed");
    }
    assert_eq!(slots(&api, &deployment), json!(0), "all was given back");
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
