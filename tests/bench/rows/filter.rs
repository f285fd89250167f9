//! The latest 200 of many runs.

use super::writes::at_limit;
use crate::Result;
use crate::bodies::LIST;
use crate::pgbench::{Ids, Script};
use crate::place::send;
use crate::scene::Scene;
use crate::statements::sent;
use crate::table::{Beside, Floor, Row};

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let listed = scene.scale.listed;
    for place in scene.places() {
        place.fill(listed);
    }
    let mut row = Row {
        what: format!("filter 200 of {listed} flow runs"),
        unit: "/s",
        floors: vec![Floor::Times(60.0)],
        ..Row::default()
    };
    let script = script(scene)?;
    let mut limit = Beside { what: "pgbench, the same statements", ..Beside::default() };
    for _ in 0..scene.scale.rounds {
        if let Some(place) = scene.program_place() {
            let request = super::post(&place.target, "/flow_runs/filter", LIST);
            row.program.add(scene.program_step("filter", &place.target, |_| super::again(request.clone())).await?);
        }
        if let Some(place) = scene.reference_place() {
            let request = super::post(&place.target, "/flow_runs/filter", LIST);
            row.reference.add(scene.reference_step(&place.target, |_| super::again(request.clone())).await?);
        }
        if let Some(script) = &script {
            scene.keep("filter", script)?;
            limit.side.add(at_limit(scene, script, None)?);
        }
    }
    row.limits = vec![limit];
    Ok(vec![row])
}

fn script(scene: &Scene) -> Result<Option<Script>> {
    let Some(place) = scene.program_place() else { return Ok(None) };
    let list = || send(&place.api, "/flow_runs/filter", LIST);
    list()?;
    let mut listed = Ok(serde_json::Value::Null);
    let transactions = sent(&place.store.database, &place.store.schema, || listed = list())?;
    listed?;
    Ok(Some(Script::of(&transactions, Ids { all_fixed: true, ..Ids::default() }, 1)))
}
