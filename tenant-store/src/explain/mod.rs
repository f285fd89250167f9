//! Every list, order and number asked of a workspace that has been in use for a year, and what Postgres does for it.
//!
//! Each line of `plans.txt` is a request (as in `golden/`), the index that is meant to give it, and how many rows of the
//! large tables may be read for it, in hundreds: a plan that reads more does not keep its time when the tables grow. `EXPLAIN_RUNS=1000000` makes the
//! workspace of a million flow runs and three million task runs; without it, it has a tenth of that.
//! With `--nocapture` the test prints what each took.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::{Client, NoTls};

use crate::golden::{filters, statement};
use crate::testing::Database;

const MIGRATION: &str = include_str!("../../migrations/workspace/0001_runs.sql");
const DATA: &str = include_str!("data.sql");
const PLANS: &str = include_str!("plans.txt");
const LARGE: [&str; 3] = ["flow_run", "task_run", "run_state"];

async fn workspace(runs: u32) -> Client {
    let database = Database::create().await;
    let (client, connection) = tokio_postgres::connect(&database.superuser, NoTls).await.expect("the cluster accepts connections");
    tokio::spawn(connection);
    let is_index = |line: &&str| line.starts_with("create index") || line.starts_with("create unique index");
    let (indexes, tables): (Vec<&str>, Vec<&str>) = MIGRATION.lines().partition(is_index);
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
            done.read += ((number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck")) * loops) as u64;
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

#[tokio::test]
async fn sql_keeps_to_its_indexes() {
    let runs = std::env::var("EXPLAIN_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(100_000);
    let client = workspace(runs).await;
    let mut wrong = Vec::new();
    for line in PLANS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [what, body, index, most] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("cannot read {line}") };
        let filters = filters(body);
        let sql = statement(what, &filters);
        let text = format!("explain (analyze, timing off, format json) {}", sql.text());
        let row = client.query_one(&text, &sql.params()).await.unwrap_or_else(|e| panic!("{what} {body}: {e:?}: {}", sql.text()));
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
        if !done.indexes.contains(index) || done.read > most || (most < u64::MAX && !done.whole_tables.is_empty()) {
            wrong.push(format!("{what} {body}\n  read {} rows with {:?}\n{}", done.read, done.indexes, serde_json::to_string_pretty(&plan).unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "{} plans are not as meant:\n{}", wrong.len(), wrong.join("\n"));
}
