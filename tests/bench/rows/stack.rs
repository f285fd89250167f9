//! What the stack costs without work of the database: processor time of the server for `GET /hello`, which passes every
//! layer, keys, rates, rights and all, and answers a word. The kernel's work for the network is in it.

use super::{again, get};
use crate::Result;
use crate::bare::BareServer;
use crate::pgbench;
use crate::scene::Scene;
use crate::table::{Beside, Figure, Floor, Row};

const PATH: &str = "/hello";

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let Some(place) = scene.program_place() else { return Ok(Vec::new()) };
    let at = pgbench::Place { database: &place.store.database, schema: &place.store.schema };
    let bare = BareServer::start(at, "", &place.api.get(PATH).bytes, 1)?;
    let mut row = Row {
        what: "processor time of the stack, no database".to_owned(),
        unit: "µs",
        figure: Figure::Processor,
        floors: vec![Floor::Under(25.0)],
        limits: vec![Beside { what: "axum, the same bytes", ..Beside::default() }],
        ..Row::default()
    };
    for _ in 0..scene.scale.rounds {
        if let Some(place) = scene.program_place() {
            let request = get(&place.target, PATH);
            row.program.add(scene.program_step("stack", &place.target, |_| again(request.clone())).await?);
        }
        if let Some(place) = scene.reference_place() {
            let request = get(&place.target, PATH);
            row.reference.add(scene.reference_step(&place.target, |_| again(request.clone())).await?);
        }
        let request = get(&bare.target, "/bytes");
        row.limits[0].side.add(scene.bare_step(&bare, |_| again(request.clone())).await?);
    }
    Ok(vec![row])
}
