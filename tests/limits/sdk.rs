//! The SDK under a tenth of what it needs: it takes longer, and nothing is lost.

use std::time::Instant;

use serde_json::{Value, json};
use tests::{Account, Client, Server, Tenant, eventually};

use crate::put_on_plan;

const TASKS: usize = 8;
const FLOW: &str = r#"
from prefect import flow, task, get_run_logger

@task
def work(n):
    get_run_logger().info("line %s", n)

@flow
def limited():
    [work(n) for n in range(8)]

limited()
"#;

#[test]
fn a_flow_under_a_tenth_of_its_need_ends_with_nothing_lost() {
    let server = Server::builder().start();
    let free = Account::create(&server);
    let begun = Instant::now();
    run(&free.workspace());
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let usage = free.api().get("/rate-limits/usage").expect(200);
    let need = |bucket: &str| {
        let granted = usage["keys"][bucket]["granted"].as_array().cloned().unwrap_or_default();
        granted.iter().filter_map(Value::as_u64).sum::<u64>() as f64 / minutes
    };
    let tenth = |bucket: &str| format!("{}", (need(bucket) / 10.0).ceil());
    let (requests, items) = (tenth("orchestration-api"), tenth("logs-and-events"));

    let account = Account::create(&server);
    let tenant = account.workspace();
    put_on_plan(&server, &account, &["--requests", &requests, "--items", &items]);
    run(&tenant);
    // The limit has done its work; what was stored is looked at without it.
    server.admin(&["accounts", "set-plan", &account.handle]);
    eventually("the limit is gone", || {
        let answer = tenant.api().post("/flow_runs/count", &json!({}));
        if answer.status == 200 && answer.header("ratelimit").is_none() { Ok(()) } else { Err(answer.status) }
    });
    let runs = tenant.api().post("/flow_runs/filter", &json!({})).expect(200);
    assert_eq!(runs[0]["state_type"], "COMPLETED", "{runs}");
    // What the client had sent when it ended is taken by and by.
    eventually("every task run is complete", || {
        let tasks = tenant.api().post("/task_runs/filter", &json!({})).expect(200);
        let done = tasks.as_array().into_iter().flatten().filter(|task| task["state_type"] == "COMPLETED").count();
        if done == TASKS { Ok(()) } else { Err(tasks) }
    });
    let logs = tenant.api().post("/logs/filter", &json!({})).expect(200);
    let lines = logs.as_array().into_iter().flatten();
    let lines = lines.filter(|log| log["message"].as_str().is_some_and(|text| text.starts_with("line "))).count();
    assert_eq!(lines, TASKS, "with {requests} requests and {items} items a minute: {logs}");
}

fn run(tenant: &Tenant) {
    Client::of(tenant).python(FLOW).expect_success();
}
