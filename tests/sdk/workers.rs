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

/// Deploys a flow to a pool, starts a worker and runs it, all with that client.
pub fn deploys_and_works(tenant: &Tenant, client: Client) {
    let api = tenant.api();
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

/// A worker of the user's own, which is told to take down what a run has left; it ends when it did.
const KILLS: &str = r#"
import asyncio, os, pathlib
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

killed = pathlib.Path("killed")

class Mine(BaseWorker):
    type = "mine"
    job_configuration = BaseJobConfiguration
    job_configuration_variables = BaseVariables

    async def run(self, flow_run, configuration, task_status=None):
        return BaseWorkerResult(identifier="x", status_code=0)

    async def kill_infrastructure(self, infrastructure_pid, configuration, grace_seconds=30):
        killed.write_text(infrastructure_pid)

async def main():
    worker = asyncio.create_task(Mine(work_pool_name="mine", name="w").start())
    for _ in range(600):
        if killed.exists() or worker.done():
            break
        await asyncio.sleep(0.1)
    print("KILLED", killed.read_text(), flush=True)
    # Its acknowledgement is on its way.
    await asyncio.sleep(2)
    os._exit(0)

asyncio.run(main())
"#;

#[test]
fn a_worker_takes_down_what_a_cancelled_run_has_left() {
    let server = Server::builder().env("PREFECTURE_SERVICES_POLL", "200ms").start();
    let tenant = Tenant::on(&server);
    let (client, api) = (Client::of(&tenant), tenant.api());
    api.post("/work_pools/", &json!({"name": "mine", "type": "mine"})).expect(201);
    let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
    let body = json!({"name": "d", "flow_id": flow["id"], "work_pool_name": "mine"});
    let deployment = api.post("/deployments/", &body).expect(201);
    let made = api.post(&format!("/deployments/{}/create_flow_run", text(&deployment["id"])), &json!({})).expect(201);
    let run = format!("/flow_runs/{}", text(&made["id"]));
    api.post(&format!("{run}/set_state"), &json!({"state": {"type": "PENDING"}})).expect(201);
    api.post(&format!("{run}/set_state"), &json!({"state": {"type": "RUNNING"}})).expect(201);
    api.patch(&run, &json!({"infrastructure_pid": "host:7"})).expect(204);
    api.post(&format!("{run}/set_state"), &json!({"state": {"type": "CANCELLING"}})).expect(201);
    // As if five minutes had gone by.
    let schema = tests::truth::schema_of(&server, &tenant);
    server.database().sql(&format!("update {schema}.flow_run set state_due = now() where state_type = 8"));
    server.database().sql("update cell.tick set due = now()");
    eventually("nobody carried the cancellation out", || {
        let state = api.get(&run).expect(200)["state_name"].clone();
        if state == "Cancelled" { Ok(()) } else { Err(state) }
    });
    assert!(client.python(KILLS).expect_success().contains("KILLED host:7"));
    eventually("it is acknowledged", || {
        let left = server.database().sql(&format!("select count(*) from {schema}.cleanup"));
        if left == "0" { Ok(()) } else { Err(left) }
    });
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn a_worker_runs_what_is_deployed_to_its_pool() {
    let server = Server::builder().start();
    let tenant = Tenant::on(&server);
    deploys_and_works(&tenant, Client::of(&tenant));
}
