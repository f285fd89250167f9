//! Task runs by events: how many a second are recorded, three events of real size each, over one socket and over four.
//!
//! The clock stops when all are in the store, as the store itself says. Of this program more is asked: a pong means that
//! what was sent before is committed, so at the pongs of all sockets nothing may be missing.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_postgres::Statement;
use uuid::Uuid;

use crate::Result;
use crate::bodies::{self, Around};
use crate::bulk::{Family, Tables};
use crate::cpu::Watch;
use crate::load::Measured;
use crate::place::Place;
use crate::profile::Profile;
use crate::scene::Scene;
use crate::socket::Socket;
use crate::table::{Floor, Row};

/// How long a server may take to record what it was sent.
const PATIENCE: Duration = Duration::from_secs(90);

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for sockets in [1usize, 4] {
        let mut row = Row {
            what: format!(
                "task runs recorded, three events each, {sockets} socket{}",
                if sockets == 1 { "" } else { "s" }
            ),
            unit: "/s",
            floors: vec![Floor::AtLeast(3_000.0)],
            ..Row::default()
        };
        for _ in 0..scene.scale.rounds {
            let (ours, theirs) = (scene.scale.recorded, scene.scale.recorded_by_reference);
            if let Some(program) = &mut scene.program {
                let runs = program.place.wait(sockets as u64).map(|number| Family::Waiting.id(number)).collect();
                let profile = Profile::begin(scene, &format!("events-{sockets}"))?;
                // Set when the scene was.
                let Some(place) = scene.program_place() else { continue };
                row.program.add(step(place, runs, ours / sockets, &scene.watch_program()).await?);
                Profile::end(profile)?;
            }
            if let Some(reference) = &mut scene.reference {
                let runs = reference.place.wait(sockets as u64).map(|number| Family::Waiting.id(number)).collect();
                let Some(place) = scene.reference_place() else { continue };
                row.reference.add(step(place, runs, theirs / sockets, &scene.watch_reference()).await?);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// A socket for each run, and `each` task runs over each of them.
async fn step(place: &Place, runs: Vec<String>, each: usize, watch: &Watch) -> Result<Measured> {
    let recorded = Recorded::open(place, &runs).await?;
    let mut ready = Vec::new();
    for run in &runs {
        let mut frames = Vec::new();
        let around = Around { flow: &place.flow, flow_run: run };
        bodies::heartbeat(&around, &mut frames);
        for _ in 0..each {
            bodies::task_run(&around, &mut frames);
        }
        ready.push((Socket::open(&place.target, "/events/in").await?, frames));
    }
    let (expected, before, begun) = ((each * runs.len()) as u64, watch.now(), Instant::now());
    let mut sending: JoinSet<Result<Socket>> = JoinSet::new();
    for (mut socket, frames) in ready {
        sending.spawn(async move {
            socket.send(&frames).await?;
            socket.ping().await?;
            Ok(socket)
        });
    }
    let mut sockets = Vec::new();
    while let Some(sent) = sending.join_next().await {
        sockets.push(sent??);
    }
    let at_pong = recorded.now().await?;
    let (done, elapsed) = recorded.wait(expected, begun).await?;
    let mut measured = Measured { done, elapsed, spent: watch.now().since(before), ..Measured::default() };
    if place.store.tables == Tables::Program && at_pong < expected {
        measured.failed = expected - at_pong;
        measured.failure = Some(format!("at the pongs only {at_pong} of {expected} task runs were committed"));
    } else if done < expected {
        measured.failed = expected - done;
        measured.failure = Some(format!("{done} of {expected} task runs were recorded within {PATIENCE:?}"));
    }
    for socket in sockets {
        socket.close().await?;
    }
    Ok(measured)
}

/// Counts the task runs of flow runs that have ended.
pub struct Recorded {
    client: tokio_postgres::Client,
    statement: Statement,
    runs: Vec<Uuid>,
}

impl Recorded {
    pub async fn open(place: &Place, runs: &[String]) -> Result<Recorded> {
        let url = place.store.database.owner_url().replacen("prefecture@", "postgres@", 1);
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let statement = client.prepare(&format!("{} and flow_run_id = any($1)", place.store.recorded())).await?;
        let runs = runs.iter().map(|run| run.parse()).collect::<std::result::Result<_, _>>()?;
        Ok(Recorded { client, statement, runs })
    }

    pub async fn now(&self) -> Result<u64> {
        let row = self.client.query_one(&self.statement, &[&self.runs]).await?;
        Ok(row.get::<_, i64>(0).cast_unsigned())
    }

    /// Until there are as many as expected: how many there are, and how long it took since `begun`.
    pub async fn wait(&self, expected: u64, begun: Instant) -> Result<(u64, Duration)> {
        loop {
            let now = self.now().await?;
            let elapsed = begun.elapsed();
            if now >= expected || elapsed > PATIENCE {
                return Ok((now, elapsed));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
