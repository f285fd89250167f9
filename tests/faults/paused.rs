//! One of two replicas stands still for a while, as on a machine that swaps or is moved, and goes on as if nothing had been.
//! The other serves meanwhile, also what the first was in the middle of; afterwards nothing is there twice, nothing is lost,
//! and the first answers nothing that it remembers from before.
//!
//! `PAUSED_SECONDS` is for how long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Account, Api, Cluster, Held, Incoming, Redis, Server, eventually, truth};

use crate::ledger::{Kind, Ledger};
use crate::load::Load;
use crate::whole::halves;

/// Acknowledged writes before, while and after.
const BETWEEN: usize = 200;
/// What a transaction may wait for its next statement, and a margin.
const ABANDONED: &str = "8 seconds";
/// For a request that waits for what the paused replica had locked.
const LONGEST: Duration = Duration::from_secs(8);

pub fn pause() -> Duration {
    let seconds = std::env::var("PAUSED_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

#[test]
fn a_replica_that_stands_still_and_goes_on() {
    let (database, redis) = (Cluster::shared().database(), Redis::start());
    let replica = || Server::builder().database(&database).redis(&redis).start();
    let [well, paused] = [replica(), replica()];
    let tenant = Account::create(&well).workspace();
    let schema = truth::schema_of(&well, &tenant);
    let flow = tenant.api().post("/flows/", &json!({"name": "under load", "tags": ["0"]})).expect(201);
    let flow = flow["id"].as_str().expect("an id");
    let path = format!("/flows/{flow}");
    let bot = tenant.bot("Developer");
    let (here, there) = (tenant.at(&well).api(), tenant.at(&paused).api());
    let as_bot = there.with_key(Some(&bot.key));
    let (ledger, stop) = (Ledger::default(), AtomicBool::new(false));
    let load_of =
        |replica: &Server| Load { tenant: tenant.at(replica), flow: flow.to_owned(), ledger: &ledger, stop: &stop };
    let loads = [load_of(&well), load_of(&paused)];

    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for load in &loads {
            // Enough that some are in the middle of something whenever it is stopped.
            for _ in 0..4 {
                threads.push(scope.spawn(|| load.runs()));
            }
            threads.push(scope.spawn(|| load.logs()));
            threads.push(scope.spawn(|| load.events()));
            threads.push(scope.spawn(|| load.socket()));
        }
        // A panic in here must not leave the threads running, or it is never seen.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let go_on = |from: usize| {
                eventually("the load goes on", || {
                    assert!(threads.iter().all(|thread| !thread.is_finished()), "a client gave up");
                    if ledger.sure() >= from + BETWEEN { Ok(()) } else { Err(ledger.sure()) }
                });
            };
            go_on(0);
            let mut socket = tenant.at(&paused).socket("/events/in");
            assert!(
                matches!(socket.authenticate(Some(&tenant.key)), Incoming::Json(said) if said["type"] == "auth_success")
            );
            assert_eq!(tag(&there, &path).as_deref(), Some("0"), "it knows the flow, as it is");
            as_bot.get(&path).expect(200);

            let before = ledger.sure();
            paused.signal("STOP");
            let (stopped, mut number) = (Instant::now(), 0);
            let revoked = format!("/bots/{}", bot.id);
            assert!(tenant.account.api().at(&account_at(&well, &tenant.account.id)).delete(&revoked).status < 300);
            while stopped.elapsed() < pause() {
                number += 1;
                let asked = Instant::now();
                here.patch(&path, &json!({"tags": [number.to_string()]})).expect(204);
                assert_eq!(tag(&here, &path), Some(number.to_string()));
                assert!(asked.elapsed() < LONGEST, "it took {:?}", asked.elapsed());
                let abandoned = format!(
                    "select count(*) from pg_stat_activity where datname = '{}' and state like 'idle in transaction%' \
                     and state_change < clock_timestamp() - interval '{ABANDONED}'",
                    database.name
                );
                assert_eq!(database.sql(&abandoned), "0", "a transaction is held open");
            }
            go_on(before);
            paused.signal("CONT");

            // The first answers, with what it may remember.
            let (first, as_bot) = (tag(&there, &path), as_bot.get(&path));
            assert!(first.is_none_or(|tag| tag == number.to_string()), "an answer from before");
            assert!(matches!(as_bot.status, 401 | 503), "a key that was revoked counts: {}", as_bot.status);
            eventually("the paused replica answers", || match tag(&there, &path) {
                Some(tag) if tag == number.to_string() => Ok(()),
                other => Err(other),
            });
            if socket.try_ping(b"still there").is_ok() {
                let said = socket.receive();
                assert!(matches!(said, Incoming::Pong(_) | Incoming::Closed(_)), "{said:?}");
            }
            go_on(ledger.sure());
            let of_paused = ledger.sure();
            there.post("/flow_runs/", &json!({"flow_id": flow, "idempotency_key": "later"})).expect(201);
            ledger.tell(Kind::FlowRun, "later", crate::ledger::Told::Sure);
            assert!(ledger.sure() > of_paused);
        }));
        stop.store(true, Ordering::Relaxed);
        paused.signal("CONT");
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });

    let failures = ledger.failures();
    eprintln!("{} requests were to be repeated:\n{}", failures.len(), failures.join("\n"));
    assert!(failures.iter().all(|failure| failure.contains(paused.url())), "the other replica failed a request");
    assert!(!paused.log().contains("the database is away"), "the database was there all the time");
    let mut findings = ledger.against(&database, &schema);
    findings.extend(halves(&database, &schema));
    let twice = "select run_id from {s}.run_state where kind = 0 group by run_id, state ->> 'type' having count(*) > 1";
    findings.extend(database.sql(&twice.replace("{s}", &schema)).lines().map(|run| format!("a state twice: {run}")));
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// The tag of a flow; none where the answer is to try again.
fn tag(api: &Api, path: &str) -> Option<String> {
    let answer = api.get(path);
    (answer.status != 503).then(|| answer.expect(200)["tags"][0].as_str().expect("a tag").to_owned())
}

