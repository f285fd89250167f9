//! Artifacts that flows and tasks make with the SDK, and `prefect artifact …`.

use serde_json::{Value, json};
use tests::{Client, Tenant};

const SCRIPT: &str = r##"
from prefect import flow, task
from prefect.artifacts import (
    Artifact, create_link_artifact, create_markdown_artifact, create_progress_artifact, create_table_artifact,
    update_progress_artifact,
)

@task
def of_task():
    create_table_artifact(key="table", table=[{"a": 1, "b": "x"}], description="of the task")

@flow
def makes():
    create_markdown_artifact(key="report", markdown="# one")
    create_markdown_artifact(key="report", markdown="# two")
    create_link_artifact(key="link", link="https://example.com", link_text="here")
    progress = create_progress_artifact(progress=10.0, key="progress")
    update_progress_artifact(progress, progress=75.5)
    of_task()
    assert Artifact.get("report").data == "# two"
    assert Artifact.get("nothing") is None
    found, created = Artifact.get_or_create("report", data="three")
    assert not created and found.data == "# two"

makes()
"##;

#[test]
fn artifacts_are_made_and_changed_inside_a_flow() {
    let tenant = Tenant::fresh();
    Client::of(&tenant).python(SCRIPT).expect_success();
    let api = tenant.api();
    let run = api.post("/flow_runs/filter", &json!({})).expect(200)[0]["id"].clone();
    let of_run = json!({ "artifacts": { "flow_run_id": { "any_": [run] } } });
    let of_run: Value = api.post("/artifacts/filter", &of_run).expect(200);
    assert_eq!(of_run.as_array().map(Vec::len), Some(5), "{of_run}");

    let latest = |key: &str| api.get(&format!("/artifacts/{key}/latest")).expect(200);
    assert_eq!(latest("report")["data"], "# two");
    assert_eq!(latest("progress")["data"], 75.5);
    let link = latest("link");
    assert!(link["data"].as_str().is_some_and(|data| data.contains("https://example.com")), "{link}");
    let table = latest("table");
    assert_eq!((&table["type"], &table["description"]), (&json!("table"), &json!("of the task")));
    assert_eq!(table["flow_run_id"], run);
    assert!(table["task_run_id"].is_string(), "{table}");
}

#[test]
fn artifact_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let terminal = client.terminal();
    for data in ["one", "two"] {
        api.post("/artifacts/", &json!({ "key": "report", "type": "markdown", "data": data })).expect(201);
    }
    let other = api.post("/artifacts/", &json!({ "key": "other", "type": "table", "data": [] })).expect(201);
    let listed = terminal.done(&["artifact", "ls"]);
    assert!(listed.contains("report") && listed.contains("other"), "{listed}");
    assert_eq!(terminal.done(&["artifact", "ls", "--all"]).matches("report").count(), 2);
    let inspected = terminal.done(&["artifact", "inspect", "report"]);
    assert!(inspected.contains("one") && inspected.contains("two"), "{inspected}");
    assert_eq!(terminal.json(&["artifact", "inspect", "report"])[0]["data"], "two", "the newest first");
    assert_eq!(terminal.json(&["artifact", "ls"]).as_array().map(Vec::len), Some(2));
    terminal.done(&["artifact", "delete", "report"]);
    let id = other["id"].as_str().expect("an id");
    terminal.done(&["artifact", "delete", "--id", id]);
    assert_eq!(api.post("/artifacts/count", &json!({})).expect(200), json!(0));
    assert_eq!(api.post("/artifacts/latest/count", &json!({})).expect(200), json!(0));
    terminal.refused(&["artifact", "inspect", "report"], "not found");
    terminal.refused(&["artifact", "delete", "--id", id], "not found");
}
