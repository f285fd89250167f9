//! Twice as much is asked as can be done, in open loop: how much is still done (goodput), beside the peak.
//!
//! The peak is measured by the same generator, whose own work takes from the same cores; at twice the rate that is more,
//! and so are the refusals. All of that is in the figure.

use super::latency::{creates, reads};
use crate::Result;
use crate::load::Times;
use crate::open_loop::{self, Load};
use crate::scene::Scene;
use crate::table::{Beside, Floor, Row};

const RUNS: u64 = 1000;
/// More than a server takes of one workspace at once, so that it has to refuse.
const CONNECTIONS: usize = 2048;
/// Opening the connections, and coming to rest under the load, takes longer than usual.
const WARMING: u32 = 4;

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let Some(program) = &mut scene.program else { return Ok(Vec::new()) };
    program.place.fill(RUNS);
    let place = program.place.clone();
    scene.settle();
    let times = Times { warm: scene.scale.times.warm * WARMING, ..scene.scale.times };
    let watch = scene.watch_program();
    let mut rows = Vec::new();
    for (what, asked) in [("read a flow run", reads(RUNS)), ("create a flow run", creates(&place))] {
        let mut row = Row {
            what: format!("{what}, twice the peak asked"),
            unit: "/s",
            floors: vec![Floor::Part(0.9)],
            limits: vec![Beside { what: "at the peak", ..Beside::default() }],
            ..Row::default()
        };
        for _ in 0..scene.scale.rounds {
            let peak = Load { rate: None, connections: scene.measure.connections };
            let peak = open_loop::run(&place.target, &asked, peak, scene.scale.times, &watch).await?;
            let over = Load { rate: Some(2.0 * peak.rate()), connections: CONNECTIONS };
            row.program.add(open_loop::run(&place.target, &asked, over, times, &watch).await?);
            row.limits[0].side.add(peak);
        }
        rows.push(row);
    }
    Ok(rows)
}
