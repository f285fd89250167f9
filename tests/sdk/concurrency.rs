//! Slots and rates through the SDK in several processes, limits of tags, and the commands that make limits.

use serde_json::json;
use tests::{Client, Tenant};

const LIMITED: &str = r#"
import os, sys, threading, time
from prefect.concurrency.sync import concurrency, rate_limit

folder, who = os.environ["HELD_IN"], os.environ["WHO"]

def held():
    return len(os.listdir(folder))

def work(n):
    with concurrency("shared", occupy=1, strict=True):
        mine = os.path.join(folder, f"{who}-{n}")
        open(mine, "w").close()
        assert held() <= 2, f"{held()} hold two slots"
        time.sleep(0.1)
        os.remove(mine)

threads = [threading.Thread(target=lambda n=n: results.append(work(n))) for n in range(4)]
results = []
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(results) == 4, f"{len(results)} of 4 came through"

began = time.monotonic()
for _ in range(3):
    rate_limit("rate", strict=True)
print("DONE", time.monotonic() - began)
"#;

#[test]
fn two_processes_share_slots_and_a_rate() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    // Waits are told by what slots are held on average: it begins at two seconds and sinks with use.
    api.post("/v2/concurrency_limits/", &json!({"name": "shared", "limit": 2})).expect(201);
    api.post("/v2/concurrency_limits/", &json!({"name": "rate", "limit": 2, "slot_decay_per_second": 2.0})).expect(201);
    let folder = tests::Folder::new("held");
    std::thread::scope(|scope| {
        for who in ["one", "two"] {
            let (tenant, folder) = (&tenant, folder.path());
            scope.spawn(move || {
                let client = Client::of(tenant).env("HELD_IN", &folder.display().to_string()).env("WHO", who);
                assert!(client.python(LIMITED).expect_success().contains("DONE"));
            });
        }
    });
    let limit = api.get("/v2/concurrency_limits/shared").expect(200);
    assert_eq!(limit["active_slots"], 0, "all was given back: {limit}");
}

const TAGGED: &str = r#"
import os, time
from prefect import flow, task

folder = os.environ["HELD_IN"]

@task(tags=["narrow"])
def narrow(n):
    mine = os.path.join(folder, str(n))
    open(mine, "w").close()
    assert len(os.listdir(folder)) <= 1, os.listdir(folder)
    time.sleep(0.1)
    os.remove(mine)
    return n

@flow
def tagged():
    return sorted(future.result() for future in [narrow.submit(n) for n in range(3)])

assert tagged() == [0, 1, 2]
"#;

#[test]
fn tasks_of_a_tag_take_turns() {
    let tenant = Tenant::fresh();
    let api = tenant.api();
    api.post("/concurrency_limits/", &json!({"tag": "narrow", "concurrency_limit": 1})).expect(201);
    let folder = tests::Folder::new("held");
    Client::of(&tenant).env("HELD_IN", &folder.path().display().to_string()).python(TAGGED).expect_success();
    assert_eq!(api.get("/concurrency_limits/tag/narrow").expect(200)["active_slots"], json!([]));
    assert_eq!(api.get("/v2/concurrency_limits/tag:narrow").expect(200)["active_slots"], 0);
}

#[test]
fn concurrency_limit_commands() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    client.prefect(&["concurrency-limit", "create", "heavy", "3"]).expect_success();
    assert!(client.prefect(&["concurrency-limit", "ls"]).expect_success().contains("heavy"));
    assert!(client.prefect(&["concurrency-limit", "inspect", "heavy"]).expect_success().contains("heavy"));
    let run = "11111111-1111-4111-8111-111111111111";
    tenant.api().post("/concurrency_limits/increment", &json!({"names": ["heavy"], "task_run_id": run})).expect(200);
    assert!(client.prefect(&["concurrency-limit", "inspect", "heavy"]).expect_success().contains(&run[..8]));
    client.prefect(&["concurrency-limit", "reset", "heavy"]).expect_success();
    assert_eq!(tenant.api().get("/concurrency_limits/tag/heavy").expect(200)["active_slots"], json!([]));
    client.prefect(&["concurrency-limit", "delete", "heavy"]).expect_success();
    tenant.api().get("/concurrency_limits/tag/heavy").expect(404);
}

#[test]
fn global_concurrency_limit_commands() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    client.prefect(&["global-concurrency-limit", "create", "db", "--limit", "3"]).expect_success();
    assert!(client.prefect(&["global-concurrency-limit", "ls"]).expect_success().contains("db"));
    assert!(client.prefect(&["gcl", "inspect", "db"]).expect_success().contains("db"));
    client.prefect(&["gcl", "update", "db", "--limit", "5", "--slot-decay-per-second", "0.5"]).expect_success();
    client.prefect(&["gcl", "disable", "db"]).expect_success();
    let limit = tenant.api().get("/v2/concurrency_limits/db").expect(200);
    assert_eq!(
        (&limit["limit"], &limit["slot_decay_per_second"], &limit["active"]),
        (&json!(5), &json!(0.5), &json!(false))
    );
    client.prefect(&["gcl", "enable", "db"]).expect_success();
    client.prefect(&["gcl", "delete", "db"]).expect_success();
    tenant.api().get("/v2/concurrency_limits/db").expect(404);
}
