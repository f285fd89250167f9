//! Every list, order and number asked of a workspace that has been in use for a year, and what Postgres does for it.
//!
//! Each line of `plans.txt` is a request (as in `golden/`), the index that is meant to give it (or one of several), and how
//! many rows of the large tables may be read for it, in hundreds: a plan that reads more does not keep its time when the
//! tables grow. `EXPLAIN_RUNS=1000000` makes the
//! workspace of a million flow runs and three million task runs; without it, it has a twentieth of that. `EXPLAIN_URL`
//! names a database where that was done before (schema `ws`), for a second look.
//! With `--nocapture` the test prints what each took.

mod services;

use std::collections::BTreeSet;

use domain::events::counts::{Buckets, TimeUnit};
use domain::events::filter::EventFilter;
use serde_json::Value;
use tokio_postgres::Client;
use wire::Time;

use crate::events;
use crate::golden::{asked, parsed, statement};
use crate::relations::Near;
use crate::testing::Database;

const DATA: &str = include_str!("data.sql");
const PLANS: &str = include_str!("plans.txt");
const LARGE: [&str; 10] = [
    "event",
    "flow_run",
    "task_run",
    "task_offer",
    "run_state",
    "artifact",
    "artifact_latest",
    "variable",
    "block_document",
    "log",
];

async fn workspace(runs: u32) -> Client {
    let database = Database::create().await;
    let client = Database::connect(&database.superuser).await;
    let migrations: String = crate::migrate::of_workspaces().collect();
    let is_index =
        |line: &&str| ["create index", "create unique index", "drop index"].iter().any(|word| line.starts_with(word));
    let (indexes, tables): (Vec<&str>, Vec<&str>) = migrations.lines().partition(is_index);
    // Indexes are made when the rows are there, which is faster.
    let settings = format!("set search_path to ws; set explain.runs = '{runs}'; set maintenance_work_mem = '256MB'");
    for text in ["create schema ws", &settings, &tables.join("\n"), DATA, &indexes.join("\n"), "vacuum analyze"] {
        client.batch_execute(text).await.expect("the workspace is made");
    }
    client
}

/// What a plan did.
#[derive(Default)]
struct Done {
    indexes: BTreeSet<String>,
    /// Rows of the large tables that were looked at.
    read: u64,
    whole_tables: BTreeSet<String>,
}

