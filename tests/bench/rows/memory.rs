//! Resident memory after everything else.

use crate::cpu;
use crate::scene::Scene;
use crate::table::{Floor, Row};

pub fn measure(scene: &Scene) -> Vec<Row> {
    let ours = scene.program.as_ref().map(|program| program.server.pid());
    let theirs = scene.reference.as_ref().map(|reference| reference.pid());
    let row = |what: &str, values: (Option<f64>, Option<f64>), floors: Vec<Floor>| Row {
        what: what.to_owned(),
        unit: "MB",
        values: Some(values),
        floors,
        ..Row::default()
    };
    let resident = (ours.map(cpu::resident), theirs.map(cpu::resident));
    vec![
        row("resident memory after all of it", resident, vec![Floor::Under(60.0)]),
        row("at its peak", (ours.map(cpu::peak), None), Vec::new()),
        row("Postgres, for both", (Some(cpu::proportional(scene.postgres)), None), Vec::new()),
    ]
}
