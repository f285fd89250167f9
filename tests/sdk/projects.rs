//! A project as a team runs it: deployed by `prefect deploy`, run by a process worker, its schedule paused and resumed, its
//! runs cancelled and retried from the command line.

use serde_json::{Value, json};
use tests::{Api, Client, Tenant, Terminal, eventually};

const PROJECT: &str = r#"
name: project
pull:
- prefect.deployments.steps.set_working_directory: {directory: "HOME"}
deployments:
- name: daily
  entrypoint: work.py:work
  parameters: {what: succeed}
  schedules:
  - {interval: 3600, slug: hourly}
  work_pool: {name: pool}
"#;

/// Fails until there is a file `mended`, or waits to be cancelled.
const WORK: &str = r#"
import pathlib, time
from prefect import flow

def on_cancellation(flow, flow_run, state):
    (pathlib.Path.home() / "cancelled").write_text(str(flow_run.id))

@flow(log_prints=True, on_cancellation=[on_cancellation])
def work(what: str):
    print("to", what)
    if what == "wait":
        time.sleep(600)
    if what == "fail":
        assert (pathlib.Path.home() / "mended").exists(), "not yet"
"#;

/// Makes a run by `prefect deployment run`; its id.
fn run(terminal: &Terminal, deployment: &str, what: &str) -> String {
    let said = terminal.done(&["deployment", "run", deployment, "--param", &format!("what={what}")]);
    let id = said.lines().find_map(|line| line.trim().strip_prefix("└── UUID: "));
    id.unwrap_or_else(|| panic!("no run is named: {said}")).to_owned()
}

fn reaches(api: &Api, run: &str, state: &str) -> Value {
    eventually(&format!("the run is {state}"), || {
        let run = api.get(&format!("/flow_runs/{run}")).expect(200);
        if run["state_type"] == state { Ok(run) } else { Err(run["state"].clone()) }
    })
}

/// Cancels a run while it runs, and retries one that failed.
fn cancelled_and_retried(client: &Client, terminal: &Terminal, api: &Api, deployment: &str) {
    let waiting = run(terminal, deployment, "wait");
    reaches(api, &waiting, "RUNNING");
    assert!(terminal.done(&["flow-run", "cancel", &waiting]).contains("scheduled for cancellation"));
    reaches(api, &waiting, "CANCELLED");
    let hook = client.home().path().join("cancelled");
    eventually("the flow's hook has run", || match std::fs::read_to_string(&hook) {
        Ok(text) if text == waiting => Ok(()),
        other => Err(other),
    });

    let failing = run(terminal, deployment, "fail");
    reaches(api, &failing, "FAILED");
    client.write("mended", "");
    assert!(terminal.done(&["flow-run", "retry", &failing]).contains("scheduled for retry"));
    let retried = reaches(api, &failing, "COMPLETED");
    assert_eq!(retried["run_count"], 2, "{retried}");
    let states = api.get(&format!("/flow_run_states/?flow_run_id={failing}")).expect(200);
    let messages: Vec<&str> = states.as_array().into_iter().flatten().filter_map(|s| s["message"].as_str()).collect();
    assert!(messages.contains(&"Retried via CLI"), "{states}");
}

/// Runs that its schedule made ahead.
fn ahead(api: &Api) -> Value {
    let scheduled = json!({ "flow_runs": { "state": { "type": { "any_": ["SCHEDULED"] } } } });
    api.post("/flow_runs/count", &scheduled).expect(200)
}

/// Pauses the one schedule of a deployment, and resumes it.
fn schedule_paused_and_resumed(terminal: &Terminal, api: &Api, deployment: &str) {
    let some = || if ahead(api) == json!(0) { Err("no run is made ahead") } else { Ok(()) };
    eventually("runs are made ahead", some);
    let schedules = terminal.json(&["deployment", "schedule", "ls", deployment]);
    let id = schedules[0]["id"].as_str().expect("an id");
    terminal.done(&["deployment", "schedule", "pause", deployment, id]);
    assert_eq!(ahead(api), json!(0), "with the schedule its runs go");
    terminal.refused(&["deployment", "schedule", "pause", deployment, id], "already inactive");
    terminal.done(&["deployment", "schedule", "resume", deployment, id]);
    eventually("runs are made ahead again", some);
}

#[test]
fn a_project_is_deployed_run_paused_cancelled_and_retried() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant).env("PREFECT_WORKER_QUERY_SECONDS", "1");
    let (terminal, api) = (client.terminal(), tenant.api());
    client.write("prefect.yaml", &PROJECT.replace("HOME", &client.home().path().display().to_string()));
    client.write("work.py", WORK);
    terminal.done(&["work-pool", "create", "pool", "--type", "process"]);
    client.prefect(&["deploy", "--all"]).expect_success();
    schedule_paused_and_resumed(&terminal, &api, "work/daily");

    let _worker = client.start("worker", &["worker", "start", "--pool", "pool"]);
    let watched = ["deployment", "run", "work/daily", "--watch", "--watch-timeout", "120"];
    let said = client.prefect(&watched).expect_success();
    assert!(said.contains("finished successfully"), "{said}");
    cancelled_and_retried(&client, &terminal, &api, "work/daily");
}

const SERVE: &str = r#"
from datetime import timedelta
from work import work

if __name__ == "__main__":
    work.serve(name="served", interval=timedelta(hours=1), parameters={"what": "succeed"})
"#;

#[test]
fn a_served_flow_with_a_schedule_is_run_paused_cancelled_and_retried() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant).env("PREFECT_RUNNER_POLL_FREQUENCY", "1");
    let (terminal, api) = (client.terminal(), tenant.api());
    client.write("work.py", WORK);
    client.write("serve.py", SERVE);
    let mut served = client.start_python("serve", "import runpy; runpy.run_path('serve.py', run_name='__main__')");
    eventually("it is served", || match api.get("/deployments/name/work/served").status {
        200 => Ok(()),
        status => Err(status),
    });
    schedule_paused_and_resumed(&terminal, &api, "work/served");
    cancelled_and_retried(&client, &terminal, &api, "work/served");
    served.signal("TERM");
    served.wait();
    let deployment = api.get("/deployments/name/work/served").expect(200);
    assert_eq!((&deployment["paused"], ahead(&api)), (&json!(true), json!(0)), "{deployment}");
}
