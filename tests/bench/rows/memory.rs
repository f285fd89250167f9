//! Resident memory after everything else.

use crate::cpu;
use crate::scene::Scene;
use crate::table::{Floor, Row};

pub fn measure(scene: &Scene) -> Vec<Row> {
    let ours = scene.program.as_ref().map(|program| cpu::resident(program.server.pid()));
    let theirs = scene.reference.as_ref().map(|reference| cpu::resident(reference.pid()));
    let row = |what: &str, of: fn((f64, f64)) -> f64, floors: Vec<Floor>| Row {
        what: what.to_owned(),
        unit: "MB",
        values: Some((ours.map(of), theirs.map(of))),
        floors,
        ..Row::default()
    };
    vec![row("resident memory after all of it", |(now, _)| now, vec![Floor::Under(60.0)])]
}
