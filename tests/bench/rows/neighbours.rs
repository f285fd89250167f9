//! What a tenant feels of its neighbours: the time within which 99 of 100 of its requests are answered, alone, beside a
//! tenant that asks ten times what it may, and beside one that does nothing but ask for the heaviest lists. Such a list keeps one
//! core at work; what that alone does to a tenant is felt beside a thread that keeps one at work and asks nobody for anything.
//!
//! Of a 99th percentile a step has few samples, so there are more steps than usual.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;

use ::tests::{Account, put_on_plan};

use super::latency::{creates, reads};
use super::{again, post};
use crate::Result;
use crate::bodies::HEAVIEST;
use crate::cpu::Watch;
use crate::load::{self, Measured, Times};
use crate::open_loop::{self, Load};
use crate::place::Place;
use crate::program::Program;
use crate::scene::Scene;
use crate::table::{Beside, Figure, Floor, Row};

const RUNS: u64 = 1000;
const CONNECTIONS: usize = 64;
/// Steps for a usual one.
const TURNS: usize = 3;
/// Requests a second of the one that is watched.
const READS: f64 = 400.0;
const CREATES: f64 = 200.0;
/// Requests a minute that the greedy one may send: the most of the documented plans.
const ALLOWED: u32 = 5_000;

pub async fn measure(scene: &mut Scene) -> Result<Vec<Row>> {
    let Some(program) = &scene.program else { return Ok(Vec::new()) };
    let mut watched = program.workspace()?;
    watched.fill(RUNS);
    let (greedy, heavy) = (greedy(program)?, heavy(program, scene.scale.listed)?);
    scene.settle();
    let times = scene.scale.times;
    let watch = scene.watch_program();
    let mut rows = Vec::new();
    for (what, asked, rate) in [("reads", reads(RUNS), READS), ("creates", creates(&watched), CREATES)] {
        let row = |beside: &str| Row {
            what: format!("p99 of a tenant's {what} beside {beside}"),
            unit: "ms",
            figure: Figure::Latency(0.99),
            floors: vec![Floor::LessThanPart(1.2)],
            limits: vec![Beside { what: "alone", ..Beside::default() }],
            ..Row::default()
        };
        let mut rows_of_this = [
            row("ten times another's limit"),
            row("another's heaviest lists"),
            Row { floors: Vec::new(), ..row("a thread that spins") },
        ];
        let load = Load { rate: Some(rate), connections: CONNECTIONS };
        let step = async || open_loop::run(&watched.target, &asked, load, times, &watch).await;
        for _ in 0..scene.scale.rounds * TURNS {
            let alone = step().await?;
            let (beside_greedy, refused) = tokio::join!(step(), ask_too_much(&greedy, times));
            must_be_refused(&refused?)?;
            let (beside_heavy, listed) = tokio::join!(step(), list(&heavy, scene.measure.connections, times));
            must_be_answered(&listed?)?;
            let beside_spinner = {
                let _spinner = Spinner::start();
                step().await?
            };
            for (row, beside) in rows_of_this.iter_mut().zip([beside_greedy?, beside_heavy?, beside_spinner]) {
                row.program.add(beside);
                row.limits[0].side.add(alone.clone());
            }
        }
        rows.extend(rows_of_this);
    }
    Ok(rows)
}

/// A thread that keeps a core at work for nothing, until dropped.
struct Spinner(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Spinner {
    fn start() -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = ended.clone();
        Self(ended, Some(std::thread::spawn(move || while !seen.load(Relaxed) {})))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
        drop(self.1.take().map(JoinHandle::join));
    }
}

fn greedy(program: &Program) -> Result<Place> {
    let account = Account::create(&program.server);
    let mut place = program.workspace_of(&account)?;
    place.fill(RUNS);
    put_on_plan(&program.server, &account, &["--requests", &ALLOWED.to_string()]);
    Ok(place)
}

fn heavy(program: &Program, runs: u64) -> Result<Place> {
    let mut place = program.workspace_of(&Account::create(&program.server))?;
    place.fill(runs);
    Ok(place)
}

async fn ask_too_much(place: &Place, times: Times) -> Result<Measured> {
    let load = Load { rate: Some(10.0 * f64::from(ALLOWED) / 60.0), connections: CONNECTIONS };
    open_loop::run(&place.target, &reads(RUNS), load, times, &Watch::default()).await
}

/// As many at once as there are connections.
async fn list(place: &Place, connections: usize, times: Times) -> Result<Measured> {
    let request = post(&place.target, "/flow_runs/filter", HEAVIEST);
    let sources = (0..connections).map(|_| (place.target.address, again(request.clone()))).collect();
    load::closed_loop(sources, times, &Watch::default()).await
}

/// A neighbour that is not what the row says proves nothing.
fn must_be_refused(greedy: &Measured) -> Result<()> {
    let (done, failed) = (greedy.done, greedy.failed);
    if failed > done {
        Ok(())
    } else {
        Err(format!("at ten times the limit {done} were let in, {failed} were not").into())
    }
}

/// Some may be refused: they wait for each other, and not for ever.
fn must_be_answered(lists: &Measured) -> Result<()> {
    let Measured { done, failure, .. } = lists;
    if *done > 0 { Ok(()) } else { Err(format!("none of the heaviest lists was answered, but {failure:?}").into()) }
}
