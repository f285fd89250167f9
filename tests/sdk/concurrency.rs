//! Slots and rates through the SDK in several processes, limits of tags, and the commands that make limits.

use serde_json::json;
use tests::{Client, Server, Tenant, eventually};

/// Each process holds slots of `shared` in several threads and spends the rate; it prints when it was let through.
const LIMITED: &str = r#"
import os, threading, time
from prefect.concurrency.sync import concurrency, rate_limit

folder, who = os.environ["HELD_IN"], os.environ["WHO"]
results = []

def work(n):
    with concurrency("shared", occupy=1, strict=True):
        mine = os.path.join(folder, f"{who}-{n}")
        open(mine, "w").close()
        held = len(os.listdir(folder))
        assert held <= 2, f"{held} hold two slots"
        time.sleep(0.1)
        os.remove(mine)
    results.append(n)

threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(results) == 3, f"{len(results)} of 3 came through"

print("BEGUN", time.time())
for _ in range(3):
    rate_limit("rate", strict=True)
print("ENDED", time.time())
"#;

const PROCESSES: usize = 4;
const RATE: f64 = 2.0;

/// Processes of these clients share two slots and a rate: never more at once, never faster, and each gets its turn.
pub fn processes_share_slots_and_a_rate(tenant: &Tenant, client: impl Fn() -> Client + Sync) {
    let api = tenant.api();
    // Waits are told by what slots are held on average: it begins at two seconds and sinks with use.
    api.post("/v2/concurrency_limits/", &json!({"name": "shared", "limit": 2})).expect(201);
    let rate = json!({"name": "rate", "limit": 2, "slot_decay_per_second": RATE});
    api.post("/v2/concurrency_limits/", &rate).expect(201);
    let folder = tests::Folder::new("held");
    let held_in = folder.path().display().to_string();
    let run = |who: usize| client().env("HELD_IN", &held_in).env("WHO", &who.to_string()).python(LIMITED);
    let run = &run;
    let said: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..PROCESSES).map(|who| scope.spawn(move || run(who).expect_success())).collect();
        running.into_iter().map(|process| process.join().expect("it went well")).collect()
    });
    let limit = api.get("/v2/concurrency_limits/shared").expect(200);
    assert_eq!(limit["active_slots"], 0, "all was given back: {limit}");

    let times = |name: &str| {
        let of = |said: &String| said.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        said.iter().map(of).collect::<Option<Vec<f64>>>().expect("each process says when")
    };
    let (first, last) =
        (times("BEGUN").into_iter().fold(f64::MAX, f64::min), times("ENDED").into_iter().fold(0.0, f64::max));
    // Two at once, and then as they come back.
    let most = 2.0 + RATE * (last - first);
    assert!((3 * PROCESSES) as f64 <= most, "{} within {} s", 3 * PROCESSES, last - first);
}

#[test]
fn many_processes_share_slots_and_a_rate() {
    let tenant = Tenant::fresh();
    processes_share_slots_and_a_rate(&tenant, || Client::of(&tenant));
}

const HOLDS: &str = r#"
import time
from prefect.concurrency.sync import concurrency
with concurrency("one", lease_duration=60, strict=True):
    print("HELD", flush=True)
    time.sleep(600)
"#;

const WAITS: &str = r#"
from prefect.concurrency.sync import concurrency
with concurrency("one", timeout_seconds=300, strict=True):
    print("HELD")
"#;

/// It takes the minute that a lease lasts at least.
#[test]
fn what_a_killed_process_held_comes_back() {
    let server = Server::builder().env("PREFECTURE_SLOT_WAIT", "1s").start();
    let tenant = Tenant::on(&server);
    let (client, api) = (Client::of(&tenant), tenant.api());
    api.post("/v2/concurrency_limits/", &json!({"name": "one", "limit": 1})).expect(201);
    let mut holder = client.start_python("holder", HOLDS);
    eventually("it holds the slot", || if holder.log().contains("HELD") { Ok(()) } else { Err(holder.log()) });
    holder.kill9();
    assert_eq!(api.get("/v2/concurrency_limits/one").expect(200)["active_slots"], 1, "nobody has given it back");
    assert!(client.python(WAITS).expect_success().contains("HELD"));
}

const TAGGED: &str = r#"
import os, time
from prefect import flow, task

folder = os.environ["HELD_IN"]

@task(tags=["narrow"])
def narrow(n):
    mine = os.path.join(folder, f"{os.environ['WHO']}-{n}")
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
    let held_in = folder.path().display().to_string();
    std::thread::scope(|scope| {
        for who in ["one", "two"] {
            let client = Client::of(&tenant).env("HELD_IN", &held_in).env("WHO", who);
            scope.spawn(move || client.python(TAGGED).expect_success());
        }
    });
    assert_eq!(api.get("/concurrency_limits/tag/narrow").expect(200)["active_slots"], json!([]));
    assert_eq!(api.get("/v2/concurrency_limits/tag:narrow").expect(200)["active_slots"], 0);
}

#[test]
fn concurrency_limit_commands() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    let terminal = client.terminal();
    terminal.done(&["concurrency-limit", "create", "heavy", "3"]);
    assert!(terminal.done(&["concurrency-limit", "ls"]).contains("heavy"));
    assert!(terminal.done(&["concurrency-limit", "inspect", "heavy"]).contains("heavy"));
    assert_eq!(terminal.json(&["concurrency-limit", "ls"])[0]["concurrency_limit"], 3);
    let run = "11111111-1111-4111-8111-111111111111";
    tenant.api().post("/concurrency_limits/increment", &json!({"names": ["heavy"], "task_run_id": run})).expect(200);
    assert!(terminal.done(&["concurrency-limit", "inspect", "heavy"]).contains(&run[..8]));
    terminal.done(&["concurrency-limit", "reset", "heavy"]);
    assert_eq!(tenant.api().get("/concurrency_limits/tag/heavy").expect(200)["active_slots"], json!([]));
    terminal.done(&["concurrency-limit", "delete", "heavy"]);
    for command in ["inspect", "reset", "delete"] {
        terminal.refused(&["concurrency-limit", command, "heavy"], "No concurrency limit found");
    }
    tenant.api().get("/concurrency_limits/tag/heavy").expect(404);
}

#[test]
fn global_concurrency_limit_commands() {
    let tenant = Tenant::fresh();
    let client = Client::of(&tenant);
    let terminal = client.terminal();
    terminal.done(&["global-concurrency-limit", "create", "db", "--limit", "3"]);
    assert!(terminal.done(&["global-concurrency-limit", "ls"]).contains("db"));
    assert!(terminal.done(&["gcl", "inspect", "db"]).contains("db"));
    assert_eq!(terminal.json(&["gcl", "inspect", "db"])["limit"], 3);
    terminal.refused(&["gcl", "create", "db", "--limit", "3"], "already exists");
    terminal.refused(&["gcl", "enable", "db"], "already enabled");
    terminal.done(&["gcl", "update", "db", "--limit", "5", "--slot-decay-per-second", "0.5"]);
    terminal.done(&["gcl", "disable", "db"]);
    let limit = tenant.api().get("/v2/concurrency_limits/db").expect(200);
    assert_eq!(
        (&limit["limit"], &limit["slot_decay_per_second"], &limit["active"]),
        (&json!(5), &json!(0.5), &json!(false))
    );
    terminal.done(&["gcl", "enable", "db"]);
    terminal.done(&["gcl", "delete", "db"]);
    terminal.refused(&["gcl", "inspect", "db"], "not found");
    tenant.api().get("/v2/concurrency_limits/db").expect(404);
}
