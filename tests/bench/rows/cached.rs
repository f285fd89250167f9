//! An answer that is kept: the GET of a flow, whole, and to a client that has it already (304).

use super::{again, get};
use crate::Result;
use crate::bare::BareServer;
use crate::pgbench;
use crate::place::Place;
use crate::scene::Scene;
use crate::table::{Beside, Floor, Row};

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let kept = scene.program_place().map(Kept::of).transpose()?;
    let bare = match (&kept, scene.program_place()) {
        (Some(kept), Some(place)) => {
            let at = pgbench::Place { database: &place.store.database, schema: &place.store.schema };
            Some(BareServer::start(at, "", &kept.body, 1)?)
        }
        _ => None,
    };
    let row = |what: &str, floors: Vec<Floor>, limit: &'static str| Row {
        what: what.to_owned(),
        unit: "/s",
        floors,
        limits: vec![Beside { what: limit, ..Beside::default() }],
        ..Row::default()
    };
    let mut whole = row("a flow, from the cache", vec![Floor::Part(0.55), Floor::Times(150.0)], "axum, the same bytes");
    let mut unchanged = row("a flow that the client has: 304", Vec::new(), "axum, 304");
    for _ in 0..scene.scale.rounds {
        if let (Some(place), Some(kept)) = (scene.program_place(), &kept) {
            let target = &place.target;
            whole.program.add(scene.program_step("cached", target, |_| again(kept.whole.clone())).await?);
            unchanged.program.add(scene.program_step("unchanged", target, |_| again(kept.unless.clone())).await?);
        }
        if let Some(place) = scene.reference_place() {
            let request = get(&place.target, &path(place));
            whole.reference.add(scene.reference_step(&place.target, |_| again(request.clone())).await?);
        }
        if let Some(bare) = &bare {
            for (path, row) in [("/bytes", &mut whole), ("/unchanged", &mut unchanged)] {
                let request = get(&bare.target, path);
                row.limits[0].side.add(scene.bare_step(bare, |_| again(request.clone())).await?);
            }
        }
    }
    Ok(vec![whole, unchanged])
}

fn path(place: &Place) -> String {
    format!("/flows/{}", place.flow)
}

/// The answer, and the requests for it.
struct Kept {
    body: Vec<u8>,
    whole: Vec<u8>,
    unless: Vec<u8>,
}

impl Kept {
    /// Makes sure that it is what the row says.
    fn of(place: &Place) -> Result<Kept> {
        let path = path(place);
        place.api.get(&path);
        let answer = place.api.get(&path);
        if !answer.header("cache-status").is_some_and(|status| status.ends_with("hit")) {
            return Err(format!("{path} is not answered from the cache: {:?}", answer.header("cache-status")).into());
        }
        let tag = answer.header("etag").ok_or("a kept answer without a tag")?;
        let again = place.api.request("GET", &path, &[("if-none-match", tag)], None);
        if again.status != 304 {
            return Err(format!("{path} with its tag is answered {}", again.status).into());
        }
        let mut unless = Vec::new();
        place.target.get_unless(&path, tag, &mut unless);
        Ok(Kept { whole: get(&place.target, &path), unless, body: answer.bytes })
    }
}
