//! How long an answer takes at half of the peak, in open loop. The table has the time within which 99 of 100 are answered,
//! the lines below it the median and 999 of 1000 too. The peak is each server's own, measured just before.

use super::{again, get, post};
use crate::Result;
use crate::bodies::{self, LIST};
use crate::cpu::Watch;
use crate::http::Target;
use crate::load::{Measured, Requests, Times};
use crate::open_loop::{self, Asked, Load};
use crate::place::Place;
use crate::scene::Scene;
use crate::table::{Figure, Row};

/// More than are ever under way at half of the peak.
const CONNECTIONS: usize = 256;
/// Runs that are read, one at random each time.
const RUNS: u64 = 1000;

#[derive(Clone, Copy)]
enum Work {
    Cached,
    Read,
    Create,
    List,
}

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let listed = scene.scale.listed;
    for place in scene.places() {
        place.fill(listed);
    }
    scene.settle();
    let mut rows = Vec::new();
    for (what, work) in [
        ("a flow, from the cache", Work::Cached),
        ("read a flow run", Work::Read),
        ("create a flow run", Work::Create),
        ("filter 200 flow runs", Work::List),
    ] {
        let mut row = Row {
            what: format!("p99 at half of the peak: {what}"),
            unit: "ms",
            figure: Figure::Latency(0.99),
            ..Row::default()
        };
        for _ in 0..scene.scale.rounds {
            if let Some(place) = scene.program_place() {
                let source = |seed| work.requests(place, seed);
                let peak = scene.program_step("latency-peak", &place.target, source).await?;
                let (times, watch) = (scene.scale.times, scene.watch_program());
                row.program.add(at_half(&place.target, &work.asked(place), &peak, times, &watch).await?);
            }
            if let Some(place) = scene.reference_place() {
                let peak = scene.reference_step(&place.target, |seed| work.requests(place, seed)).await?;
                let (times, watch) = (scene.scale.reference_times, scene.watch_reference());
                row.reference.add(at_half(&place.target, &work.asked(place), &peak, times, &watch).await?);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

async fn at_half(target: &Target, asked: &Asked, peak: &Measured, times: Times, watch: &Watch) -> Result<Measured> {
    let half = Load { rate: Some(peak.rate() / 2.0), connections: CONNECTIONS };
    open_loop::run(target, asked, half, times, watch).await
}

impl Work {
    fn asked(self, place: &Place) -> Asked {
        match self {
            Work::Cached => Asked { paths: vec![format!("/flows/{}", place.flow)], body: None },
            Work::Read => reads(RUNS.min(place.done)),
            Work::Create => creates(place),
            Work::List => Asked { paths: vec!["/flow_runs/filter".to_owned()], body: Some(LIST.to_owned()) },
        }
    }

    /// The same, for a closed loop.
    fn requests(self, place: &Place, seed: usize) -> Requests {
        let target = &place.target;
        match self {
            Work::Cached => again(get(target, &format!("/flows/{}", place.flow))),
            Work::Read => super::read::reads(target, "/flow_runs", RUNS.min(place.done), seed),
            Work::Create => again(post(target, "/flow_runs/", &bodies::flow_run(&place.flow))),
            Work::List => again(post(target, "/flow_runs/filter", LIST)),
        }
    }
}

/// Reads of the first `runs` ended runs.
pub fn reads(runs: u64) -> Asked {
    use crate::bulk::Family;
    Asked { paths: (1..=runs).map(|number| format!("/flow_runs/{}", Family::Done.id(number))).collect(), body: None }
}

pub fn creates(place: &Place) -> Asked {
    Asked { paths: vec!["/flow_runs/".to_owned()], body: Some(bodies::flow_run(&place.flow)) }
}
