//! A new version is rolled out: two replicas behind a load balancer, stopped and started one after the other, under load and
//! with the real SDK running flows. No request fails, nothing that was confirmed is lost, and sockets are told to reconnect.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tests::{Account, Balancer, Client, Cluster, Database, Server, Tenant, eventually, truth};

use crate::ledger::{Kind, Ledger};
use crate::load::Load;
use crate::whole::halves;

/// Several health checks of the balancer long.
const DELAY: &str = "3s";
/// Acknowledged writes between two steps.
const BETWEEN: usize = 300;

/// Flows with tasks, one after the other, until the file `stop` is there; each request that the SDK had to repeat is a line of
/// its log.
const FLOWS: &str = r#"
import pathlib
from prefect import flow, get_run_logger, task

@task
def add(n):
    get_run_logger().info("adding %s", n)
    return n + 1

@flow(name="rolled")
def rolled():
    return [future.result() for future in add.map(range(5))]

runs = 0
while not pathlib.Path("stop").exists():
    assert rolled() == [1, 2, 3, 4, 5]
    runs += 1
    pathlib.Path("runs.new").write_text(str(runs))
    pathlib.Path("runs.new").replace("runs")
print("RUNS", runs, flush=True)
"#;

#[test]
fn replicas_are_replaced_and_nobody_notices() {
    let database = Cluster::shared().database();
    let replica = || Server::builder().database(&database).env("PREFECTURE_DRAIN_DELAY", DELAY).start();
    let mut replicas = [replica(), replica()];
    let tenant = Account::create(&replicas[0]).workspace();
    let schema = truth::schema_of(&replicas[0], &tenant);
    let balancer = Balancer::before(&[&replicas[0], &replicas[1]]);
    let tenant = tenant.through(&balancer);
    let flow = tenant.api().post("/flows/", &json!({"name": "under load"})).expect(201);
    let (ledger, stop) = (Ledger::default(), AtomicBool::new(false));
    let load = Load {
        tenant: tenant.clone(),
        flow: flow["id"].as_str().expect("an id").to_owned(),
        ledger: &ledger,
        stop: &stop,
    };
    // Of another workspace, so that the ledger is the whole truth of this one.
    let user = User::new(tenant.account.workspace().through(&balancer));
    let users_schema = truth::schema_of(&replicas[0], &user.tenant);

    let said = std::thread::scope(|scope| {
        let flows = scope.spawn(|| user.client.python(FLOWS));
        let mut threads = Vec::new();
        for _ in 0..3 {
            threads.push(scope.spawn(|| load.runs()));
        }
        threads.push(scope.spawn(|| load.logs()));
        threads.push(scope.spawn(|| load.events()));
        threads.push(scope.spawn(|| load.socket()));
        threads.push(scope.spawn(|| load.socket()));
        // A panic in here must not leave the threads running, or it is never seen.
        let rolled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let go_on = || {
                let (writes, runs) = (ledger.sure() + BETWEEN, user.runs() + 1);
                eventually("load and flows go on", || {
                    assert!(!flows.is_finished(), "the flows have ended");
                    let seen = (ledger.sure(), user.runs());
                    if seen.0 >= writes && seen.1 >= runs { Ok(()) } else { Err(seen) }
                });
            };
            go_on();
            for (nth, replica) in replicas.iter_mut().enumerate() {
                replica.sigterm();
                assert_eq!(replica.wait().code(), Some(0), "it ends well");
                go_on();
                replica.start_again();
                balancer.until_ready(nth);
                go_on();
            }
        }));
        stop.store(true, Ordering::Relaxed);
        user.stop();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        rolled.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        flows.join().expect("the SDK does not hang")
    });

    assert_eq!(ledger.failures(), [""; 0], "a request failed");
    let ends = ledger.ends();
    assert!(
        ends.len() >= 2 && ends.iter().all(|end| end.starts_with("1012 ")),
        "sockets were told otherwise: {ends:?}"
    );
    for kind in [Kind::FlowRun, Kind::State, Kind::Log, Kind::Event, Kind::TaskRun] {
        assert!(ledger.count(kind) > 0, "no write of {kind:?} was acknowledged");
    }
    let mut findings = ledger.against(&database, &schema);
    findings.extend(halves(&database, &schema));
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));

    // What its log says of repeated requests; and it does say that it went to another replica.
    let log = format!("{}{}", said.out, said.err);
    let repeated = ["retryable exception during request", "retryable status code"];
    let repeated: Vec<&str> = log.lines().filter(|line| repeated.iter().any(|what| line.contains(what))).collect();
    assert_eq!(repeated, [""; 0], "the SDK repeated requests");
    assert!(log.contains("Reconnecting websocket"), "{log}");
    let out = said.expect_success();
    assert!(out.trim_end().ends_with(&format!("RUNS {}", user.runs())), "{out}");
    user.assert_whole(&database, &users_schema);
}

/// Somebody with the SDK at another machine.
struct User {
    tenant: Tenant,
    client: Client,
}

impl User {
    fn new(tenant: Tenant) -> User {
        let client = Client::of(&tenant).env("PREFECT_LOGGING_LEVEL", "DEBUG");
        User { tenant, client }
    }

    /// How many runs have ended.
    fn runs(&self) -> usize {
        let written = std::fs::read_to_string(self.client.home().path().join("runs"));
        written.ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn stop(&self) {
        std::fs::write(self.client.home().path().join("stop"), "").expect("the folder is ours");
    }

    /// Each run has ended well, with its tasks and its log lines.
    fn assert_whole(&self, database: &Database, schema: &str) {
        let runs = self.runs();
        let api = self.tenant.api();
        let completed = json!({"state": {"type": {"any_": ["COMPLETED"]}}});
        let count = |path: &str, filter: Value| api.post(path, &filter).expect(200);
        assert_eq!(count("/flow_runs/count", json!({})), runs);
        assert_eq!(count("/flow_runs/count", json!({"flow_runs": completed})), runs);
        assert_eq!(count("/task_runs/count", json!({"task_runs": completed})), runs * 5);
        assert_eq!(count("/task_runs/count", json!({})), runs * 5);
        let lines = database.sql(&format!("select count(*) from {schema}.log where message like 'adding %'"));
        assert_eq!(lines, (runs * 5).to_string());
    }
}
