//! A slot of a concurrency limit is taken under a lease and given back, as `concurrency("…")` does it: two calls. All ask
//! for slots of one limit, of which there are enough; and each for one of its own.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Result;
use crate::cpu::Watch;
use crate::http::{Connection, Headers, Target};
use crate::load::{Measured, Times};
use crate::place::{Place, send};
use crate::profile::Profile;
use crate::scene::Scene;
use crate::table::{Floor, Row};

const INCREMENT: &str = "/v2/concurrency_limits/increment-with-lease";
const DECREMENT: &str = "/v2/concurrency_limits/decrement-with-lease";

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let connections = scene.measure.connections;
    for place in scene.places() {
        for at in 0..connections {
            limit(place, &format!("own-{at}"))?;
        }
        limit(place, "shared")?;
    }
    let mut rows = Vec::new();
    for (what, shared) in [("of one limit", true), ("of a limit each", false)] {
        let mut row = Row {
            what: format!("a slot {what}, leased and given back"),
            unit: "/s",
            floors: vec![Floor::Times(40.0)],
            ..Row::default()
        };
        let name = |at: usize| if shared { "shared".to_owned() } else { format!("own-{at}") };
        let names: Vec<String> = (0..connections).map(name).collect();
        for _ in 0..scene.scale.rounds {
            if let Some(place) = scene.program_place() {
                let profile = Profile::begin(scene, if shared { "lease-shared" } else { "lease-own" })?;
                row.program.add(step(&place.target, &names, scene.scale.times, &scene.watch_program()).await?);
                Profile::end(profile)?;
            }
            if let Some(place) = scene.reference_place() {
                let (times, watch) = (scene.scale.reference_times, scene.watch_reference());
                row.reference.add(step(&place.target, &names, times, &watch).await?);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn limit(place: &Place, name: &str) -> Result<()> {
    send(&place.api, "/v2/concurrency_limits/", &json!({"name": name, "limit": 1000}).to_string()).map(drop)
}

/// A connection for each name, which takes a slot and gives it back, again and again. Both together are one.
async fn step(target: &Target, names: &[String], times: Times, watch: &Watch) -> Result<Measured> {
    let begin = Instant::now() + times.warm;
    let end = begin + times.counted;
    let mut clients: JoinSet<Result<Vec<u32>>> = JoinSet::new();
    for name in names {
        let (target, name) = (target.clone(), name.clone());
        clients.spawn(async move {
            let mut connection = Connection::open(target.address).await?;
            let mut latencies = Vec::new();
            loop {
                let sent = Instant::now();
                if sent >= end {
                    return Ok(latencies);
                }
                take_and_give_back(&mut connection, &target, &name).await?;
                let ended = Instant::now();
                if ended >= begin && ended < end {
                    latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
                }
            }
        });
    }
    let watched = tokio::spawn(watch.clone().between(begin.into(), end.into()));
    let mut measured = Measured { elapsed: times.counted, ..Measured::default() };
    while let Some(ended) = clients.join_next().await {
        match ended? {
            Ok(latencies) => measured.latencies.extend(latencies),
            Err(error) => {
                measured.failed += 1;
                measured.failure.get_or_insert(error.to_string());
            }
        }
    }
    measured.latencies.sort_unstable();
    measured.done = measured.latencies.len() as u64;
    measured.spent = watched.await?;
    Ok(measured)
}

async fn take_and_give_back(connection: &mut Connection, target: &Target, name: &str) -> Result<()> {
    let body = json!({"names": [name], "slots": 1, "mode": "concurrency", "lease_duration": 300});
    let taken = exchange(connection, target, INCREMENT, &body).await?;
    let body = json!({"lease_id": taken["lease_id"]});
    exchange(connection, target, DECREMENT, &body).await.map(drop)
}

async fn exchange(connection: &mut Connection, target: &Target, path: &str, body: &Value) -> Result<Value> {
    let mut request = Vec::new();
    target.post(path, &body.to_string(), Headers::Plain, &mut request);
    let answer = connection.exchange(&request).await?;
    let body = connection.plain_body(&answer)?;
    if !(200..300).contains(&answer.status) {
        return Err(format!("{path} was answered {}: {}", answer.status, String::from_utf8_lossy(&body)).into());
    }
    Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
}
