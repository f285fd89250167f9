//! Measures this program beside the reference server and beside the limit of the machine, in one run, and prints a
//! Markdown table. `tests/bench/run` builds and starts it.
//!
//! Promises:
//! * All servers stand on one private Postgres with fsync on, are started by the run and end with it; nothing leaves the
//!   machine.
//! * Rounds of those compared take turns, so that a machine that slows down slows all of them.
//! * The limit is measured with what this program was seen to send, and an answer that is no success counts for nothing.

mod args;
mod bare;
mod bodies;
mod bulk;
mod cpu;
mod furniture;
mod http;
mod load;
mod notes;
mod open_loop;
mod pgbench;
mod place;
mod profile;
mod program;
mod reference;
mod rows;
mod scene;
mod socket;
mod statements;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use args::{Cli, Command, Measure};
use scene::Scene;

pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Bare(bare) => runtime(tokio::runtime::Builder::new_multi_thread(), bare::serve(bare)),
        // One thread, so that the generator takes no more of the machine than it must.
        Command::Measure(measure) => runtime(tokio::runtime::Builder::new_current_thread(), run(measure)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn runtime(mut builder: tokio::runtime::Builder, work: impl Future<Output = Result<()>>) -> Result<()> {
    builder.enable_all().build()?.block_on(work)
}

async fn run(measure: Measure) -> Result<()> {
    if measure.help_rows {
        println!("{}", rows::NAMES.join("\n"));
        rows::GROUPS.iter().for_each(|(name, rows)| println!("{name}: {}", rows.join(", ")));
        return Ok(());
    }
    if let Some(unknown) = measure.rows.iter().find(|row| !rows::is_known(row)) {
        return Err(format!("no row is called {unknown}; there are {}", rows::NAMES.join(", ")).into());
    }
    let begun = Instant::now();
    eprintln!("starting Postgres and the servers");
    let wanted: Vec<&str> = rows::NAMES.iter().copied().filter(|name| measure.wants(name)).collect();
    let mut scene = Scene::set(measure)?;
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for name in wanted {
        eprintln!("{:>4} s  {name}", begun.elapsed().as_secs());
        // A row that cannot be measured must not hide the others.
        match rows::measure(&mut scene, name).await {
            Ok(more) => rows.extend(more),
            Err(error) => failures.push(format!("{name} could not be measured: {error}")),
        }
    }
    println!("{}\n{}", table::render(&rows), notes::render(&scene, begun.elapsed()));
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}
