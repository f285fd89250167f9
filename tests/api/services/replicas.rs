//! Several replicas, which are killed and stand still: nothing is done twice, and nothing is left undone.

use serde_json::json;
use tests::{Account, Cluster, Server, eventually};

use super::ground::{at, flow, run};

const RUNS: usize = 300;

fn replica(database: &tests::Database) -> Server {
    Server::builder()
        .database(database)
        .env("PREFECTURE_LATE_AFTER", "1s")
        .env("PREFECTURE_SERVICES_POLL", "100ms")
        .env("PREFECTURE_SERVICES_SWEEP", "15s")
        .start()
}

#[test]
fn replicas_that_are_killed_and_stand_still_leave_nothing_undone_and_do_nothing_twice() {
    let database = Cluster::shared().database();
    let serving = Server::builder().database(&database).env("PREFECTURE_SERVICES", "off").start();
    let tenant = Account::create(&serving).workspace();
    let api = tenant.api();
    let flow = flow(&api);
    let schema = tests::truth::schema_of(&serving, &tenant);
    let sql = |text: &str| database.sql(&text.replace("{s}", &schema));
    let waiting =
        || sql("select count(*) from {s}.flow_run where state_name = 'Scheduled'").parse::<usize>().expect("a count");

    let scheduled = json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at(-10)}}});
    for _ in 0..RUNS {
        run(&api, &flow, scheduled.clone());
    }
    assert_eq!(waiting(), RUNS, "nobody marks them yet");

    let (mut killed, paused) = (replica(&database), replica(&database));
    let mut paused_now = false;
    // Something is done between two of these, so that each meets another place of the work.
    for step in 0..12 {
        let before = waiting();
        if before == 0 {
            break;
        }
        match step % 3 {
            0 => {
                killed.kill9();
                killed.start_again();
            }
            1 => {
                paused.signal("STOP");
                paused_now = true;
            }
            _ => {
                paused.signal("CONT");
                paused_now = false;
            }
        }
        eventually("the work goes on", || {
            let now = waiting();
            if now + 3 <= before || now == 0 { Ok(()) } else { Err(now) }
        });
    }
    if paused_now {
        paused.signal("CONT");
    }
    eventually("every run is late", || {
        let left = waiting();
        if left == 0 { Ok(()) } else { Err(left) }
    });
    let twice = "select count(*) from (select run_id from {s}.run_state where name = 'Late' group by run_id having count(*) <> 1) x";
    assert_eq!(sql(twice), "0", "a run was marked twice");
    assert_eq!(sql("select count(*) from {s}.run_state where name = 'Late'"), RUNS.to_string());
    let events = sql("select count(*) from {s}.event where event = 'prefect.flow-run.Late'");
    assert_eq!(events, RUNS.to_string(), "one event for each");
}

/// The row is as if no hint had ever been written: what is due is found all the same.
#[test]
fn a_hint_that_is_lost_costs_time_and_nothing_else() {
    let database = Cluster::shared().database();
    let serving = Server::builder().database(&database).env("PREFECTURE_SERVICES", "off").start();
    let tenant = Account::create(&serving).workspace();
    let api = tenant.api();
    let flow = flow(&api);
    let late = run(&api, &flow, json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at(-10)}}}));
    database.sql("delete from cell.tick");
    let _services = replica(&database);
    super::ground::becomes(&api, &format!("/flow_runs/{late}"), "Late");
    let second =
        run(&api, &flow, json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at(-10)}}}));
    database.sql("update cell.tick set hinted = 'infinity', due = least(due, now() + interval '15 s')");
    super::ground::becomes(&api, &format!("/flow_runs/{second}"), "Late");
}

#[test]
fn a_replica_ends_in_peace_with_its_services() {
    let database = Cluster::shared().database();
    let mut server = replica(&database);
    let tenant = Account::create(&server).workspace();
    let api = tenant.api();
    let flow = flow(&api);
    for _ in 0..40 {
        run(&api, &flow, json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at(-10)}}}));
    }
    server.sigterm();
    assert!(server.wait().success(), "{}", server.log());
    assert!(!server.log().contains("still at work"), "{}", server.log());
    assert_eq!(
        database.sql("select count(*) from cell.tick where claimed_until > now()"),
        "0",
        "its claims were given back"
    );
}
