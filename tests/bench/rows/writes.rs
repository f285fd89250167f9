//! Creating flow runs, and taking them through their states.

use std::ops::Range;

use crate::Result;
use crate::bodies::{self, Proposed};
use crate::bulk::Family;
use crate::http::{Headers, Target};
use crate::load::Requests;
use crate::pgbench::{self, Ids, Numbers, Script};
use crate::place::{Place, send};
use crate::scene::Scene;
use crate::statements::sent;
use crate::table::{Beside, Floor, Row};

const PGBENCH: &str = "pgbench, the same statements";
const CYCLE: [Proposed; 3] = [Proposed::Pending, Proposed::Running, Proposed::Completed];

pub async fn create(scene: &mut Scene) -> Result<Vec<Row>> {
    let mut row = Row {
        what: "create a flow run".to_owned(),
        unit: "/s",
        floors: vec![Floor::Part(0.65), Floor::Times(20.0)],
        ..Row::default()
    };
    let script = scene.program_place().map(create_script).transpose()?;
    let mut limit = Beside { what: PGBENCH, ..Beside::default() };
    for _ in 0..scene.scale.rounds {
        if let Some(place) = scene.program_place() {
            let request = super::post(&place.target, "/flow_runs/", &bodies::flow_run(&place.flow));
            row.program.add(scene.program_step("create", &place.target, |_| super::again(request.clone())).await?);
        }
        if let Some(place) = scene.reference_place() {
            let request = super::post(&place.target, "/flow_runs/", &bodies::flow_run(&place.flow));
            row.reference.add(scene.reference_step(&place.target, |_| super::again(request.clone())).await?);
        }
        if let Some(script) = &script {
            scene.keep("create", script)?;
            let before = count(scene, MADE)?;
            let measured = at_limit(scene, script, None)?;
            must_have(count(scene, MADE)? - before, measured.done, "made")?;
            limit.side.add(measured);
        }
    }
    row.limits = vec![limit];
    Ok(vec![row])
}

pub async fn set_state(scene: &mut Scene) -> Result<Vec<Row>> {
    let mut row = Row {
        what: "set_state: Pending, Running, Completed".to_owned(),
        unit: "/s",
        floors: vec![Floor::Part(0.65), Floor::Times(20.0)],
        ..Row::default()
    };
    let script = scene.program.as_mut().map(|program| cycle_script(&mut program.place)).transpose()?;
    let mut limit = Beside { what: PGBENCH, ..Beside::default() };
    let (cycles, connections) = (scene.scale.cycles, scene.measure.connections);
    for _ in 0..scene.scale.rounds {
        if let Some(program) = &mut scene.program {
            let runs = program.place.wait(cycles);
            let target = program.place.target.clone();
            row.program
                .add(scene.program_step("set_state", &target, |at| cycle(&target, &runs, at, connections)).await?);
        }
        if let Some(reference) = &mut scene.reference {
            // It gets as many as it can take in the time, at some thousand a second.
            let runs = reference.place.wait(cycles.min(4_000));
            let target = reference.place.target.clone();
            row.reference.add(scene.reference_step(&target, |at| cycle(&target, &runs, at, connections)).await?);
        }
        if let (Some(script), Some(program)) = (&script, &mut scene.program) {
            let runs = program.place.wait(cycles);
            let numbers = Numbers { first: runs.start, span: cycles / connections as u64 };
            scene.keep("set_state", script)?;
            let before = count(scene, ENDED)?;
            let measured = at_limit(scene, script, Some(numbers))?;
            must_have(count(scene, ENDED)? - before, measured.done / CYCLE.len() as u64, "taken to their end")?;
            limit.side.add(measured);
        }
    }
    row.limits = vec![limit];
    Ok(vec![row])
}

/// pgbench with a script on the program's own workspace.
pub fn at_limit(scene: &mut Scene, script: &Script, numbers: Option<Numbers>) -> Result<crate::load::Measured> {
    let store = scene.program_place().map(|place| place.store.clone()).ok_or("the limit is that of this program")?;
    scene.pgbench(script, pgbench::Place { database: &store.database, schema: &store.schema }, numbers)
}

/// Runs that pgbench made, and runs that were taken to their end.
const MADE: &str = "id between '0f000000-0000-7000-8000-000000000000' and '0f000000-0000-7000-8000-ffffffffffff'";
const ENDED: &str =
    "id between '0b000000-0000-7000-8000-000000000000' and '0b000000-0000-7000-8000-ffffffffffff' and state_type = 3";

fn count(scene: &Scene, which: &str) -> Result<u64> {
    let store = &scene.program_place().ok_or("the limit is that of this program")?.store;
    Ok(store.database.sql(&format!("select count(*) from \"{}\".flow_run where {which}", store.schema)).parse()?)
}

/// A limit that skips the work is none.
fn must_have(found: u64, said: u64, what: &str) -> Result<()> {
    if found >= said { Ok(()) } else { Err(format!("pgbench said {said} runs were {what}, {found} are").into()) }
}

fn create_script(place: &Place) -> Result<Script> {
    let body = bodies::flow_run(&place.flow);
    let create = || send(&place.api, "/flow_runs/", &body);
    // The first may prepare statements.
    create()?;
    let mut created = Ok(serde_json::Value::Null);
    let transactions = sent(&place.store.database, &place.store.schema, || created = create())?;
    created?;
    Ok(Script::of(&transactions, Ids { fixed: [place.flow.clone()].into(), ..Ids::default() }, 1))
}

fn cycle_script(place: &mut Place) -> Result<Script> {
    let runs = place.wait(2);
    let place = &*place;
    let through = |run: &str| -> Result<()> {
        for state in CYCLE {
            send(&place.api, &format!("/flow_runs/{run}/set_state"), &bodies::set_state(run, state))?;
        }
        Ok(())
    };
    through(&Family::Waiting.id(runs.start))?;
    let run = Family::Waiting.id(runs.start + 1);
    let mut went = Ok(());
    let transactions = sent(&place.store.database, &place.store.schema, || went = through(&run))?;
    went?;
    let counted = [(run, Family::Waiting.prefix())].into();
    let ids = Ids { fixed: [place.flow.clone()].into(), counted, ..Ids::default() };
    Ok(Script::of(&transactions, ids, CYCLE.len() as u64))
}

/// Takes one connection's share of the runs through their states, one after the other.
fn cycle(target: &Target, runs: &Range<u64>, at: usize, connections: usize) -> Requests {
    let target = target.clone();
    let mut runs = runs.clone().skip(at).step_by(connections);
    let mut left: Vec<(String, Proposed)> = Vec::new();
    Box::new(move |out| {
        if left.is_empty() {
            let Some(number) = runs.next() else { return false };
            let run = Family::Waiting.id(number);
            left.extend(CYCLE.into_iter().rev().map(|state| (run.clone(), state)));
        }
        // Filled above.
        let Some((run, state)) = left.pop() else { return false };
        target.post(&format!("/flow_runs/{run}/set_state"), &bodies::set_state(&run, state), Headers::Plain, out);
        true
    })
}
