//! Background tasks: `delay` in one process, `prefect task serve` in two others, of which one is killed.

use std::collections::BTreeMap;

use serde_json::json;
use tests::{Api, Client, Folder, Server, Tenant, eventually};

const TASKS: &str = r#"
import os, pathlib, time
from prefect import task

@task
def mark(n):
    (pathlib.Path(os.environ["MARKS"]) / f"{n}-{os.getpid()}").touch()
    time.sleep(1)
    return n
"#;
const DELAY: &str = r#"
import sys
sys.path.insert(0, ".")
from tasks import mark

futures = [mark.delay(n) for n in range(16)]
print("DELAYED", len(futures))
"#;

fn states(api: &Api) -> BTreeMap<String, usize> {
    let asked = json!({"task_runs": {"flow_run_id": {"is_null_": true}}, "limit": 200});
    let runs = api.post("/task_runs/filter", &asked).expect(200);
    let mut states = BTreeMap::new();
    for run in runs.as_array().expect("a list") {
        *states.entry(run["state_name"].as_str().unwrap_or("none").to_owned()).or_default() += 1;
    }
    states
}

fn completed(api: &Api, at_least: usize) {
    eventually(&format!("{at_least} are completed"), || {
        let states = states(api);
        if states.get("Completed").is_some_and(|n| *n >= at_least) { Ok(()) } else { Err(states) }
    });
}

#[test]
fn tasks_of_a_worker_that_is_killed_are_done_by_the_other() {
    let server = Server::builder().env("PREFECTURE_TASK_WORKER_PATIENCE", "20s").start();
    let tenant = Tenant::on(&server);
    let api = tenant.api();
    let marks = Folder::new("marks");
    let client = Client::of(&tenant).env("MARKS", &marks.path().display().to_string());
    std::fs::write(client.home().path().join("tasks.py"), TASKS).expect("a file");
    let serve = ["task", "serve", "tasks.py:mark", "--limit", "2"];
    let mut killed = client.start("killed", &serve);
    let _stays = client.start("stays", &serve);
    eventually("both workers are connected", || {
        let workers = api.post("/task_workers/filter", &json!({})).expect(200);
        if workers.as_array().map(Vec::len) == Some(2) { Ok(()) } else { Err(workers) }
    });
    assert!(client.python(DELAY).expect_success().contains("DELAYED 16"));
    let by = |pid: u32| {
        let marks = std::fs::read_dir(marks.path()).expect("a folder");
        let names = marks.map(|mark| mark.expect("a file").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(&format!("-{pid}"))).count()
    };
    eventually("the worker has begun some", || if by(killed.pid()) > 0 { Ok(()) } else { Err(states(&api)) });
    killed.kill9();
    // The rest is done meanwhile; what the killed one had comes back when it was missed for long enough.
    completed(&api, 10);
    completed(&api, 16);
    let states = states(&api);
    assert_eq!(states, BTreeMap::from([("Completed".to_owned(), 16)]), "{states:?}");
    let workers = api.post("/task_workers/filter", &json!({})).expect(200);
    assert_eq!(workers.as_array().map(Vec::len), Some(1), "{workers}");
    // What it had begun was begun again by the other, and all is done.
    let marks = std::fs::read_dir(marks.path()).expect("a folder").count();
    assert!(marks > 16, "{marks}");
}
