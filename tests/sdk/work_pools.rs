//! Work pools and queues through `prefect work-pool …` and `prefect work-queue …`.

use serde_json::{Value, json};
use tests::{Api, Client, Tenant};

/// A run of a deployment in that queue of the pool `mine`, in a state of that type.
fn run_in(api: &Api, queue: &str, name: &str, state: &str) -> Value {
    let flow = api.post("/flows/", &json!({ "name": "f" })).body;
    let body = json!({ "name": name, "flow_id": flow["id"], "work_pool_name": "mine", "work_queue_name": queue });
    let deployment = api.post("/deployments/", &body).body;
    let path = format!("/deployments/{}/create_flow_run", deployment["id"].as_str().expect("an id"));
    let run = api.post(&path, &json!({ "name": name, "state": { "type": "SCHEDULED" } })).expect(201);
    if state != "SCHEDULED" {
        let path = format!("/flow_runs/{}/set_state", run["id"].as_str().expect("an id"));
        api.post(&path, &json!({ "state": { "type": state } })).expect(201);
    }
    run
}

#[test]
fn work_pool_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let terminal = client.terminal();
    let prefect = |arguments: &[&str]| terminal.done(arguments);
    let pool = || api.get("/work_pools/mine").expect(200);
    prefect(&["work-pool", "create", "mine", "--type", "process"]);
    terminal.refused(&["work-pool", "create", "mine", "--type", "process"], "already exists");
    assert!(prefect(&["work-pool", "ls"]).contains("mine"));
    let listed = terminal.json(&["work-pool", "ls"]);
    assert_eq!((&listed[0]["name"], &listed[0]["type"]), (&json!("mine"), &json!("process")));
    assert!(prefect(&["work-pool", "inspect", "mine"]).contains("type='process'"));
    assert_eq!(terminal.json(&["work-pool", "inspect", "mine"])["id"], pool()["id"]);
    prefect(&["work-pool", "pause", "mine"]);
    assert_eq!(pool()["status"], "PAUSED");
    prefect(&["work-pool", "resume", "mine"]);
    assert_eq!(pool()["status"], "NOT_READY");
    prefect(&["work-pool", "set-concurrency-limit", "mine", "4"]);
    assert_eq!(pool()["concurrency_limit"], 4);
    prefect(&["work-pool", "clear-concurrency-limit", "mine"]);
    assert_eq!(pool()["concurrency_limit"], Value::Null);
    prefect(&["work-pool", "update", "mine", "--description", "of ours", "--concurrency-limit", "2"]);
    assert_eq!((&pool()["description"], &pool()["concurrency_limit"]), (&json!("of ours"), &json!(2)));

    run_in(&api, "default", "begun", "PENDING");
    run_in(&api, "default", "waiting", "SCHEDULED");
    let slots = prefect(&["work-pool", "slots", "mine"]);
    assert!(slots.contains("begun") && slots.contains("Pending") && !slots.contains("waiting"), "{slots}");
    let slots = terminal.json(&["work-pool", "slots", "mine"]);
    assert_eq!((&slots["active_slots"], &slots["concurrency_limit"]), (&json!(1), &json!(2)), "{slots}");
    let ahead = prefect(&["work-pool", "preview", "mine", "--hours", "2"]);
    assert!(ahead.contains("waiting") && !ahead.contains("begun"), "{ahead}");

    let template = prefect(&["work-pool", "get-default-base-job-template", "--type", "process"]);
    let template: Value = serde_json::from_str(&template).expect("JSON");
    assert_eq!(template["variables"]["type"], "object");
    assert_eq!(template, pool()["base_job_template"], "a pool begins with it");
    terminal.refused(&["work-pool", "get-default-base-job-template", "--type", "none"], "process");
    terminal.refused(&["work-pool", "provision-infrastructure", "mine"], "not a push pool");
    terminal.refused(&["work-pool", "provision-infra", "mine"], "not a push pool");
    prefect(&["work-pool", "delete", "mine"]);
    terminal.refused(&["work-pool", "inspect", "mine"], "not found");
}

/// Types that integrations bring along, as far as these commands use them.
const STORAGE_BLOCKS: &str = r#"
from prefect.blocks.core import Block

class S3Bucket(Block):
    _block_type_slug = "s3-bucket"
    bucket_name: str
    bucket_folder: str = ""
    credentials: dict = {}

class GcsBucket(Block):
    _block_type_slug = "gcs-bucket"
    bucket: str
    bucket_folder: str = ""
    gcp_credentials: dict = {}

class AzureCredentials(Block):
    _block_type_slug = "azure-blob-storage-credentials"
    account: str

class AzureContainer(Block):
    _block_type_slug = "azure-blob-storage-container"
    container_name: str
    credentials: AzureCredentials

for block in (S3Bucket, GcsBucket, AzureContainer):
    block.register_type_and_schema()
AzureCredentials(account="ours").save("ours")
"#;

