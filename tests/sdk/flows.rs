//! The flow of `tests::flow` in each way to connect.

use tests::flow::runs_whole;
use tests::{Client, Tenant};

/// Cloud mode: the three variables that we tell everybody to export.
#[test]
fn a_flow_runs_in_cloud_mode() {
    let tenant = Tenant::fresh();
    runs_whole(&tenant, Client::of(&tenant));
}

/// Server mode with the key as the password of the auth string.
#[test]
fn a_flow_runs_with_an_auth_string() {
    let tenant = Tenant::fresh();
    let client = Client::fresh()
        .env("PREFECT_API_URL", tenant.api().base())
        .env("PREFECT_API_AUTH_STRING", &format!("any:{}", tenant.key));
    runs_whole(&tenant, client);
}

/// A key without PREFECT_CLOUD_API_URL: the flow runs, its events socket does not open, and the client prints the cure.
#[test]
fn a_key_alone_is_told_what_is_missing() {
    let tenant = Tenant::fresh();
    let client = Client::fresh().env("PREFECT_API_URL", tenant.api().base()).env("PREFECT_API_KEY", &tenant.key);
    let script = "from prefect import flow, task\n@task\ndef t(): pass\n@flow\ndef f(): t()\nf()\n";
    let output = client.python(script);
    assert!(output.err.contains("PREFECT_CLOUD_API_URL"), "{}", output.err);
}

const SEVENTEEN: &str = r#"
from concurrent.futures import ThreadPoolExecutor
from prefect import flow, task

@task
def double(n):
    return 2 * n

@flow
def one_of_many(n):
    return sum(double.map(range(n)).result())

with ThreadPoolExecutor(17) as pool:
    sums = list(pool.map(one_of_many, range(1, 18)))
assert sums == [n * (n - 1) for n in range(1, 18)], sums
print("DONE")
"#;

/// PrefectHQ/prefect 22314.
#[test]
fn seventeen_flows_at_once_do_not_time_out() {
    let tenant = Tenant::fresh();
    let output = Client::of(&tenant).python(SEVENTEEN);
    assert!(!output.err.contains("imeout"), "{}", output.err);
    assert!(output.expect_success().contains("DONE"));
    let ended = |what: &str| {
        let filter = serde_json::json!({what: {"state": {"type": {"any_": ["COMPLETED"]}}}});
        tenant.api().post(&format!("/{what}/count"), &filter).expect(200)
    };
    assert_eq!((ended("flow_runs"), ended("task_runs")), (17.into(), 153.into()));
}
