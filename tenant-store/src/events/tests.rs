//! Events on a real database: what the SDK sends, in any order, twice, by several writers, with poison in it.

use std::collections::BTreeMap;

use domain::TaskRunId;
use domain::events::Event;
use domain::task_runs::TaskRun;
use uuid::Uuid;

use super::{Taken, take_in};
use crate::testing::{Installation, workspace};
use crate::{Lane, Scope, task_runs};

const FLOW_RUN: &str = "00000000-0000-4000-8000-00000000000f";
const SOURCE: &str = "test";

/// What the SDK tells of a task that runs and ends, one event a second; `run` is its number.
fn life(run: u128) -> Vec<String> {
    let event = |nth: u128, type_: &str, name: &str, more: &str| {
        let (id, task) = (Uuid::from_u128(run * 16 + nth), Uuid::from_u128(run << 64));
        format!(
            r#"{{"occurred":"2024-03-01T00:00:0{nth}Z","event":"prefect.task-run.{name}","id":"{id}","follows":null,
            "resource":{{"prefect.resource.id":"prefect.task-run.{task}","prefect.resource.name":"t","prefect.orchestration":"client"}},
            "related":[{{"prefect.resource.id":"prefect.flow-run.{FLOW_RUN}","prefect.resource.role":"flow-run"}},{{"prefect.resource.id":"prefect.tag.a","prefect.resource.role":"tag"}}],
            "payload":{{"intended":{{"from":null,"to":"{type_}"}},"initial_state":null,
            "validated_state":{{"type":"{type_}","name":"{name}","message":"m","state_details":{{}},"data":null}},
            "task_run":{{"name":"t-{run}","task_key":"t","dynamic_key":"{run}","empirical_policy":{{"retries":1,"retry_delay":[1,2]}},"tags":["a","b c"],
            "labels":{{"x":1.50}},"task_inputs":{{"p":[{{"input_type":"parameter","name":"p"}}]}},"run_count":{nth},"flow_run_run_count":1,"total_run_time":{nth}.5{more}}}}}}}"#
        )
    };
    let expected = r#","expected_start_time":"2024-03-01T00:00:01Z""#;
    vec![
        event(1, "PENDING", "Pending", expected),
        // A retry that the next event says nothing of: what it set must stay whenever it comes.
        event(2, "SCHEDULED", "AwaitingRetry", r#","next_scheduled_start_time":"2024-03-01T00:00:03Z""#),
        event(3, "RUNNING", "Running", r#","start_time":"2024-03-01T00:00:03Z""#),
        event(4, "COMPLETED", "Completed", r#","end_time":"2024-03-01T00:00:04Z""#),
    ]
}

async fn take(scope: &Scope, texts: Vec<String>) -> Taken {
    take_in(scope, Lane::Ingest, SOURCE, &texts).await.unwrap()
}

async fn count(scope: &Scope, sql: &'static str) -> i64 {
    let mut tx = scope.read(Lane::Read).await.unwrap();
    let (n,) = tx.one(sql, &[]).await.unwrap();
    n
}

async fn run(scope: &Scope, run: u128) -> Option<TaskRun> {
    let mut tx = scope.read(Lane::Read).await.unwrap();
    task_runs::read(&mut tx, TaskRunId(Uuid::from_u128(run << 64))).await.unwrap()
}

/// Everything that is answered of a run, without the times of its row and what grows with the clock.
fn shown(run: &TaskRun) -> serde_json::Value {
    let mut shown = serde_json::to_value(run).expect("plain data");
    for volatile in ["created", "updated", "estimated_run_time", "estimated_start_time_delta"] {
        shown.as_object_mut().expect("an object").remove(volatile);
    }
    shown
}

const STATES: &str = "select count(*) from run_state where kind = 1";
const EVENTS: &str = "select count(*) from event";
const QUARANTINE: &str = "select count(*) from quarantine";
const RUNS: &str = "select count(*) from task_run";

#[tokio::test]
async fn a_life_is_recorded() {
    let installation = Installation::create().await;
    let scope = workspace(&installation.control).await;
    assert_eq!(take(&scope, life(1)).await, Taken { stored: 4, quarantined: 0 });
    let run = run(&scope, 1).await.expect("it was recorded");
    let shown = shown(&run);
    for (field, value) in [
        ("name", r#""t-1""#),
        ("task_key", r#""t""#),
        ("dynamic_key", r#""1""#),
        ("state_name", r#""Completed""#),
        ("run_count", "4"),
        ("flow_run_run_count", "1"),
        ("tags", r#"["a","b c"]"#),
        ("labels", r#"{"x":1.5}"#),
        ("task_inputs", r#"{"p":[{"input_type":"parameter","name":"p"}]}"#),
        ("expected_start_time", r#""2024-03-01T00:00:01Z""#),
        ("next_scheduled_start_time", r#""2024-03-01T00:00:03Z""#),
        ("start_time", r#""2024-03-01T00:00:03Z""#),
        ("end_time", r#""2024-03-01T00:00:04Z""#),
        ("cache_key", "null"),
        ("total_run_time", "4.5"),
    ] {
        assert_eq!(shown[field].to_string(), value, "{field}");
    }
    assert_eq!(shown["state"]["state_details"]["flow_run_id"], FLOW_RUN);
    assert_eq!(shown["state"]["state_details"]["task_run_id"], shown["id"]);
    assert_eq!(shown["state"]["id"], shown["state_id"]);
    assert_eq!(shown["empirical_policy"]["retry_delay"].to_string(), "[1,2]");
    assert_eq!((count(&scope, STATES).await, count(&scope, EVENTS).await), (4, 4));
    let by_related = "select count(*) from event where related_ids @> array['prefect.tag.a']";
    assert_eq!(count(&scope, by_related).await, 4);
}

#[tokio::test]
async fn every_order_ends_the_same() {
    let installation = Installation::create().await;
    let scope = workspace(&installation.control).await;
    let mut expected = None;
    for (nth, order) in permutations(4).into_iter().enumerate() {
        let number = nth as u128 + 1;
        let events = life(number);
        let cut = nth % 4;
        let texts: Vec<String> = order.iter().map(|at| events[*at].clone()).collect();
        let (first, second) = texts.split_at(cut);
        take(&scope, first.to_vec()).await;
        take(&scope, second.to_vec()).await;
        // And late, once more.
        take(&scope, vec![texts[cut].clone()]).await;
        let text = shown(&run(&scope, number).await.expect("it was recorded")).to_string();
        // Numbers aside, they are one life.
        let mut same = text.replace(&Uuid::from_u128(number << 64).to_string(), "RUN");
        for nth in 1..5 {
            same = same.replace(&Uuid::from_u128(number * 16 + nth).to_string(), &format!("STATE {nth}"));
        }
        let same = same.replace(&format!("\"t-{number}\""), "NAME").replace(&format!("\"{number}\""), "KEY");
        assert_eq!(expected.get_or_insert(same.clone()), &same, "{order:?} cut at {cut}");
    }
    assert_eq!((count(&scope, STATES).await, count(&scope, EVENTS).await), (96, 96));
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let shorter = permutations(n - 1);
    let insert = |order: &Vec<usize>, at: usize| [&order[..at], &[n - 1], &order[at..]].concat();
    shorter.iter().flat_map(|order| (0..n).map(move |at| insert(order, at))).collect()
}

#[tokio::test]
async fn several_writers_of_the_same_runs_end_alike() {
    let installation = Installation::create().await;
    let scope = workspace(&installation.control).await;
    let (runs, writers) = (150u128, 3u128);
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let scope = scope.clone();
        tasks.push(tokio::spawn(async move {
            // Each in an order of its own, in batches of its own size.
            let mut texts: Vec<String> = (1..=runs).flat_map(life).collect();
            let len = texts.len();
            (0..len).for_each(|i| texts.swap(i, (i * (7 + 4 * writer as usize) + 3) % len));
            for batch in texts.chunks(40 + 13 * writer as usize) {
                assert_eq!(take(&scope, batch.to_vec()).await.quarantined, 0);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count(&scope, RUNS).await, runs as i64);
    assert_eq!((count(&scope, STATES).await, count(&scope, EVENTS).await), (600, 600));
    let ended = "select count(*) from task_run where state_name = 'Completed' and end_time is not null and next_scheduled_start_time is not null";
    assert_eq!(count(&scope, ended).await, runs as i64);
    assert_eq!(count(&scope, QUARANTINE).await, 0);
}

#[tokio::test]
async fn what_cannot_be_stored_is_set_aside_and_in_nobodys_way() {
    let installation = Installation::create().await;
    let scope = workspace(&installation.control).await;
    let mut texts: Vec<String> = (1..=20).flat_map(life).collect();
    // No event, an event no index can hold (what repeats itself is stored shorter), one the recorder cannot read.
    let long: String =
        (0..200).map(|i: u128| Uuid::new_v5(&Uuid::NAMESPACE_OID, &i.to_le_bytes()).simple().to_string()).collect();
    texts.insert(3, "no json".into());
    texts.insert(
        30,
        life(77)[0].replace("\"prefect.task-run.0", &format!("\"x.{long}.0")).replace("\"client\"", "\"no\""),
    );
    texts.insert(50, life(78)[0].replace("\"PENDING\",\"name\"", "\"NOTHING\",\"name\""));
    texts.insert(60, life(79)[0].replace("\"m\"", "\"a\\u0000b\""));
    let taken = take(&scope, texts.clone()).await;
    assert_eq!(taken, Taken { stored: 82, quarantined: 3 });
    assert_eq!((count(&scope, RUNS).await, count(&scope, EVENTS).await, count(&scope, QUARANTINE).await), (21, 82, 3));
    // The same again: nothing is kept twice.
    take(&scope, texts).await;
    assert_eq!((count(&scope, RUNS).await, count(&scope, EVENTS).await, count(&scope, QUARANTINE).await), (21, 82, 3));
    let mut tx = scope.read(Lane::Read).await.unwrap();
    let reasons: Vec<(String, String)> = tx.all("select source, reason from quarantine", &[]).await.unwrap();
    let reasons: BTreeMap<String, String> = reasons.into_iter().collect();
    assert!(reasons["task-run recorder"].contains("validated_state.type"), "{reasons:?}");
}

#[tokio::test]
async fn a_run_made_by_request_keeps_its_id() {
    let installation = Installation::create().await;
    let scope = workspace(&installation.control).await;
    let flow = "insert into flow_run (id, name, flow_id) values ($1, 'r', $1)";
    let flow_run = Uuid::parse_str(FLOW_RUN).unwrap();
    scope.write(Lane::Hot).await.unwrap().last_run(flow, &[&flow_run]).await.unwrap();
    let body = format!(r#"{{"flow_run_id":"{FLOW_RUN}","task_key":"t","dynamic_key":"1","name":"made"}}"#);
    let body = wire::json::parse(body.as_bytes()).unwrap();
    let new = wire::Input::parse(&body, &mut wire::Errors::of_body()).unwrap();
    let made = task_runs::create(scope.write(Lane::Hot).await.unwrap(), new, &Default::default()).await.unwrap().run;
    // The events are of 2024, the row is newer: only states are added, and columns nobody set.
    take(&scope, life(1)).await;
    assert_eq!(run(&scope, 1).await, None);
    let mut tx = scope.read(Lane::Read).await.unwrap();
    let now = task_runs::read(&mut tx, made.id).await.unwrap().unwrap();
    assert_eq!((now.name.as_str(), now.state_name.as_deref()), ("made", Some("Pending")));
    assert_eq!(count(&scope, STATES).await, 5);
    let put_down = "select count(*) from run_state s join task_run t on t.id = s.run_id";
    assert_eq!(count(&scope, put_down).await, 5);
    // An event that is newer takes the row over, under its id.
    let newer: Vec<String> = life(1)
        .into_iter()
        .map(|text| {
            text.replace("2024-03-01T00:00:04Z", "2124-03-01T00:00:04Z").replace("-000000000014\"", "-000000000099\"")
        })
        .collect();
    take(&scope, newer[3..].to_vec()).await;
    let mut tx = scope.read(Lane::Read).await.unwrap();
    let then = task_runs::read(&mut tx, made.id).await.unwrap().unwrap();
    assert_eq!((then.name.as_str(), then.state_name.as_deref()), ("t-1", Some("Completed")));
}

#[tokio::test]
async fn other_events_are_stored_in_one_trip() {
    let installation = Installation::create().await;
    let scope = workspace(&installation.control).await;
    let text = r#"{"occurred":0,"event":"x","id":"00000000-0000-4000-8000-000000000001","resource":{"prefect.resource.id":"r"},"payload":{"n":1e400}}"#;
    assert!(Event::of_message(text).is_ok());
    assert_eq!(take(&scope, vec![text.into(), text.into()]).await.stored, 2);
    assert_eq!(count(&scope, EVENTS).await, 1);
    assert_eq!(take(&scope, vec![]).await, Taken::default());
}
