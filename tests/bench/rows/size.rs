//! The same work in a small and in a large workspace.

use super::read::reads;
use crate::Result;
use crate::bodies;
use crate::place::Place;
use crate::scene::Scene;
use crate::table::{Beside, Floor, Row};

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let Some(program) = &scene.program else { return Ok(Vec::new()) };
    let (mut small, mut large) = (program.workspace()?, program.workspace()?);
    small.fill(scene.scale.small);
    large.fill(scene.scale.large);
    let row = |what: &str| Row {
        what: format!("{what} with {} runs", large.done),
        unit: "/s",
        floors: vec![Floor::Part(0.85)],
        limits: vec![Beside { what: "with few", ..Beside::default() }],
        ..Row::default()
    };
    let (mut read, mut create) = (row("reads"), row("creates"));
    for _ in 0..scene.scale.rounds {
        let source = |place: &Place, seed| reads(&place.target, "/flow_runs", place.done, seed);
        read.limits[0]
            .side
            .add(scene.program_step("size-reads-small", &small.target, |seed| source(&small, seed)).await?);
        read.program.add(scene.program_step("size-reads-large", &large.target, |seed| source(&large, seed)).await?);
    }
    for _ in 0..scene.scale.rounds {
        let request = |place: &Place| super::post(&place.target, "/flow_runs/", &bodies::flow_run(&place.flow));
        let (few, many) = (request(&small), request(&large));
        let step = scene.program_step("size-creates-small", &small.target, |_| super::again(few.clone())).await?;
        create.limits[0].side.add(step);
        create
            .program
            .add(scene.program_step("size-creates-large", &large.target, |_| super::again(many.clone())).await?);
    }
    Ok(vec![read, create])
}
