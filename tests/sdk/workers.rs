//! A real process worker: `prefect worker start` takes the runs of a deployed flow.

use serde_json::{Value, json};
use tests::{Client, Server, Tenant, eventually};

const DEPLOY: &str = r#"
from pathlib import Path
Path("greetings.py").write_text('''
from prefect import flow, task

@task
def greet(name):
    return f"hello {name}"

@flow
def greetings(name: str = "you"):
    return greet(name)
''')
from prefect import flow
flow.from_source(source=str(Path.cwd()), entrypoint="greetings.py:greetings").deploy(
    name="here", work_pool_name="mine", work_queue_name="fast", print_next_steps=False
)
"#;

#[test]
fn a_worker_runs_what_is_deployed_to_its_pool() {
    let server = Server::builder().start();
    let tenant = Tenant::on(&server);
    let (client, api) = (Client::of(&tenant), tenant.api());
    client.prefect(&["work-pool", "create", "mine", "--type", "process"]).expect_success();
    client.prefect(&["work-queue", "create", "fast", "--pool", "mine"]).expect_success();
    client.python(DEPLOY).expect_success();
    let _worker = client.start("worker", &["worker", "start", "--pool", "mine", "--name", "w"]);
    eventually("the worker is there", || {
        let workers = api.post("/work_pools/mine/workers/filter", &json!({})).expect(200);
        if workers[0]["status"] == "ONLINE" { Ok(()) } else { Err(workers) }
    });
    assert_eq!(api.get("/work_pools/mine").expect(200)["status"], "READY");
    client.prefect(&["deployment", "run", "greetings/here", "--param", "name=ada"]).expect_success();
    let run = eventually("the run is completed", || {
        let runs = api.post("/flow_runs/filter", &json!({ "sort": "ID_DESC" })).expect(200);
        if runs[0]["state_type"] == "COMPLETED" { Ok(runs[0].clone()) } else { Err(runs[0]["state"].clone()) }
    });
    assert_eq!((&run["work_pool_name"], &run["work_queue_name"]), (&json!("mine"), &json!("fast")), "{run}");
    assert_ne!(run["infrastructure_pid"], Value::Null, "{run}");
    let queue = api.get("/work_pools/mine/queues/fast").expect(200);
    assert_eq!(queue["status"], "READY", "{queue}");
}
