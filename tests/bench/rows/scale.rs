//! Every list of a workspace that has been in use for a year, a million flow runs and three million task runs in it, two
//! thousand deployments with a schedule each: how long each takes, one at a time, alone and among three hundred other
//! workspaces that are read in between; and how long a pass of the scheduler takes. The slowest are shown.
//!
//! The data are those by which the store's own test explains its plans, moved so that they end now.

use std::time::{Duration, Instant};

use ::tests::Api;

use super::{Random, get};
use crate::Result;
use crate::bodies::{now_micros, rfc3339};
use crate::bulk::{self, Store};
use crate::furniture::{self, HOUR, from_now};
use crate::http::{Connection, Headers, Target};
use crate::place;
use crate::program::Apart;
use crate::scene::Scene;
use crate::table::{Floor, Row};

const DATA: &str = include_str!("../../../tenant-store/src/explain/data.sql");
const LISTS: &str = include_str!("lists.txt");
/// Where the data begin unless moved, and which part of their year has passed.
const BEGINNING: &str = "2026-01-01Z";
const PASSED: f64 = 0.99;
const LARGE: [&str; 6] = ["flow_run", "task_run", "run_state", "artifact", "event", "log"];
const BLOCKS: usize = 200;
/// Times that each is asked for; the median counts.
const TIMES: usize = 5;
const SHOWN: usize = 8;

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    if scene.program.is_none() {
        return Ok(Vec::new());
    }
    // What is old stays, and nothing is held open.
    let settings = [("PREFECTURE_KEEP_EVENTS", "0s"), ("PREFECTURE_KEEP_LOGS", "0s"), ("PREFECTURE_POLL_HOLD", "0s")];
    let apart = Apart::start(&scene.measure, &settings)?;
    let large = &apart.program.place;
    fill(&large.store, scene.scale.scale)?;
    for number in 0..BLOCKS {
        furniture::secret(&large.api, &format!("secret-{number}"))?;
    }
    let lists = lists(&large.store)?;
    let alone = times(&large.target, &lists, &[]).await?;
    let mut rows = slowest("", &lists, &alone);
    rows.extend(passes(&apart).await?);
    let mut others = Vec::new();
    for _ in 0..scene.scale.beside {
        let tenant = apart.program.account.workspace();
        let (_, runs) = place::few_runs(&tenant.api(), 5)?;
        let target = Target::parse(&tenant.api_url(), Some(&tenant.key))?;
        others.push(get(&target, &format!("/flow_runs/{}", runs[0])));
    }
    let among = times(&large.target, &lists, &others).await?;
    rows.extend(slowest(&format!(", among {} workspaces", others.len()), &lists, &among));
    Ok(rows)
}

fn fill(store: &Store, runs: u64) -> Result<()> {
    let year = 365.0 * 24.0 * HOUR as f64;
    let begins = rfc3339(now_micros() - (year * PASSED) as i64);
    let data = DATA.replace(BEGINNING, &begins);
    let schema = &store.schema;
    let filled = format!(
        "set search_path to \"{schema}\"; set explain.runs = '{runs}'; {}; delete from block_ref; delete from block_document; \
         insert into task_run_tally (change) select count(*) from task_run", // the triggers are off meanwhile
        data.trim_end().trim_end_matches(';')
    );
    store.database.try_sql(&bulk::with_indexes_aside(schema, &LARGE, &filled))?;
    for table in LARGE {
        store.database.try_sql(&format!("vacuum (analyze) \"{schema}\".{table}"))?;
    }
    store.database.try_sql("checkpoint")?;
    Ok(())
}

/// A request of the list, as it is shown and as it is sent.
struct List {
    shown: &'static str,
    method: &'static str,
    path: &'static str,
    body: Option<String>,
}

fn lists(store: &Store) -> Result<Vec<List>> {
    let schema = &store.schema;
    let id = |sql: &str| store.database.sql(&format!("set search_path to \"{schema}\"; {sql}"));
    let names = [
        ("@flow", id("select id from flow where name = 'flow-1'")),
        ("@rare", id("select id from flow where name = 'flow-290'")),
        ("@deployment", id("select id from deployment where name = 'deployment-7'")),
        (
            "@run",
            id("select id from flow_run where state_type = 3 and start_time is not null order by id desc limit 1"),
        ),
        ("@day", from_now(-24 * HOUR)),
        ("@week", from_now(-7 * 24 * HOUR)),
        ("@month", from_now(-30 * 24 * HOUR)),
        ("@now", from_now(0)),
    ];
    let lines = LISTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.splitn(3, ' ');
            let (Some(method), Some(path)) = (words.next(), words.next()) else {
                return Err(format!("cannot read {line:?}").into());
            };
            let body =
                words.next().map(|body| names.iter().fold(body.to_owned(), |body, (name, id)| body.replace(name, id)));
            Ok(List { shown: line, method, path, body })
        })
        .collect()
}

