//! What services and workers ask: each reads by its index what it is to do, however much there is beside it.
//!
//! Services send prepared statements with plans that are made once, whatever the values, so that plan is explained here. What
//! changes something is undone after it.

use tokio_postgres::Client;
use uuid::Uuid;

use super::Done;
use crate::concurrency_limits::leases;
use crate::flow_runs::due;
use crate::{deployments, events, pulse, retention, schedules, work_pools};

/// A statement with its values as literals, the index that is meant to give it (or one of several), and how many rows of the
/// large tables it may read.
struct Asked {
    what: &'static str,
    sql: &'static str,
    values: Vec<String>,
    index: &'static str,
    most: u64,
}

/// Shortly before the first run that waits.
const NOW: &str = "'2026-12-28T00:00:00Z'";
const SOON: &str = "'2026-12-30T00:00:00Z'";
const END: &str = "'2027-01-02T00:00:00Z'";
const OLD: &str = "'2026-01-08T00:00:00Z'";
const BEFORE_ALL: &str = "'2024-01-01T00:00:00Z'";

fn asked(pool: Uuid, deployments: &[Uuid], run: Uuid) -> Vec<Asked> {
    let of = |what, sql, values: &[&str], index, most| {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Asked { what, sql, values, index, most }
    };
    let (pool, run) = (format!("'{pool}'"), format!("'{run}'"));
    let deployments: Vec<String> = deployments.iter().map(Uuid::to_string).collect();
    let deployments = format!("'{{{}}}'", deployments.join(","));
    let poll = work_pools::poll_statement();
    vec![
        of("poll of a pool", poll, &[&pool, "null", "null", "null", "200"], "flow_run_queue_next", 1200),
        of(
            "poll of a pool, what is due next",
            poll,
            &[&pool, "null", SOON, "null", "200"],
            "flow_run_queue_next",
            1200,
        ),
        of("poll of a pool, none", poll, &[&pool, "null", BEFORE_ALL, "null", "200"], "flow_run_queue_next", 300),
        of(
            "poll of deployments",
            deployments::poll_statement(),
            &[&deployments, "null", "200"],
            "flow_run_deployment_next",
            1000,
        ),
        of("late runs", due::LATE, &[END, "200"], "flow_run_late", 201),
        of("late runs, none", due::LATE, &[BEFORE_ALL, "200"], "flow_run_late", 1),
        of("time-outs", due::OVERDUE, &[NOW, "100"], "flow_run_due", 101),
        of("tasks of a cancelled run", due::TASKS_OF_CANCELLED, &[&run, "100"], "task_run_identity", 10),
        // In a small workspace all subflows there are may be looked through.
        of("subflows of a cancelled run", due::SUBFLOWS_OF_CANCELLED, &[&run, "100"], "task_run_identity", 1300),
        of("leases to reap", leases::REAP, &["500"], "concurrency_lease_expiry", 0),
        of("the next lease", leases::NEXT, &[], "concurrency_lease_expiry", 0),
        of("silent workers", pulse::silence::WORKERS, &[NOW, "30", "3"], "pulse_ready", 0),
        of("pools without a worker", pulse::silence::POOLS, &[], "pulse_ready", 0),
        of("silent queues", pulse::silence::QUEUES, &[NOW, "60"], "pulse_ready", 0),
        of("silent deployments", pulse::silence::DEPLOYMENTS, &[NOW, "60"], "pulse_ready", 0),
        of("the next silence", pulse::silence::NEXT, &["30", "3", "60"], "pulse_ready", 0),
        of("schedules that are due", schedules::DUE, &[END, "50"], "schedule_pass_due", 2500),
        of("schedules that are due, none", schedules::DUE, &[NOW, "50"], "schedule_pass_due", 0),
        of(
            "schedules that runs are made for",
            schedules::LOCKED,
            &[END, "'{}'"],
            "schedule_pass_pkey/schedule_pass_due",
            2500,
        ),
        of("the next schedule", schedules::NEXT, &[], "schedule_pass_due", 0),
        of("names of events", events::BEGINNING, &["'{prefect.flow-run.}'", "501"], "event_name", 20),
        of("names of events, none", events::BEGINNING, &["'{nobody.,nothing.}'", "501"], "event_name", 5),
        of("whether anything is old", retention::OLD, &[OLD, OLD, OLD, BEFORE_ALL], "event_pkey", 100),
        of("whether anything is old, nothing", retention::OLD, &[BEFORE_ALL; 4], "flow_run_end", 1),
        of("old events", retention::EVENTS, &[OLD, "500"], "event_pkey", 1100),
        of("old log lines", retention::LOGS, &[OLD, "500"], "log_timestamp", 1100),
        of("old runs", retention::RUNS_OF, &[OLD, "50"], "flow_run_end", 60),
        of("old tasks of no run", retention::TASKS, &[END, "500"], "task_run_end_alone", 1),
    ]
}

#[expect(clippy::print_stdout, reason = "a table to be read with --nocapture")]
pub(super) async fn looked(client: &Client) -> Vec<String> {
    let one = async |sql: &str| client.query_one(sql, &[]).await.expect("there is one").get::<_, Uuid>(0);
    let pool = one("select id from work_pool where name = 'pool-1'").await;
    let run = one("select flow_run_id from task_run where id = (select parent_task_run_id from flow_run \
        where parent_task_run_id is not null order by id limit 1 offset 500)")
    .await;
    let some = client.query("select distinct on (d.name) d.id from deployment d join flow_run r on r.deployment_id = d.id and r.state_type = 0 \
        order by d.name limit 20", &[]).await.expect("there are some");
    let some: Vec<Uuid> = some.iter().map(|row| row.get(0)).collect();
    let mut wrong = Vec::new();
    for Asked { what, sql, values, index, most } in asked(pool, &some, run) {
        let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
        let prepare = format!("begin; set local plan_cache_mode to force_generic_plan; prepare asked as {sql}");
        client.batch_execute(&prepare).await.unwrap_or_else(|e| panic!("{what}: {e:?}: {sql}"));
        let text = format!("explain (analyze, timing off, format json) execute asked{values}");
        let row = client.query_one(&text, &[]).await.unwrap_or_else(|e| panic!("{what}: {e:?}: {values} {sql}"));
        client.batch_execute("rollback; deallocate asked").await.expect("it is undone");
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
