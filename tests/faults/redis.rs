//! Redis in every trouble: no request fails, none waits for it, nothing is lost, and soon after its end it is of use again.
//! That limits and the cache's contract hold meanwhile is shown in `tests/limits/replicas.rs` and `tests/cache/contract.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Account, Api, Cluster, Server, Trouble, Troubled, eventually, truth};

use crate::ledger::{Kind, Ledger};
use crate::load::Load;
use crate::whole::halves;

/// How long each trouble lasts at least: longer than the program takes to make up its mind about one.
const LASTS: Duration = Duration::from_secs(3);
/// Acknowledged writes while it lasts.
const BETWEEN: usize = 100;
/// Until Redis is of use again after its end.
const IN_USE: Duration = Duration::from_secs(3);
/// Nobody waits longer than 25 ms for Redis; a machine that does other work as well needs a margin.
const MEDIAN: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(2);

#[test]
fn no_trouble_of_redis_fails_a_request_or_makes_it_wait() {
    let database = Cluster::shared().database();
    let mut redis = Troubled::start();
    let replica = || Server::builder().database(&database).env("REDIS_URL", &redis.url()).start();
    let replicas = [replica(), replica()];
    let tenant = Account::create(&replicas[0]).workspace();
    let schema = truth::schema_of(&replicas[0], &tenant);
    let flow = tenant.api().post("/flows/", &json!({"name": "under load"})).expect(201);
    let flow = flow["id"].as_str().expect("an id");
    let (ledger, stop) = (Ledger::default(), AtomicBool::new(false));
    let loads = replicas.each_ref().map(|replica| Load {
        tenant: tenant.at(replica),
        flow: flow.to_owned(),
        ledger: &ledger,
        stop: &stop,
    });

    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for load in &loads {
            threads.push(scope.spawn(|| load.runs()));
            threads.push(scope.spawn(|| load.logs()));
            threads.push(scope.spawn(|| load.events()));
            threads.push(scope.spawn(|| load.socket()));
        }
        // A panic in here must not leave the threads running, or it is never seen.
        let endured = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let apis = replicas.each_ref().map(|replica| tenant.at(replica).api());
            for trouble in Trouble::ALL {
                redis.befall(trouble);
                let (goal, until) = (ledger.sure() + BETWEEN, Instant::now() + LASTS);
                let mut times = Vec::new();
                while Instant::now() < until || ledger.sure() < goal {
                    assert!(threads.iter().all(|thread| !thread.is_finished()), "{trouble:?}: a client gave up");
                    for api in &apis {
                        times.push(read(api, flow));
                    }
                }
                times.sort();
                let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
                eprintln!("{trouble:?}: {} reads, median {median:?}, longest {longest:?}", times.len());
                assert!(median < MEDIAN && longest < LONGEST, "{trouble:?}: {median:?}, at most {longest:?}");
                redis.heal(trouble);
                let healed = Instant::now();
                apis.iter().for_each(|api| is_in_use(api, flow));
                assert!(healed.elapsed() < IN_USE, "{trouble:?}: of use again after {:?}", healed.elapsed());
                assert_eq!(ledger.failures(), [""; 0], "{trouble:?}: a request failed");
            }
        }));
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        endured.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });

    assert_eq!(ledger.ends(), [""; 0], "a socket was ended");
    for kind in [Kind::FlowRun, Kind::State, Kind::Log, Kind::Event, Kind::TaskRun] {
        assert!(ledger.count(kind) > 0, "no write of {kind:?} was acknowledged");
    }
    let mut findings = ledger.against(&database, &schema);
    findings.extend(halves(&database, &schema));
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// What the cache answers while it can.
fn read(api: &Api, flow: &str) -> Duration {
    let asked = Instant::now();
    api.get(&format!("/flows/{flow}")).expect(200);
    asked.elapsed()
}

fn is_in_use(api: &Api, flow: &str) {
    eventually("the cache answers", || {
        let answer = api.get(&format!("/flows/{flow}"));
        let status = answer.header("cache-status").unwrap_or_default().to_owned();
        if status.ends_with("; hit") { Ok(()) } else { Err(status) }
    });
}
