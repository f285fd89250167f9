//! What background work costs where nothing is asked: a thousand schedules of iCalendar rules, and workspaces that are
//! idle. Processor time of the program and of its Postgres together.

use std::time::Duration;

use ::tests::{Server, eventually};
use serde_json::json;
use tokio::time::Instant;

use crate::Result;
use crate::cpu::Spent;
use crate::furniture;
use crate::place;
use crate::program::{self, Apart};
use crate::scene::{self, Scene};
use crate::table::{Floor, Row};

/// What one made of them costs most: of ten deployments one runs every five minutes, the others by the hour, day, week and
/// month; they began years ago.
const RULES: [&str; 10] = [
    "DTSTART:20200101T000000\nRRULE:FREQ=MINUTELY;INTERVAL=5",
    "DTSTART:20200101T000000\nRRULE:FREQ=HOURLY",
    "DTSTART:20210301T061500\nRRULE:FREQ=HOURLY;INTERVAL=6;BYDAY=MO,TU,WE,TH,FR",
    "DTSTART:20200101T040000\nRRULE:FREQ=DAILY",
    "DTSTART:20220101T233000\nRRULE:FREQ=DAILY;BYHOUR=8,12,16;BYMINUTE=30",
    "DTSTART:20200106T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "DTSTART:20200101T000000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SU",
    "DTSTART:20200101T070000\nRRULE:FREQ=MONTHLY;BYDAY=-1FR",
    "DTSTART:20200131T120000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1,15,-1",
    "DTSTART:20200101T000000\nRRULE:FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=1",
];
/// All that a workspace's making left to be done is done by then.
const SETTLED: Duration = Duration::from_secs(30);
/// The sweep while its cost is measured, and the default.
const OFTEN: Duration = Duration::from_secs(60);
const DEFAULT_SWEEP: Duration = Duration::from_secs(3600);

pub async fn rules(scene: &Scene) -> Result<Vec<Row>> {
    if scene.program.is_none() {
        return Ok(Vec::new());
    }
    let apart = Apart::start(&scene.measure, &[])?;
    let (place, count) = (&apart.program.place, scene.scale.rules);
    for number in 0..count {
        let schedule = json!({"rrule": RULES[number % RULES.len()], "timezone": "Europe/Berlin"});
        let schedules = json!({"schedules": [{"active": true, "schedule": schedule}]});
        furniture::deployment(&place.api, &place.flow, None, &format!("rule-{number}"), schedules)?;
    }
    let schema = &place.store.schema;
    eventually("every schedule was looked at", || {
        let due = format!("select count(*) from \"{schema}\".schedule_pass where next_pass_at <= now()");
        match place.store.database.sql(&due).as_str() {
            "0" => Ok(()),
            left => Err(left.to_owned()),
        }
    });
    tokio::time::sleep(SETTLED).await;
    let spent = watched(&apart, &apart.program.server, scene.scale.watched).await;
    let a_minute = 60.0 / scene.scale.watched.as_secs_f64();
    let what = format!("processor time a minute of {count} deployments with a rule each");
    let mut row = value(what, "s", (spent.server + spent.postgres) * a_minute);
    row.floors = vec![Floor::Under(1.0)];
    let server = value("of it the program's own".to_owned(), "s", spent.server * a_minute);
    Ok(vec![row, server])
}

pub async fn idle(scene: &Scene) -> Result<Vec<Row>> {
    if scene.program.is_none() {
        return Ok(Vec::new());
    }
    let (count, time) = (scene.scale.idle, OFTEN);
    let often = format!("{}s", OFTEN.as_secs());
    let mut apart = Apart::start(&scene.measure, &[("PREFECTURE_SERVICES_SWEEP", &often)])?;
    tokio::time::sleep(SETTLED).await;
    let alone = part(watched(&apart, &apart.program.server, time).await, time);
    for _ in 1..count {
        place::few_runs(&apart.program.account.workspace().api(), 2)?;
    }
    tokio::time::sleep(SETTLED).await;
    let swept = part(watched(&apart, &apart.program.server, time).await, time);
    apart.program.server.sigterm();
    apart.program.server.wait();
    let usual = program::server(apart.program.server.database(), &scene::settings(&scene.measure)?).start();
    // What the first one left to be looked at is looked at once more.
    tokio::time::sleep(OFTEN + SETTLED / 2).await;
    let between = part(watched(&apart, &usual, time).await, time);
    let usual = between + (swept - between).max(0.0) * OFTEN.as_secs_f64() / DEFAULT_SWEEP.as_secs_f64();
    let of = |how: &str| format!("of one core, {count} idle workspaces, {how}");
    let mut row = value(of("beside what a program with one costs"), "%", (usual - alone).max(0.0));
    row.floors = vec![Floor::Under(1.0)];
    Ok(vec![
        row,
        value("of one core, a program with one idle workspace".to_owned(), "%", alone),
        value(of("with the default sweep"), "%", usual),
        value(of("between sweeps"), "%", between),
        value(of("all looked at each minute"), "%", swept),
    ])
}

async fn watched(apart: &Apart, server: &Server, time: Duration) -> Spent {
    let begin = Instant::now();
    apart.watch(server).between(begin, begin + time).await
}

/// Percent of one core.
fn part(spent: Spent, time: Duration) -> f64 {
    (spent.server + spent.postgres) / time.as_secs_f64() * 100.0
}

fn value(what: String, unit: &'static str, value: f64) -> Row {
    Row { what, unit, values: Some((Some(value), None)), ..Row::default() }
}