impl Done {
    fn of(plan: &Value, done: &mut Done) {
        let table = plan["Relation Name"].as_str().unwrap_or_default();
        let number = |name: &str| plan[name].as_f64().unwrap_or(0.0);
        let loops = number("Actual Loops");
        if LARGE.contains(&table) {
            done.read +=
                ((number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck"))
                    * loops) as u64;
            if plan["Node Type"].as_str().is_some_and(|node| node.ends_with("Seq Scan")) && loops > 0.0 {
                done.whole_tables.insert(table.to_owned());
            }
        }
        if loops > 0.0 {
            done.indexes.extend(plan["Index Name"].as_str().map(str::to_owned));
        }
        for plan in plan["Plans"].as_array().into_iter().flatten() {
            Done::of(plan, done);
        }
    }
}

/// The days of a week.
fn days() -> Buckets {
    let at = |day: i64| Time::from_micros(1_780_000_000_000_000 + day * 86_400_000_000);
    Buckets::new(TimeUnit::Day, 1.0, at(0), at(7), at(100)).expect("few")
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a table to be read with --nocapture")]
async fn sql_keeps_to_its_indexes() {
    let runs = std::env::var("EXPLAIN_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(50_000);
    let client = match std::env::var("EXPLAIN_URL") {
        Ok(url) => {
            let client = Database::connect(&url).await;
            client.batch_execute("set search_path to ws").await.expect("a setting");
            client
        }
        Err(_) => workspace(runs).await,
    };
    // `@flow` in a request is the flow with a tenth of all runs, and so on.
    let mut ids = Vec::new();
    for (name, query) in [
        ("@flow", "select id::text from flow where name = 'flow-1'"),
        ("@rare", "select id::text from flow where name = 'flow-290'"),
        ("@block_type", "select id::text from block_type where slug = 'type-7'"),
        ("@deployment", "select id::text from deployment where name = 'deployment-7'"),
        (
            "@run",
            "select flow_run_id::text from task_run where id = (select parent_task_run_id from flow_run where parent_task_run_id is not null order by id limit 1 offset 500)",
        ),
    ] {
        ids.push((name, client.query_one(query, &[]).await.expect("there is one").get::<_, String>(0)));
    }
    let mut wrong = Vec::new();
    for line in PLANS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [what, body, index, most] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("cannot read {line}") };
        let body = ids.iter().fold(body.to_owned(), |body, (name, id)| body.replace(name, id));
        // Events are asked for by filters of their own.
        let of_events = what.strip_prefix("events ");
        let asked = asked(if of_events.is_some() { "{}" } else { &body });
        let filter: EventFilter = parsed(if of_events.is_some() { &body } else { "{}" });
        let mut found = Vec::new();
        for sql in [asked.filters.flows_to_find(), asked.filters.deployments_to_find()] {
            found.push(match sql {
                Some(sql) => Some(
                    client
                        .query(sql.text(), &sql.params())
                        .await
                        .expect("a look")
                        .iter()
                        .map(|row| row.get(0))
                        .collect(),
                ),
                None => None,
            });
        }
        let near = Near::found(found.swap_remove(0), found.swap_remove(0));
        let sql = match of_events {
            None => statement(what, &asked, &near),
            Some("list") => events::listing(&filter, events::Page::First, 51),
            Some("count") => events::totalling(&filter),
            Some("by event") => events::counting_by(&filter, events::Counted::Event),
            Some("by resource") => events::counting_by(&filter, events::Counted::Resource),
            Some("by time") => events::counting_over_time(&filter, days()),
            Some(what) => panic!("what is events {what}?"),
        };
        let text = format!("explain (analyze, timing off, format json) {}", sql.text());
        let row = client
            .query_one(&text, &sql.params())
            .await
            .unwrap_or_else(|e| panic!("{what} {body}: {e:?}: {}", sql.text()));
        let plan: wire::RawJson = row.get(0);
        let plan = plan.to_value();
        let mut done = Done::default();
        Done::of(&plan[0]["Plan"], &mut done);
        let time = plan[0]["Execution Time"].as_f64().unwrap_or(0.0) + plan[0]["Planning Time"].as_f64().unwrap_or(0.0);
        println!("{time:9.2} ms {:9} rows  {what} {body}: {:?}", done.read, done.indexes);
        let most = match most {
            "all" => u64::MAX,
            hundreds => hundreds.parse::<u64>().unwrap_or_else(|_| panic!("cannot read {line}")) * 100,
        };
        let meant = index == "-" || index.split('/').any(|index| done.indexes.contains(index));
        if !meant || done.read > most || (most < u64::MAX && !done.whole_tables.is_empty()) {
            wrong.push(format!(
                "{what} {body}\n  read {} rows with {:?}\n{}",
                done.read,
                done.indexes,
                serde_json::to_string_pretty(&plan).unwrap_or_default()
            ));
        }
    }
    wrong.extend(services::looked(&client).await);
    wrong.extend(taken(&client).await);
    assert!(wrong.is_empty(), "{} plans are not as meant:\n{}", wrong.len(), wrong.join("\n"));
}

/// A task worker is given the next of its tasks without a look at the others, or at those that were given out.
#[expect(clippy::print_stdout, reason = "a table to be read with --nocapture")]
async fn taken(client: &Client) -> Option<String> {
    let keys = ["nobody's", "background-1", "background-2"];
    let (session, before): (uuid::Uuid, Option<uuid::Uuid>) = (uuid::Uuid::nil(), None);
    let text = format!("explain (analyze, timing off, format json) {}", *crate::task_workers::TAKE);
    client.batch_execute("begin").await.expect("a transaction");
    let row = client.query_one(&text, &[&session, &"w", &keys.as_slice(), &before]).await.expect("it is explained");
    client.batch_execute("rollback").await.expect("its end");
    let plan = row.get::<_, wire::RawJson>(0).to_value();
    let mut done = Done::default();
    Done::of(&plan[0]["Plan"], &mut done);
    println!("{:9} rows  a task is taken: {:?}", done.read, done.indexes);
    let meant = done.indexes.contains("task_offer_waiting") && done.whole_tables.is_empty() && done.read <= 20;
    (!meant).then(|| format!("a task is taken: read {} rows with {:?}\n{plan:#}", done.read, done.indexes))
}
