//! Reading a flow run by its id.

use super::Random;
use crate::Result;
use crate::bare::BareServer;
use crate::bulk::Family;
use crate::http::{Headers, Target};
use crate::load::Requests;
use crate::pgbench;
use crate::place::Place;
use crate::scene::Scene;
use crate::statements::{Transaction, sent};
use crate::table::{Beside, Floor, Row};

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let runs = scene.scale.runs;
    for place in scene.places() {
        place.fill(runs);
    }
    let mut row = Row {
        what: "read a flow run".to_owned(),
        unit: "/s",
        floors: vec![Floor::Part(0.7), Floor::Times(80.0)],
        ..Row::default()
    };
    let bare = bare_server(scene)?;
    let (mut by_key, mut bytes) = (Beside { what: "axum + deadpool by key", ..Beside::default() }, Beside::default());
    bytes.what = "axum, the same bytes";
    for _ in 0..scene.scale.rounds {
        if let Some(place) = scene.program_place() {
            let target = &place.target;
            row.program
                .add(scene.program_step("read", target, |seed| reads(target, "/flow_runs", place.done, seed)).await?);
        }
        if let Some(place) = scene.reference_place() {
            let target = &place.target;
            row.reference
                .add(scene.reference_step(target, |seed| reads(target, "/flow_runs", place.done, seed)).await?);
        }
        if let Some(bare) = &bare {
            let target = &bare.target;
            by_key.side.add(scene.bare_step(bare, |seed| reads(target, "/run", runs, seed)).await?);
            let request = super::get(target, "/bytes");
            bytes.side.add(scene.bare_step(bare, |_| super::again(request.clone())).await?);
        }
    }
    row.limits = vec![by_key, bytes];
    Ok(vec![row])
}

/// Reads of random ones of the first `runs` runs.
pub fn reads(target: &Target, folder: &'static str, runs: u64, seed: usize) -> Requests {
    let (target, mut random) = (target.clone(), Random::new(seed));
    Box::new(move |out| {
        target.get(&format!("{folder}/{}", Family::Done.id(1 + random.below(runs))), Headers::Plain, out);
        true
    })
}

/// The bare server on the program's own schema, with the program's own statement and answer.
fn bare_server(scene: &Scene) -> Result<Option<BareServer>> {
    let Some(place) = scene.program_place() else { return Ok(None) };
    let path = format!("/flow_runs/{}", Family::Done.id(1));
    let answer = place.api.get(&path);
    if answer.status != 200 {
        return Ok(None);
    }
    let statement = statement_of(place, &path)?;
    let at = pgbench::Place { database: &place.store.database, schema: &place.store.schema };
    BareServer::start(at, &statement, &answer.bytes, scene.measure.connections).map(Some)
}

fn statement_of(place: &Place, path: &str) -> Result<String> {
    let transactions = sent(&place.store.database, &place.store.schema, || drop(place.api.get(path)))?;
    let prepared = |transaction: &Transaction| transaction.statements.iter().find(|one| one.params.is_some()).cloned();
    let statement = transactions.iter().find_map(prepared);
    Ok(statement.ok_or("the program read a run without a prepared statement")?.text)
}
