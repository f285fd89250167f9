//! How soon a run that is made by hand reaches who waits for it: a worker that polls its pool, a served flow that polls its
//! deployment. From the moment in which the run is asked for to the one in which the poll is answered.

use std::time::{Duration, Instant};

use ::tests::Redis;
use serde_json::{Value, json};

use crate::Result;
use crate::http::{Connection, Headers, Target};
use crate::load::Measured;
use crate::place::{Place, send};
use crate::program;
use crate::scene::{self, Scene};
use crate::table::{Figure, Floor, Row};

/// Of runs, in each round.
const RUNS: usize = 200;
/// Of those that nobody tells of: they are found within a second.
const FEW: usize = 10;
/// Until a poll that was sent waits.
const UNTIL_HELD: Duration = Duration::from_millis(15);
const PROMISED: Floor = Floor::Under(25.0);

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let mut settings = scene::settings(&scene.measure)?;
    settings.push(("PREFECTURE_POLL_HOLD".to_owned(), "30s".to_owned()));
    let Some(program) = &scene.program else { return Ok(Vec::new()) };
    let (redis, database) = (Redis::start(), program.server.database());
    let replica = || program::server(database, &settings);
    let alone = replica().start();
    let joined = [(); 2].map(|()| replica().redis(&redis).start());
    let strangers = replica().start();
    let place = &program.place;
    let deployment = furnish(place)?;
    let ways = [
        ("one replica", alone.url(), alone.url(), RUNS, Some(PROMISED)),
        ("one replica with Redis", joined[0].url(), joined[0].url(), RUNS, Some(PROMISED)),
        ("from one replica to another with Redis", joined[0].url(), joined[1].url(), RUNS, Some(PROMISED)),
        ("from one replica to another without Redis", alone.url(), strangers.url(), FEW, None),
    ];
    let mut rows = Vec::new();
    for (way, made_at, polled_at, runs, floor) in ways {
        let (made_at, polled_at) = (place.target.at(made_at)?, place.target.at(polled_at)?);
        for (who, poll) in [
            ("a worker", Poll { path: "/work_pools/woken/get_scheduled_flow_runs", asked: json!({}) }),
            (
                "a served flow",
                Poll {
                    path: "/deployments/get_scheduled_flow_runs",
                    asked: json!({"deployment_ids": [deployment], "scheduled_before": "2100-01-01T00:00:00Z"}),
                },
            ),
        ] {
            let what = format!("p99 until a run made by hand reaches {who} that waits, {way}");
            let figure = Figure::Latency(0.99);
            let mut row = Row { what, unit: "ms", figure, floors: floor.into_iter().collect(), ..Row::default() };
            for _ in 0..scene.scale.rounds {
                row.program.add(step(&made_at, &polled_at, &poll, &deployment, runs).await?);
            }
            rows.push(row);
        }
    }
    Ok(rows)
}

struct Poll {
    path: &'static str,
    asked: Value,
}

/// A deployment whose runs wait for workers of a pool.
fn furnish(place: &Place) -> Result<String> {
    send(&place.api, "/work_pools/", &json!({"name": "woken", "type": "process"}).to_string())?;
    let body = json!({"name": "woken", "flow_id": place.flow, "work_pool_name": "woken"});
    let made = send(&place.api, "/deployments/", &body.to_string())?;
    Ok(made["id"].as_str().ok_or("a deployment without an id")?.to_owned())
}

async fn step(made_at: &Target, polled_at: &Target, poll: &Poll, deployment: &str, runs: usize) -> Result<Measured> {
    let (mut makes, mut waits) = (Connection::open(made_at.address).await?, Connection::open(polled_at.address).await?);
    let mut measured = Measured::default();
    let began = Instant::now();
    for nth in 0..runs + 2 {
        let mut asked = Vec::new();
        polled_at.post(poll.path, &poll.asked.to_string(), Headers::Plain, &mut asked);
        let waiting = async {
            let answer = waits.exchange(&asked).await?;
            let found: Value = serde_json::from_slice(&waits.plain_body(&answer)?)?;
            Ok::<_, crate::Error>((Instant::now(), found.as_array().map_or(0, Vec::len)))
        };
        let making = async {
            tokio::time::sleep(UNTIL_HELD).await;
            let begun = Instant::now();
            let run = exchange(&mut makes, made_at, &format!("/deployments/{deployment}/create_flow_run"), &json!({}))
                .await?;
            Ok::<_, crate::Error>((begun, run))
        };
        let ((answered, found), (begun, run)) = tokio::try_join!(waiting, making)?;
        if found != 1 || answered < begun {
            return Err(format!("the poll was answered with {found} runs, or before there was one").into());
        }
        let path = format!("/flow_runs/{}/set_state", run["id"].as_str().unwrap_or_default());
        exchange(&mut makes, made_at, &path, &json!({"state": {"type": "CANCELLED"}})).await?;
        // The first ones make plans.
        if nth >= 2 {
            measured.latencies.push(u32::try_from((answered - begun).as_micros()).unwrap_or(u32::MAX));
        }
    }
    measured.latencies.sort_unstable();
    measured.done = measured.latencies.len() as u64;
    measured.elapsed = began.elapsed();
    Ok(measured)
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
