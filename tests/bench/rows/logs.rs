//! Log lines, a hundred in a call.

use super::writes::at_limit;
use crate::Result;
use crate::bodies;
use crate::pgbench::{Ids, Script};
use crate::place::send;
use crate::scene::Scene;
use crate::statements::sent;
use crate::table::{Beside, Floor, Row};

const LINES: usize = 100;

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let mut row = Row {
        what: format!("{LINES} log lines a call"),
        unit: "/s",
        floors: vec![Floor::Times(60.0)],
        ..Row::default()
    };
    let script = script(scene)?;
    let mut limit = Beside { what: "pgbench, the same statements", ..Beside::default() };
    for _ in 0..scene.scale.rounds {
        if let Some(place) = scene.program_place() {
            let request = super::post(&place.target, "/logs/", &bodies::logs(place.template(), LINES));
            row.program.add(scene.program_step("logs", &place.target, |_| super::again(request.clone())).await?);
        }
        if let Some(place) = scene.reference_place() {
            let request = super::post(&place.target, "/logs/", &bodies::logs(place.template(), LINES));
            row.reference.add(scene.reference_step(&place.target, |_| super::again(request.clone())).await?);
        }
        if let Some(script) = &script {
            scene.keep("logs", script)?;
            limit.side.add(at_limit(scene, script, None)?);
        }
    }
    row.limits = vec![limit];
    Ok(vec![row])
}

fn script(scene: &Scene) -> Result<Option<Script>> {
    let Some(place) = scene.program_place() else { return Ok(None) };
    let body = bodies::logs(place.template(), LINES);
    send(&place.api, "/logs/", &body)?;
    let mut stored = Ok(serde_json::Value::Null);
    let work = || stored = send(&place.api, "/logs/", &body);
    let transactions = sent(&place.store.database, &place.store.schema, work)?;
    stored?;
    // Nothing in the table of lines is unique.
    Ok(Some(Script::of(&transactions, Ids { all_fixed: true, ..Ids::default() }, 1)))
}
