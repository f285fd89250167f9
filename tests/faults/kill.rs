//! `kill -9` of the program and of Postgres under load, again and again: what was acknowledged is there exactly once; what
//! was open is there or not, and never twice; nothing is half written.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tests::{Account, Cluster, Server, eventually, truth};

use crate::ledger::{Kind, Ledger};
use crate::load::Load;
use crate::whole::halves;

const KILLS: usize = 20;
/// Acknowledged writes between two kills: enough that every kind is under way.
const BETWEEN: usize = 60;

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let cluster = Cluster::own();
    let database = cluster.database();
    // The shared settings are for speed; here a kill of Postgres must be as hard as it gets without pulling the plug.
    database.sql("alter system set fsync = on");
    database.sql("select pg_reload_conf()");
    eventually("fsync is on", || if database.sql("show fsync") == "on" { Ok(()) } else { Err("off") });

    let mut server = Server::builder().database(&database).start();
    let tenant = Account::create(&server).workspace();
    let flow = tenant.api().post("/flows/", &json!({"name": "under load"})).expect(201);
    let schema = truth::schema_of(&server, &tenant);
    let (ledger, stop) = (Ledger::default(), AtomicBool::new(false));
    let load = Load { tenant, flow: flow["id"].as_str().expect("an id").to_owned(), ledger: &ledger, stop: &stop };

    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..4 {
            threads.push(scope.spawn(|| load.runs()));
        }
        threads.push(scope.spawn(|| load.logs()));
        threads.push(scope.spawn(|| load.events()));
        threads.push(scope.spawn(|| load.socket()));
        // A panic in here must not leave the threads running, or it is never seen.
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for kill in 0..KILLS {
                // Not always in the same place of the work.
                let until = ledger.sure() + BETWEEN + kill * 7 % 40;
                eventually("the load goes on", || {
                    assert!(threads.iter().all(|thread| !thread.is_finished()), "a client gave up");
                    if ledger.sure() >= until { Ok(()) } else { Err(ledger.sure()) }
                });
                if kill % 2 == 0 {
                    server.kill9();
                    server.start_again();
                } else {
                    cluster.kill9();
                    cluster.start_postgres();
                }
            }
            let until = ledger.sure() + BETWEEN;
            eventually("the load goes on after the last", || {
                if ledger.sure() >= until { Ok(()) } else { Err(ledger.sure()) }
            });
        }));
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        killed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });

    for kind in [Kind::FlowRun, Kind::State, Kind::Log, Kind::Event, Kind::TaskRun] {
        assert!(ledger.count(kind) >= KILLS, "only {} writes of {kind:?} were acknowledged", ledger.count(kind));
    }
    let mut findings = ledger.against(&database, &schema);
    findings.extend(halves(&database, &schema));
    // Its runs go through each state once, and no write of one is repeated.
    let twice = "select run_id from {s}.run_state where kind = 0 group by run_id, state ->> 'type' having count(*) > 1";
    findings.extend(database.sql(&twice.replace("{s}", &schema)).lines().map(|run| format!("a state twice: {run}")));
    let unfinished = "select task_key from {s}.task_run r where state_type <> 3
                      or (select count(*) from {s}.run_state s where s.run_id = r.id) <> 3";
    let unfinished = database.sql(&unfinished.replace("{s}", &schema));
    let sure = unfinished.lines().filter(|key| ledger.is_sure(Kind::TaskRun, key));
    findings.extend(sure.map(|key| format!("a task run whose end was confirmed is not at its end: {key}")));
    let aside = database.sql(&format!("select reason from {schema}.quarantine"));
    findings.extend(aside.lines().map(|reason| format!("set aside: {reason}")));
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
