//! Runs through the command line: `prefect flow …`, `prefect flow-run …`, `prefect task-run …`.

use serde_json::{Value, json};
use tests::{Api, Client, Tenant, eventually};

/// Fails until there is a file of this name beside it.
const HELLO: &str = r#"
import pathlib
from prefect import flow, get_run_logger, task

@task(name="greeter")
def greet(name):
    get_run_logger().info("the task greets %s", name)

@flow(name="hello", flow_run_name="first-run", log_prints=True)
def hello(name: str = "world"):
    print("a line to read back")
    greet(name)
    assert (pathlib.Path.home() / "mended").exists(), "not yet"

if __name__ == "__main__":
    hello(return_state=True)
"#;

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

fn only_run(api: &Api) -> Value {
    let runs = api.post("/flow_runs/filter", &json!({})).expect(200);
    assert_eq!(runs.as_array().map(Vec::len), Some(1), "{runs}");
    runs[0].clone()
}

#[test]
fn flow_and_flow_run_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let terminal = client.terminal();
    client.write("hello.py", HELLO);
    client.python("import runpy; runpy.run_path('hello.py', run_name='__main__')").expect_success();
    let run = only_run(&api);
    assert_eq!(run["state_type"], "FAILED");

    assert!(terminal.done(&["flow", "ls"]).contains("hello"));
    assert_eq!(terminal.json(&["flow", "ls"])[0]["name"], "hello");
    assert!(terminal.done(&["flow-run", "ls"]).contains("first-run"));
    assert_eq!(terminal.json(&["flow-run", "ls", "--state", "failed"])[0]["id"], run["id"]);
    assert_eq!(terminal.json(&["flow-run", "ls", "--state-type", "COMPLETED", "--flow-name", "hello"]), json!([]));
    assert!(terminal.done(&["flow-run", "inspect", id(&run)]).contains("first-run"));
    assert_eq!(terminal.json(&["flow-run", "inspect", id(&run)])["state"]["type"], "FAILED");
    assert!(terminal.done(&["flow-run", "logs", id(&run)]).contains("a line to read back"));
    assert_eq!(terminal.done(&["flow-run", "logs", id(&run), "--tail", "--num-logs", "1"]).lines().count(), 1);
    assert!(terminal.json(&["flow-run", "logs", id(&run), "--head"])[0]["message"].is_string());
    terminal.refused(&["flow-run", "watch", id(&run)], "already finished");

    // Without a deployment it is run here.
    terminal.refused(&["flow-run", "retry", id(&run)], "--entrypoint");
    client.write("mended", "");
    assert!(terminal.done(&["flow-run", "retry", "first-run", "--entrypoint", "hello.py:hello"]).contains("completed"));
    let retried = only_run(&api);
    assert_eq!((&retried["state_type"], &retried["run_count"]), (&json!("COMPLETED"), &json!(2)), "{retried}");

    // A run that ended cannot be cancelled; one that waits can.
    terminal.refused(&["flow-run", "cancel", id(&run)], "unable to be cancelled");
    let waiting = json!({ "flow_id": run["flow_id"], "state": { "type": "SCHEDULED" } });
    let waiting = api.post("/flow_runs/", &waiting).expect(201);
    terminal.refused(&["flow-run", "retry", id(&waiting)], "cannot be retried");
    terminal.done(&["flow-run", "cancel", id(&waiting)]);
    assert_eq!(api.get(&format!("/flow_runs/{}", id(&waiting))).expect(200)["state_type"], "CANCELLED");

    terminal.done(&["flow-run", "delete", id(&run)]);
    terminal.refused(&["flow-run", "inspect", id(&run)], "not found");
}

#[test]
fn task_run_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let terminal = client.terminal();
    client.write("hello.py", HELLO);
    client.write("mended", "");
    client.python("import runpy; runpy.run_path('hello.py', run_name='__main__')").expect_success();
    let task = api.post("/task_runs/filter", &json!({})).expect(200)[0].clone();
    let listed = terminal.done(&["task-run", "ls"]);
    assert!(listed.contains(id(&task)) && listed.contains("COMPLETED"), "{listed}");
    assert_eq!(terminal.json(&["task-run", "ls", "--state", "completed"])[0]["id"], task["id"]);
    assert_eq!(terminal.json(&["task-run", "ls", "--state-type", "FAILED"]), json!([]));
    assert!(terminal.done(&["task-run", "inspect", id(&task)]).contains("greeter"));
    assert_eq!(terminal.json(&["task-run", "inspect", id(&task)])["flow_run_id"], only_run(&api)["id"]);
    assert!(terminal.done(&["task-run", "logs", id(&task)]).contains("the task greets world"));
    assert!(terminal.json(&["task-run", "logs", id(&task), "--tail"])[0]["message"].is_string());
    terminal.refused(&["task-run", "inspect", id(&only_run(&api))], "not found");
}

#[test]
fn a_run_is_watched_to_its_end() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let flow = api.post("/flows/", &json!({ "name": "f" })).expect(201);
    let run = api.post("/flow_runs/", &json!({ "flow_id": flow["id"], "name": "watched" })).expect(201);
    let mut watching = client.start("watch", &["flow-run", "watch", id(&run), "--timeout", "60"]);
    let enter = |state: &str| {
        let path = format!("/flow_runs/{}/set_state", id(&run));
        api.post(&path, &json!({ "state": { "type": state } })).expect(201);
    };
    eventually("it listens", || if watching.log().contains("Pending") { Ok(()) } else { Err(watching.log()) });
    enter("RUNNING");
    let line = json!({ "flow_run_id": run["id"], "name": "ours", "level": 20, "message": "half way", "timestamp": tests::now() });
    api.post("/logs/", &json!([line])).expect(201);
    eventually("the line is shown", || if watching.log().contains("half way") { Ok(()) } else { Err(watching.log()) });
    enter("COMPLETED");
    assert!(watching.wait().success(), "{}", watching.log());
    assert!(watching.log().contains("prefect.flow-run.Running"), "{}", watching.log());
}

const SERVED: &str = r#"
from prefect import flow

@flow
def greet(name: str = "world"):
    return name
"#;

#[test]
fn a_flow_is_served_and_a_run_executed_from_the_command_line() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant).env("PREFECT_RUNNER_POLL_FREQUENCY", "1");
    let api = tenant.api();
    client.write("served.py", SERVED);
    let arguments =
        ["--name", "here", "--cron", "0 4 * * *", "--timezone", "Europe/Berlin", "--tag", "t", "--limit", "2"];
    let mut served = client.start("serve", &[&["flow", "serve", "served.py:greet"][..], &arguments].concat());
    let deployment = eventually("it is served", || match api.get("/deployments/name/greet/here") {
        answer if answer.status == 200 => Ok(answer.body),
        answer => Err(answer.body),
    });
    assert_eq!((&deployment["tags"], &deployment["schedules"][0]["active"]), (&json!(["t"]), &json!(true)));
    client.prefect(&["deployment", "run", "greet/here", "--param", "name=ada", "--watch"]).expect_success();
    served.signal("TERM");
    served.wait();
    assert_eq!(api.get("/deployments/name/greet/here").expect(200)["paused"], true);

    // What a container does that was started for one run.
    let path = format!("/deployments/{}/create_flow_run", id(&deployment));
    let run = api.post(&path, &json!({ "state": { "type": "SCHEDULED" } })).expect(201);
    client.prefect(&["flow-run", "execute", id(&run)]).expect_success();
    assert_eq!(api.get(&format!("/flow_runs/{}", id(&run))).expect(200)["state_type"], "COMPLETED");
}
