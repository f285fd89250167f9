//! A worker asks for runs: ten are due and thousands wait behind them, or none is due. It is asked of a replica that holds
//! no poll open, for else the second would only show how long it is held.

use serde_json::json;

use super::{again, post};
use crate::Result;
use crate::furniture::{self, HOUR, from_now};
use crate::place::{Place, id, send};
use crate::program;
use crate::scene::{self, Scene};
use crate::table::{Floor, Row};

const DUE: usize = 10;

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let waiting = scene.scale.runs;
    for place in scene.places() {
        furnish(place, waiting)?;
    }
    let mut settings = scene::settings(&scene.measure)?;
    settings.push(("PREFECTURE_POLL_HOLD".to_owned(), "0s".to_owned()));
    let replica = scene.program.as_ref().map(|program| program::server(program.server.database(), &settings).start());
    let mut rows = Vec::new();
    for (what, until) in [
        (format!("a worker's poll, {DUE} due and {waiting} behind them"), from_now(HOUR)),
        ("a worker's poll, none due".to_owned(), from_now(0)),
    ] {
        let body = json!({"work_queue_names": [], "scheduled_before": until}).to_string();
        let path = "/work_pools/polled/get_scheduled_flow_runs";
        let mut row = Row { what, unit: "/s", floors: vec![Floor::Times(40.0)], ..Row::default() };
        for _ in 0..scene.scale.rounds {
            if let (Some(replica), Some(place)) = (&replica, scene.program_place()) {
                let targets = [place.target.at(replica.url())?];
                let (request, watch) = (post(&targets[0], path, &body), scene.watch(vec![replica.pid()]));
                row.program.add(scene.replicas_step("poll", &targets, &watch, |_| again(request.clone())).await?);
            }
            if let Some(place) = scene.reference_place() {
                let request = post(&place.target, path, &body);
                row.reference.add(scene.reference_step(&place.target, |_| again(request.clone())).await?);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// A pool with a deployment, runs that fall due within the hour, and many that do a day later.
fn furnish(place: &Place, waiting: u64) -> Result<()> {
    furniture::pool(&place.api, "polled")?;
    let deployment = furniture::deployment(&place.api, &place.flow, Some("polled"), "polled", json!({}))?;
    let make = |at: i64| {
        let path = format!("/deployments/{deployment}/create_flow_run");
        id(&send(&place.api, &path, &furniture::run_of_deployment(&from_now(at)))?)
    };
    for _ in 0..DUE {
        make(HOUR / 2)?;
    }
    place.wait_later(&make(24 * HOUR)?, waiting);
    Ok(())
}