fn account_at(replica: &Server, account: &str) -> String {
    format!("{}/api/accounts/{account}", replica.url())
}

#[test]
fn what_it_had_locked_is_let_go() {
    let database = Cluster::shared().database();
    let replica = || Server::builder().database(&database).start();
    let [well, paused] = [replica(), replica()];
    let tenant = Account::create(&well).workspace();
    let schema = truth::schema_of(&well, &tenant);
    let flow = tenant.api().post("/flows/", &json!({"name": "f"})).expect(201);
    let run = || {
        let body = json!({"flow_id": flow["id"], "state": {"type": "PENDING"}});
        tenant.api().post("/flow_runs/", &body).expect(201)["id"].as_str().expect("an id").to_owned()
    };
    let set = |replica: &Server, run: &str, state: &str| {
        let path = format!("/flow_runs/{run}/set_state");
        tenant.at(replica).api().post(&path, &json!({"state": {"type": state}}))
    };
    // So that it knows the statements, and the next time waits for the rows alone.
    set(&paused, &run(), "RUNNING").expect(201);
    let run = run();
    std::thread::scope(|scope| {
        let held = Held::table(&database, &format!("{schema}.flow_run"));
        let asked = scope.spawn(|| set(&paused, &run, "RUNNING"));
        held.until_waiting(1);
        paused.signal("STOP");
        held.let_go();
        // Now the run is locked by one who does not know it.
        let begun = Instant::now();
        let answer = set(&well, &run, "CANCELLED").expect(201);
        assert_eq!(answer["status"], "ACCEPT");
        assert!(begun.elapsed() < LONGEST, "it took {:?}", begun.elapsed());
        paused.signal("CONT");
        let answer = asked.join().expect("it is answered");
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.header("retry-after").is_some());
    });
    let states = format!("select state ->> 'type' from {schema}.run_state where run_id = '{run}' order by timestamp");
    assert_eq!(database.sql(&states), "PENDING\nCANCELLED");
}
