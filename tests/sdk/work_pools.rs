//! Work pools and queues through `prefect work-pool …` and `prefect work-queue …`.

use serde_json::{Value, json};
use tests::{Client, Tenant};

#[test]
fn work_pool_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let prefect = |arguments: &[&str]| client.prefect(arguments).expect_success();
    prefect(&["work-pool", "create", "mine", "--type", "process"]);
    assert!(!client.prefect(&["work-pool", "create", "mine", "--type", "process"]).status.success(), "it exists");
    assert!(prefect(&["work-pool", "ls"]).contains("mine"));
    assert!(prefect(&["work-pool", "inspect", "mine"]).contains("type='process'"));
    prefect(&["work-pool", "pause", "mine"]);
    assert_eq!(api.get("/work_pools/mine").expect(200)["status"], "PAUSED");
    prefect(&["work-pool", "resume", "mine"]);
    assert_eq!(api.get("/work_pools/mine").expect(200)["status"], "NOT_READY");
    prefect(&["work-pool", "set-concurrency-limit", "mine", "4"]);
    assert_eq!(api.get("/work_pools/mine").expect(200)["concurrency_limit"], 4);
    prefect(&["work-pool", "clear-concurrency-limit", "mine"]);
    assert_eq!(api.get("/work_pools/mine").expect(200)["concurrency_limit"], Value::Null);
    prefect(&["work-pool", "update", "mine", "--description", "of ours", "--concurrency-limit", "2"]);
    let pool = api.get("/work_pools/mine").expect(200);
    assert_eq!((&pool["description"], &pool["concurrency_limit"]), (&json!("of ours"), &json!(2)));
    prefect(&["work-pool", "preview", "mine"]);
    prefect(&["work-pool", "delete", "mine"]);
    api.get("/work_pools/mine").expect(404);
}

#[test]
fn work_queue_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let prefect = |arguments: &[&str]| client.prefect(arguments).expect_success();
    prefect(&["work-pool", "create", "mine", "--type", "process"]);
    prefect(&["work-queue", "create", "fast", "--pool", "mine", "--priority", "1", "--limit", "3"]);
    let queue = api.get("/work_pools/mine/queues/fast").expect(200);
    assert_eq!((&queue["priority"], &queue["concurrency_limit"]), (&json!(1), &json!(3)));
    assert_eq!(api.get("/work_pools/mine/queues/default").expect(200)["priority"], 2);
    assert!(prefect(&["work-queue", "ls", "--pool", "mine"]).contains("fast"));
    assert!(prefect(&["work-queue", "inspect", "fast", "--pool", "mine"]).contains("name='fast'"));
    prefect(&["work-queue", "pause", "fast", "--pool", "mine"]);
    assert_eq!(api.get("/work_pools/mine/queues/fast").expect(200)["status"], "PAUSED");
    prefect(&["work-queue", "resume", "fast", "--pool", "mine"]);
    prefect(&["work-queue", "set-concurrency-limit", "fast", "5", "--pool", "mine"]);
    prefect(&["work-queue", "clear-concurrency-limit", "fast", "--pool", "mine"]);
    assert_eq!(api.get("/work_pools/mine/queues/fast").expect(200)["concurrency_limit"], Value::Null);
    prefect(&["work-queue", "preview", "fast", "--pool", "mine"]);
    prefect(&["work-queue", "delete", "fast", "--pool", "mine"]);
    api.get("/work_pools/mine/queues/fast").expect(404);
    prefect(&["work-queue", "create", "alone"]);
    assert!(prefect(&["work-queue", "ls"]).contains("alone"));
}