#[test]
fn work_pool_storage_commands() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    let terminal = client.terminal();
    let configured = |arguments: &[&str]| {
        terminal.done(arguments);
        terminal.json(&["work-pool", "storage", "inspect", "mine"])
    };
    terminal.done(&["work-pool", "create", "mine", "--type", "process"]);
    assert!(terminal.done(&["work-pool", "storage", "inspect", "mine"]).contains("No storage configuration"));
    terminal.refused(&["work-pool", "storage", "configure", "s3", "mine", "--bucket", "b"], "does not exist");
    client.python(STORAGE_BLOCKS).expect_success();

    let storage = configured(&["work-pool", "storage", "configure", "s3", "mine", "--bucket", "one"]);
    assert_eq!((&storage["type"], &storage["upload"]["bucket"]), (&json!("S3"), &json!("one")), "{storage}");
    let again = configured(&["work-pool", "storage", "configure", "s3", "mine", "--bucket", "two"]);
    assert_eq!(again["upload"]["bucket"], "two", "{again}");
    let block = tenant.api().get("/block_types/slug/s3-bucket/block_documents/name/default-mine-result-storage");
    assert_eq!(block.expect(200)["data"]["bucket_name"], "two");
    let storage = configured(&["work-pool", "storage", "configure", "gcs", "mine", "--bucket", "three"]);
    assert_eq!(storage["upload"]["bucket"], "three", "{storage}");
    let azure = ["work-pool", "storage", "configure", "azure-blob-storage", "mine", "--container", "four"];
    let storage = configured(&[&azure[..], &["--azure-blob-storage-credentials-block-name", "ours"]].concat());
    assert_eq!(storage["upload"]["container"], "four", "{storage}");
    let container = "/block_types/slug/azure-blob-storage-container/block_documents/name/default-mine-result-storage";
    assert_eq!(tenant.api().get(container).expect(200)["data"]["credentials"]["account"], "ours");
}

#[test]
fn work_queue_commands() {
    let tenant = Tenant::fresh();
    let (client, api) = (Client::of(&tenant), tenant.api());
    let terminal = client.terminal();
    let prefect = |arguments: &[&str]| terminal.done(arguments);
    let fast = || api.get("/work_pools/mine/queues/fast").expect(200);
    prefect(&["work-pool", "create", "mine", "--type", "process"]);
    prefect(&["work-queue", "create", "fast", "--pool", "mine", "--priority", "1", "--limit", "3"]);
    terminal.refused(&["work-queue", "create", "fast", "--pool", "mine"], "already exists");
    assert_eq!((&fast()["priority"], &fast()["concurrency_limit"]), (&json!(1), &json!(3)));
    assert_eq!(api.get("/work_pools/mine/queues/default").expect(200)["priority"], 2);
    assert!(prefect(&["work-queue", "ls", "--pool", "mine"]).contains("fast"));
    assert_eq!(terminal.json(&["work-queue", "ls", "--pool", "mine"]).as_array().map(Vec::len), Some(2));
    assert!(prefect(&["work-queue", "inspect", "fast", "--pool", "mine"]).contains("name='fast'"));
    let inspected = terminal.json(&["work-queue", "inspect", "fast", "--pool", "mine"]);
    assert_eq!(inspected["id"], fast()["id"], "{inspected}");
    prefect(&["work-queue", "pause", "fast", "--pool", "mine"]);
    assert_eq!(fast()["status"], "PAUSED");
    prefect(&["work-queue", "resume", "fast", "--pool", "mine"]);
    assert_eq!(fast()["is_paused"], false);

    run_in(&api, "fast", "begun", "PENDING");
    let waiting = run_in(&api, "fast", "waiting", "SCHEDULED");
    let slots = prefect(&["work-queue", "slots", "fast", "--pool", "mine"]);
    assert!(slots.contains("begun") && slots.contains("Pending") && !slots.contains("waiting"), "{slots}");
    let slots = terminal.json(&["work-queue", "slots", "fast", "--pool", "mine"]);
    assert_eq!((&slots["active_slots"], &slots["concurrency_limit"]), (&json!(1), &json!(3)), "{slots}");
    assert!(prefect(&["work-queue", "preview", "fast", "--pool", "mine"]).contains("waiting"));
    let read = prefect(&["work-queue", "read-runs", "fast", "--pool", "mine"]);
    assert!(read.contains("Read 1 runs") && read.contains(waiting["id"].as_str().expect("an id")), "{read}");
    assert_ne!(fast()["last_polled"], Value::Null, "reading is polling");

    prefect(&["work-queue", "set-concurrency-limit", "fast", "5", "--pool", "mine"]);
    assert_eq!(fast()["concurrency_limit"], 5);
    prefect(&["work-queue", "clear-concurrency-limit", "fast", "--pool", "mine"]);
    assert_eq!(fast()["concurrency_limit"], Value::Null);
    prefect(&["work-queue", "delete", "fast", "--pool", "mine"]);
    terminal.refused(&["work-queue", "inspect", "fast", "--pool", "mine"], "fast");
    prefect(&["work-queue", "create", "alone"]);
    assert!(prefect(&["work-queue", "ls"]).contains("alone"));
}
