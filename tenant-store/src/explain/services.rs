//! What services and workers ask: each reads by its index what it is to do, however much there is beside it.
//!
//! What changes something is undone after it was explained.

use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;
use wire::Time;

use super::Done;
use crate::concurrency_limits::leases;
use crate::flow_runs::due;
use crate::{deployments, pulse, retention, schedules, work_pools};

type Param = Box<dyn ToSql + Sync + Send>;

/// A statement, the index that is meant to give it (or one of several), and how many rows of the large tables it may read.
struct Asked {
    what: &'static str,
    sql: &'static str,
    params: Vec<Param>,
    index: &'static str,
    most: u64,
}

fn at(text: &str) -> Time {
    Time::from_text(text).expect("a time")
}

fn asked(pool: Uuid, deployments: Vec<Uuid>, run: Uuid) -> Vec<Asked> {
    // Shortly before the first run that waits.
    let now = at("2026-12-28T00:00:00Z");
    let old = at("2026-01-08T00:00:00Z");
    let before_all = at("2024-01-01T00:00:00Z");
    let end = at("2027-01-02T00:00:00Z");
    let of = |what, sql, params: Vec<Param>, index, most| Asked { what, sql, params, index, most };
    let poll = |until: Option<Time>| -> Vec<Param> {
        vec![Box::new(pool), Box::new(None::<Vec<Uuid>>), Box::new(until), Box::new(None::<Time>), Box::new(200_i64)]
    };
    let polled = work_pools::poll_statement();
    vec![
        of("poll of a pool", polled, poll(None), "flow_run_queue_next", 1200),
        of(
            "poll of a pool, what is due next",
            polled,
            poll(Some(at("2026-12-30T00:00:00Z"))),
            "flow_run_queue_next",
            1200,
        ),
        of("poll of a pool, none", polled, poll(Some(before_all)), "flow_run_queue_next", 300),
        of(
            "poll of deployments",
            deployments::poll_statement(),
            vec![Box::new(deployments), Box::new(None::<Time>), Box::new(200_i64)],
            "flow_run_deployment_next",
            1000,
        ),
        of("late runs", due::LATE, vec![Box::new(end), Box::new(200_i64)], "flow_run_late", 201),
        of("late runs, none", due::LATE, vec![Box::new(before_all), Box::new(200_i64)], "flow_run_late", 1),
        of("time-outs", due::OVERDUE, vec![Box::new(now), Box::new(100_i64)], "flow_run_due", 101),
        of(
            "tasks of a cancelled run",
            due::TASKS_OF_CANCELLED,
            vec![Box::new(run), Box::new(100_i64)],
            "task_run_identity",
            10,
        ),
        // In a small workspace all subflows there are may be looked through.
        of(
            "subflows of a cancelled run",
            due::SUBFLOWS_OF_CANCELLED,
            vec![Box::new(run), Box::new(100_i64)],
            "task_run_identity",
            1300,
        ),
        of("leases to reap", leases::REAP, vec![Box::new(500_i64)], "concurrency_lease_expiry", 0),
        of("the next lease", leases::NEXT, vec![], "concurrency_lease_expiry", 0),
        of("silent workers", pulse::silence::WORKERS, vec![Box::new(now), Box::new(30), Box::new(3)], "pulse_ready", 0),
        of("pools without a worker", pulse::silence::POOLS, vec![], "pulse_ready", 0),
        of("silent queues", pulse::silence::QUEUES, vec![Box::new(now), Box::new(60)], "pulse_ready", 0),
        of("silent deployments", pulse::silence::DEPLOYMENTS, vec![Box::new(now), Box::new(60)], "pulse_ready", 0),
        of("the next silence", pulse::silence::NEXT, vec![Box::new(30), Box::new(3), Box::new(60)], "pulse_ready", 0),
        of("schedules that are due", schedules::DUE, vec![Box::new(end), Box::new(50_i64)], "schedule_pass_due", 2500),
        of(
            "schedules that are due, none",
            schedules::DUE,
            vec![Box::new(now), Box::new(50_i64)],
            "schedule_pass_due",
            0,
        ),
        of("the next schedule", schedules::NEXT, vec![], "schedule_pass_due", 0),
        of(
            "whether anything is old",
            retention::OLD,
            vec![Box::new(old), Box::new(old), Box::new(old), Box::new(before_all)],
            "event_pkey",
            100,
        ),
        of(
            "whether anything is old, nothing",
            retention::OLD,
            vec![Box::new(before_all), Box::new(before_all), Box::new(before_all), Box::new(before_all)],
            "flow_run_end",
            1,
        ),
        of("old events", retention::EVENTS, vec![Box::new(old), Box::new(500_i64)], "event_pkey", 1100),
        of("old log lines", retention::LOGS, vec![Box::new(old), Box::new(500_i64)], "log_timestamp", 1100),
        of("old runs", retention::RUNS_OF, vec![Box::new(old), Box::new(50_i64)], "flow_run_end", 60),
        of(
            "old tasks of no run",
            retention::TASKS,
            vec![Box::new(before_all), Box::new(500_i64)],
            "task_run_end/task_run_identity",
            1,
        ),
    ]
}

#[expect(clippy::print_stdout, reason = "a table to be read with --nocapture")]
pub(super) async fn looked(client: &Client) -> Vec<String> {
    let one = async |sql: &str| client.query_one(sql, &[]).await.expect("there is one").get::<_, Uuid>(0);
    let pool = one("select id from work_pool where name = 'pool-1'").await;
    let run = one("select flow_run_id from task_run where id = (select parent_task_run_id from flow_run \
        where parent_task_run_id is not null order by id limit 1 offset 500)")
    .await;
    let some = client.query("select id from deployment order by name limit 20", &[]).await.expect("there are some");
    let some = some.iter().map(|row| row.get(0)).collect();
    let mut wrong = Vec::new();
    for Asked { what, sql, params, index, most } in asked(pool, some, run) {
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param.as_ref() as _).collect();
        let text = format!("explain (analyze, timing off, format json) {sql}");
        client.batch_execute("begin").await.expect("a transaction begins");
        let row = client.query_one(&text, &params).await.unwrap_or_else(|e| panic!("{what}: {e:?}: {sql}"));
        client.batch_execute("rollback").await.expect("it is undone");
        let plan = row.get::<_, wire::RawJson>(0).to_value();
        let mut done = Done::default();
        Done::of(&plan[0]["Plan"], &mut done);
        let time = plan[0]["Execution Time"].as_f64().unwrap_or(0.0) + plan[0]["Planning Time"].as_f64().unwrap_or(0.0);
        println!("{time:9.2} ms {:9} rows  {what}: {:?}", done.read, done.indexes);
        if done.read > most
            || !index.split('/').any(|index| done.indexes.contains(index))
            || !done.whole_tables.is_empty()
        {
            wrong.push(format!(
                "{what}: read {} rows with {:?}\n{}",
                done.read,
                done.indexes,
                serde_json::to_string_pretty(&plan).unwrap_or_default()
            ));
        }
    }
    wrong
}