/// Milliseconds to the answer of each. Between two of them others are read, if there are any, so that no connection of the
/// program's stays with the large workspace.
async fn times(target: &Target, lists: &[List], others: &[Vec<u8>]) -> Result<Vec<f64>> {
    let (mut connection, mut random) = (Connection::open(target.address).await?, Random::new(7));
    let mut medians = Vec::new();
    for list in lists {
        let mut request = Vec::new();
        match &list.body {
            Some(body) => target.post(list.path, body, Headers::Plain, &mut request),
            None => target.get(list.path, Headers::Plain, &mut request),
        }
        let mut measured = Vec::new();
        for _ in 0..TIMES {
            if !others.is_empty() {
                connection.exchange(&others[random.below(others.len() as u64) as usize]).await?;
            }
            let sent = Instant::now();
            let answer = connection.exchange(&request).await?;
            measured.push(sent.elapsed().as_secs_f64() * 1000.0);
            if answer.status != 200 {
                let body = String::from_utf8_lossy(connection.body(&answer)).into_owned();
                return Err(format!("{} {} was answered {}: {body}", list.method, list.path, answer.status).into());
            }
        }
        measured.sort_by(f64::total_cmp);
        medians.push(measured[TIMES / 2]);
    }
    Ok(medians)
}

fn slowest(how: &str, lists: &[List], times: &[f64]) -> Vec<Row> {
    let mut sorted: Vec<(f64, &List)> = times.iter().copied().zip(lists).collect();
    sorted.sort_by(|one, other| other.0.total_cmp(&one.0));
    let over = sorted.iter().filter(|(time, _)| *time >= 100.0).count();
    let mut rows = vec![value(format!("of {} lists take 100 ms or more{how}", lists.len()), "", over as f64)];
    rows.extend(sorted.iter().take(SHOWN.max(over)).map(|(time, list)| Row {
        floors: vec![Floor::Under(100.0)],
        ..value(format!("`{}`{how}", list.shown), "ms", *time)
    }));
    rows
}

/// All schedules are due: once when their runs are not there yet, once when they are.
async fn passes(apart: &Apart) -> Result<Vec<Row>> {
    let store = &apart.program.place.store;
    let metrics = Api::new(apart.program.server.metrics_url().trim_end_matches("/metrics"), None);
    let mut rows = Vec::new();
    for how in ["whose runs are to be made", "whose runs are there"] {
        let before = Passes::of(&metrics)?;
        let begun = Instant::now();
        let schema = &store.schema;
        let schedules = store.database.sql(&format!(
            "update \"{schema}\".schedule_pass set next_pass_at = clock_timestamp(); select count(*) from \"{schema}\".schedule_pass"
        ));
        store.database.sql(&format!(
            "update cell.tick set due = now() where workspace_id = (select id from control.workspace where schema_name = '{schema}')"
        ));
        let due = format!("select count(*) from \"{schema}\".schedule_pass where next_pass_at <= clock_timestamp()");
        while store.database.sql(&due) != "0" {
            if begun.elapsed().as_secs() > 120 {
                return Err("schedules were due for two minutes".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let (took, after) = (begun.elapsed().as_secs_f64(), Passes::of(&metrics)?);
        let count = (after.count - before.count).max(1.0);
        rows.push(Row {
            floors: vec![Floor::Under(1.0)],
            ..value(
                format!("a pass of the scheduler over {schedules} schedules {how}"),
                "s",
                (after.seconds - before.seconds) / count,
            )
        });
        rows.push(value(format!("until all of them were looked at, in {count:.0} passes"), "s", took));
    }
    Ok(rows)
}

/// What the program counts of its scheduler.
struct Passes {
    count: f64,
    seconds: f64,
}

impl Passes {
    fn of(metrics: &Api) -> Result<Passes> {
        let text = String::from_utf8_lossy(&metrics.get("/metrics").bytes).into_owned();
        let find = |what: &str| {
            let name = format!("prefecture_service_pass_seconds_{what}{{service=\"schedules\"}} ");
            let found = text.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse::<f64>().ok());
            found.ok_or_else(|| format!("no metric {name}"))
        };
        Ok(Passes { count: find("count")?, seconds: find("sum")? })
    }
}

fn value(what: String, unit: &'static str, value: f64) -> Row {
    Row { what, unit, values: Some((Some(value), None)), ..Row::default() }
}
