//! A whole run of ten tasks, call by call and frame by frame as the SDK does it in Cloud mode: nine requests on a
//! connection of its own, one socket with 31 events, twelve log lines.
//!
//! Sixteen such processes at once, each starting its next run when the last is done. The clock stops when all task runs
//! of all of them are in the store.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use super::events::Recorded;
use crate::Result;
use crate::bodies::{self, Around, Proposed};
use crate::cpu::Watch;
use crate::http::{Connection, Headers, Target};
use crate::load::Measured;
use crate::place::Place;
use crate::profile::Profile;
use crate::scene::Scene;
use crate::socket::Socket;
use crate::table::{Floor, Row};

const TASKS: usize = 10;
const LINES: usize = 12;

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let mut row = Row {
        what: "a whole run of ten tasks".to_owned(),
        unit: "/s",
        floors: vec![Floor::Times(25.0)],
        ..Row::default()
    };
    let (connections, time) = (scene.measure.connections, scene.scale.times.counted);
    for _ in 0..scene.scale.rounds {
        if let Some(place) = scene.program_place() {
            let profile = Profile::begin(scene, "whole")?;
            row.program.add(step(place, connections, time, &scene.watch_program()).await?);
            Profile::end(profile)?;
        }
        if let Some(place) = scene.reference_place() {
            let time = scene.scale.reference_times.counted;
            row.reference.add(step(place, connections, time, &scene.watch_reference()).await?);
        }
    }
    Ok(vec![row])
}

async fn step(place: &Place, clients: usize, time: Duration, watch: &Watch) -> Result<Measured> {
    let (before, begun) = (watch.now(), Instant::now());
    let mut running: JoinSet<Result<(Vec<String>, Vec<u32>)>> = JoinSet::new();
    for _ in 0..clients {
        let target = place.target.clone();
        running.spawn(async move {
            let (mut runs, mut latencies) = (Vec::new(), Vec::new());
            while begun.elapsed() < time {
                let since = Instant::now();
                runs.push(whole_run(&target).await?);
                latencies.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Ok((runs, latencies))
        });
    }
    let (mut runs, mut measured) = (Vec::new(), Measured::default());
    while let Some(ended) = running.join_next().await {
        match ended? {
            Ok((more, latencies)) => {
                runs.extend(more);
                measured.latencies.extend(latencies);
            }
            Err(error) => {
                measured.failed += 1;
                measured.failure.get_or_insert(error.to_string());
            }
        }
    }
    let expected = (runs.len() * TASKS) as u64;
    let (recorded, elapsed) = Recorded::open(place, &runs).await?.wait(expected, begun).await?;
    if recorded < expected {
        measured.failed += expected - recorded;
        measured.failure.get_or_insert(format!("{recorded} of {expected} task runs were recorded"));
    }
    measured.latencies.sort_unstable();
    measured.done = runs.len() as u64;
    measured.elapsed = elapsed;
    measured.spent = watch.now().since(before);
    Ok(measured)
}

/// One process of the SDK; the id of its run.
async fn whole_run(target: &Target) -> Result<String> {
    let mut client = Client { target, connection: Connection::open(target.address).await? };
    let flow = id(&client.post("/flows/", &bodies::flow("bench")).await?)?;
    let run = id(&client.post("/flow_runs/", &bodies::flow_run(&flow)).await?)?;
    let set_state = format!("/flow_runs/{run}/set_state");
    client.post(&set_state, &bodies::set_state(&run, Proposed::Running)).await?;
    client.get(&format!("/flow_runs/{run}")).await?;
    client.get("/admin/storage").await?;
    client.get("/admin/storage").await?;
    client.post(&set_state, &bodies::set_state(&run, Proposed::Completed)).await?;

    let mut frames = Vec::new();
    let around = Around { flow: &flow, flow_run: &run };
    bodies::heartbeat(&around, &mut frames);
    for _ in 0..TASKS {
        bodies::task_run(&around, &mut frames);
    }
    let mut socket = Socket::open(target, "/events/in").await?;
    socket.send(&frames).await?;
    client.get(&format!("/flows/{flow}")).await?;
    client.post("/logs/", &bodies::logs(&run, LINES)).await?;
    socket.close().await?;
    Ok(run)
}

struct Client<'a> {
    target: &'a Target,
    connection: Connection,
}

impl Client<'_> {
    async fn get(&mut self, path: &str) -> Result<Value> {
        let mut request = Vec::new();
        self.target.get(path, Headers::Sdk, &mut request);
        self.exchange(path, &request).await
    }

    async fn post(&mut self, path: &str, body: &str) -> Result<Value> {
        let mut request = Vec::new();
        self.target.post(path, body, Headers::Sdk, &mut request);
        self.exchange(path, &request).await
    }

    async fn exchange(&mut self, path: &str, request: &[u8]) -> Result<Value> {
        let answer = self.connection.exchange(request).await?;
        let body = self.connection.plain_body(&answer)?;
        if !(200..300).contains(&answer.status) {
            return Err(format!("{path} was answered {}: {}", answer.status, String::from_utf8_lossy(&body)).into());
        }
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

fn id(body: &Value) -> Result<String> {
    Ok(body["id"].as_str().ok_or("an answer without an id")?.to_owned())
}
