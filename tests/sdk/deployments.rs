//! Deployments through the SDK and the command line: a flow that is served, runs made by hand, `run_deployment`.

use tests::{Client, Tenant, eventually};

/// Serves `greet` in a process of its own, makes a run of it by hand and one by the SDK, and stops it as a user does.
const SERVED: &str = r#"
import os, pathlib, signal, subprocess, sys, time
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment

pathlib.Path("served.py").write_text('''
import signal
from prefect import flow

# Ignored by what a shell starts in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)

@flow(log_prints=True)
def greet(name: str = "world"):
    print(f"hello {name}")
    return name

if __name__ == "__main__":
    greet.serve(name="served", tags=["t"], parameters={"name": "everybody"}, description="greets", version="7")
''')
served = subprocess.Popen([sys.executable, "served.py"])
try:
    with get_client(sync_client=True) as client:
        for _ in range(300):
            try:
                deployment = client.read_deployment_by_name("greet/served")
                break
            except Exception:
                time.sleep(0.1)
        assert deployment.tags == ["t"] and deployment.version == "7" and deployment.description == "greets"
        made = client.create_flow_run_from_deployment(deployment.id, parameters={"name": "me"}, tags=["mine"])
        run = run_deployment("greet/served", timeout=120, poll_interval=0.5)
        assert run.state.is_completed(), run.state
        assert run.parameters == {"name": "everybody"}, run.parameters
        for _ in range(600):
            made = client.read_flow_run(made.id)
            if made.state.is_final():
                break
            time.sleep(0.1)
        assert made.state.is_completed(), made.state
        assert made.parameters == {"name": "me"} and sorted(made.tags) == ["mine", "t"], made
        assert made.deployment_version == "7"
finally:
    served.send_signal(signal.SIGINT)
    try:
        served.wait(60)
    finally:
        served.kill()
with get_client(sync_client=True) as client:
    assert client.read_deployment_by_name("greet/served").paused, "whoever stops serving pauses the deployment"
"#;

/// Serves a flow with that client, and runs it.
pub fn serves(client: Client) {
    client.env("PREFECT_RUNNER_POLL_FREQUENCY", "1").python(SERVED).expect_success();
}

#[test]
fn a_served_flow_runs_what_is_made_by_hand() {
    serves(Client::of(&Tenant::fresh()));
}

#[test]
fn deployment_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let terminal = client.terminal();
    let flow = api.post("/flows/", &serde_json::json!({ "name": "f" })).expect(201);
    let schema = serde_json::json!({ "type": "object", "properties": { "x": { "type": "integer", "title": "x" } } });
    let mut body = serde_json::json!({ "name": "d", "flow_id": flow["id"], "tags": ["t"], "description": "does it" });
    body["parameter_openapi_schema"] = schema;
    let deployment = api.post("/deployments/", &body).expect(201);
    assert!(terminal.done(&["deployment", "ls"]).contains("f/d"));
    assert!(terminal.done(&["deployment", "inspect", "f/d"]).contains("does it"));
    let run = ["deployment", "run", "f/d", "--param", "x=1", "--tag", "by-hand", "--job-variable", "a=b"];
    assert!(terminal.done(&run).contains("Created flow run"));
    terminal.refused(&["deployment", "run", "f/none"], "not found");
    terminal.refused(&["deployment", "run", "f/d", "--param", "y=1"], "not found on the deployment");
    let id = deployment["id"].as_str().expect("an id");
    let inspected = terminal.json(&["deployment", "inspect", "f/d"]);
    assert_eq!(
        (&inspected["id"], &inspected["automations"]),
        (&deployment["id"], &serde_json::json!([])),
        "{inspected}"
    );
    assert_eq!(terminal.json(&["deployment", "ls", "--flow-name", "f"])[0]["id"], deployment["id"]);
    let runs = api.post("/flow_runs/filter", &serde_json::json!({})).expect(200);
    assert_eq!((&runs[0]["deployment_id"], &runs[0]["parameters"]["x"]), (&deployment["id"], &serde_json::json!(1)));
    assert!(terminal.done(&["flow-run", "ls"]).contains("f"));
    let later = [
        "deployment",
        "run",
        "--id",
        id,
        "--params",
        r#"{"x": 2}"#,
        "--start-in",
        "2 hours",
        "--flow-run-name",
        "run-{x}",
    ];
    assert!(terminal.done(&later).contains("run-2"));
    terminal.done(&["--no-prompt", "deployment", "delete", "f/d"]);
    eventually("it is gone", || match api.get("/deployments/name/f/d").status {
        404 => Ok(()),
        status => Err(status.to_string()),
    });
}

const PROJECT: &str = r#"
name: project
deployments:
- name: from-yaml
  entrypoint: hello.py:hello
  description: says it
  version: "3"
  tags: [yaml]
  parameters: {name: you}
  concurrency_limit: {limit: 2, collision_strategy: CANCEL_NEW}
  schedules:
  - {cron: "0 4 * * *", timezone: Europe/Berlin, slug: nightly}
  work_pool: {name: pool, job_variables: {env: {A: "1"}}}
"#;

const HELLO: &str = r#"
from pathlib import Path
from prefect import flow

@flow(log_prints=True)
def hello(name: str = "world"):
    print(f"hello {name}")

if __name__ == "__main__":
    hello.from_source(source=str(Path(__file__).parent), entrypoint="hello.py:hello").deploy(
        name="from-python", work_pool_name="pool", build=False, tags=["python"], parameters={"name": "them"})
"#;

#[test]
fn a_project_is_deployed_to_a_pool() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let write = |name: &str, text: &str| std::fs::write(client.home().path().join(name), text).expect("a file");
    write("prefect.yaml", PROJECT);
    write("hello.py", HELLO);
    client.prefect(&["work-pool", "create", "pool", "--type", "process"]).expect_success();
    for version in ["3", "4"] {
        write("prefect.yaml", &PROJECT.replace("version: \"3\"", &format!("version: \"{version}\"")));
        client.prefect(&["--no-prompt", "deploy", "--all"]).expect_success();
        let deployment = api.get("/deployments/name/hello/from-yaml").expect(200);
        assert_eq!(deployment["version"], version);
        assert_eq!(
            (&deployment["work_pool_name"], &deployment["work_queue_name"]),
            (&"pool".into(), &"default".into())
        );
        assert_eq!(deployment["job_variables"]["env"]["A"], "1");
        assert_eq!(deployment["parameters"]["name"], "you");
        assert_eq!(deployment["concurrency_options"]["collision_strategy"], "CANCEL_NEW");
        assert_eq!(deployment["global_concurrency_limit"]["limit"], 2);
        assert_eq!(deployment["schedules"].as_array().map(Vec::len), Some(1), "{deployment}");
        assert_eq!(deployment["schedules"][0]["slug"], "nightly");
    }
    client.python("import runpy; runpy.run_path('hello.py', run_name='__main__')").expect_success();
    let deployment = api.get("/deployments/name/hello/from-python").expect(200);
    assert_eq!((&deployment["tags"][0], &deployment["work_pool_name"]), (&"python".into(), &"pool".into()));
    assert!(
        client.prefect(&["deployment", "schedule", "ls", "hello/from-yaml"]).expect_success().contains("0 4 * * *")
    );
}
