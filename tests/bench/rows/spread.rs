//! The same work spread over few and many workspaces.

use std::sync::Arc;

use super::Random;
use crate::Result;
use crate::bodies;
use crate::http::{Headers, Target};
use crate::load::Requests;
use crate::place;
use crate::scene::Scene;
use crate::table::{Beside, Floor, Row, Side};

/// Runs in each workspace.
const RUNS: usize = 5;
/// How many times longer the first round warms up.
const LEARNING: u32 = 16;

struct Workspace {
    target: Target,
    flow: String,
    runs: Vec<String>,
}

#[derive(Clone, Copy)]
enum Work {
    Reads,
    Creates,
}

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let Some(program) = &scene.program else { return Ok(Vec::new()) };
    let spread = scene.scale.spread;
    let most = spread.iter().copied().max().unwrap_or(1);
    let mut workspaces = Vec::with_capacity(most);
    for _ in 0..most {
        let tenant = program.account.workspace();
        let (flow, runs) = place::few_runs(&tenant.api(), RUNS)?;
        workspaces.push(Workspace { target: Target::parse(&tenant.api_url(), Some(&tenant.key))?, flow, runs });
    }
    let workspaces = Arc::new(workspaces);
    let mut rows = Vec::new();
    for (work, name) in [(Work::Reads, "reads"), (Work::Creates, "creates")] {
        let mut sides = vec![Side::default(); spread.len()];
        let usual = scene.scale.times.warm;
        for round in 0..scene.scale.rounds {
            // A backend learns each schema once; that is what the first moments of a start cost, not what work costs.
            scene.scale.times.warm = if round == 0 { usual * LEARNING } else { usual };
            for (side, count) in sides.iter_mut().zip(spread) {
                let (workspaces, target) = (workspaces.clone(), workspaces[0].target.clone());
                let source = |seed| requests(workspaces.clone(), *count, work, seed);
                side.add(scene.program_step(&format!("spread-{name}-{count}"), &target, source).await?);
            }
        }
        scene.scale.times.warm = usual;
        let one = sides[0].clone();
        for (side, count) in sides.into_iter().zip(spread) {
            let floors = if *count == 300 { vec![Floor::Part(0.6)] } else { Vec::new() };
            let limits =
                if *count == 1 { Vec::new() } else { vec![Beside { what: "in one workspace", side: one.clone() }] };
            let what = format!("{name} over {count} workspace{}", if *count == 1 { "" } else { "s" });
            rows.push(Row { what, unit: "/s", program: side, limits, floors, ..Row::default() });
        }
    }
    Ok(rows)
}

/// Each request goes to a random one of the first `count` workspaces.
fn requests(workspaces: Arc<Vec<Workspace>>, count: usize, work: Work, seed: usize) -> Requests {
    let mut random = Random::new(seed);
    Box::new(move |out| {
        let Workspace { target, flow, runs } = &workspaces[random.below(count as u64) as usize];
        match work {
            Work::Reads => {
                let run = &runs[random.below(runs.len() as u64) as usize];
                target.get(&format!("/flow_runs/{run}"), Headers::Plain, out);
            }
            Work::Creates => target.post("/flow_runs/", &bodies::flow_run(flow), Headers::Plain, out),
        }
        true
    })
}
