//! Deployments through the SDK and the command line: a flow that is served, runs made by hand, `run_deployment`.

use tests::{Client, Tenant, eventually};

/// Serves `greet` in a process of its own, makes a run of it by hand and one by the SDK, and stops it as a user does.
const SERVED: &str = r#"
import os, pathlib, signal, subprocess, sys, time
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment

pathlib.Path("served.py").write_text('''
from prefect import flow

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
    served.wait(60)
with get_client(sync_client=True) as client:
    assert client.read_deployment_by_name("greet/served").paused, "whoever stops serving pauses the deployment"
"#;

#[test]
fn a_served_flow_runs_what_is_made_by_hand() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant).env("PREFECT_RUNNER_POLL_FREQUENCY", "1");
    client.python(SERVED).expect_success();
}

#[test]
fn deployment_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let flow = api.post("/flows/", &serde_json::json!({ "name": "f" })).expect(201);
    let body = serde_json::json!({ "name": "d", "flow_id": flow["id"], "tags": ["t"], "description": "does it" });
    let deployment = api.post("/deployments/", &body).expect(201);
    assert!(client.prefect(&["deployment", "ls"]).expect_success().contains("f/d"));
    assert!(client.prefect(&["deployment", "inspect", "f/d"]).expect_success().contains("does it"));
    let run = ["deployment", "run", "f/d", "--param", "x=1", "--tag", "by-hand", "--job-variable", "a=b"];
    assert!(client.prefect(&run).expect_success().contains("Created flow run"));
    assert!(!client.prefect(&["deployment", "run", "f/none"]).status.success(), "there is none");
    let runs = api.post("/flow_runs/filter", &serde_json::json!({})).expect(200);
    assert_eq!((&runs[0]["deployment_id"], &runs[0]["parameters"]["x"]), (&deployment["id"], &serde_json::json!(1)));
    assert!(client.prefect(&["flow-run", "ls"]).expect_success().contains("f"));
    client.prefect(&["--no-prompt", "deployment", "delete", "f/d"]).expect_success();
    eventually("it is gone", || match api.get("/deployments/name/f/d").status {
        404 => Ok(()),
        status => Err(status.to_string()),
    });
}
