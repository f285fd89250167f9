//! The same requests, put to the reference (`prefect server start`) and to this program: status, body and the
//! headers that clients read must be equal, but for ids, moments of the run and names the server made up.
//!
//! * `cases/*.json` are the requests (see `cases.rs` for the form), one test a scenario, named `file::scenario`.
//! * `transitions.json` are state changes, one test each, named `transitions::…`.
//! * `document.txt` lists how the two OpenAPI documents may differ.
//! * `accepted.txt` lists what may differ, a reason a line; a line that no longer does anything fails the run.
//!
//! `DIFFERENTIAL_SELF=1` puts the reference in both places: whatever fails then is a flaky case, not a difference.
//! With `sqlite` the second one keeps its data there: what fails then depends on the database.
//! `DIFFERENTIAL_SHOW=1` prints what the reference answers, a line a step.
//! `OURS_URL` and `OURS_KEY` name a workspace that already runs; without them the harness starts the program.

mod accepted;
mod cases;
mod clock;
mod compare;
mod coverage;
mod document;
mod http;
mod normalise;
mod reference;
mod render;
mod replay;
mod selftest;
mod servers;
mod transitions;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

use accepted::Accepted;
use servers::Servers;

/// The folder of this suite: cases, transitions and accepted differences are read from it.
fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("differential")
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One pair of servers, and scenarios of a file build on each other's leftovers in a fixed order.
    arguments.test_threads = Some(1);
    match suite(&arguments) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("differential: {why}");
            ExitCode::FAILURE
        }
    }
}

fn suite(arguments: &Arguments) -> Result<ExitCode, String> {
    let accepted = Arc::new(Accepted::load(&home().join("accepted.txt"))?);
    let servers = Arc::new(Mutex::new(Servers::new()));
    let mut trials = selftest::trials();
    let mut files = cases::load_all(&home().join("cases"))?;
    files.extend(transitions::load(&home().join("transitions.json"))?);
    let files: Vec<_> = files.into_iter().map(Arc::new).collect();
    for file in &files {
        for index in 0..file.scenarios.len() {
            let (file, accepted, servers) = (file.clone(), accepted.clone(), servers.clone());
            let name = format!("{}::{}", file.name, file.scenarios[index].name);
            trials.push(Trial::test(name, move || {
                let mut servers = lock(&servers);
                let scenario = &file.scenarios[index];
                let pair = servers.pair(&file.name, scenario.fresh)?;
                replay::scenario(pair, &file, scenario, &accepted).map_err(Failed::from)
            }));
        }
    }
    let (every, last) = (files.clone(), servers.clone());
    trials.push(Trial::test("every operation has a case", move || {
        let mut servers = lock(&last);
        let files: Vec<&cases::File> = every.iter().map(AsRef::as_ref).collect();
        coverage::check(&servers.any_pair()?.reference, &files).map_err(Failed::from)
    }));

    let last = servers.clone();
    trials.push(Trial::test("the documents are alike", move || {
        let mut servers = lock(&last);
        let pair = servers.any_pair()?;
        document::check(&pair.reference, &pair.ours).map_err(Failed::from)
    }));

    let conclusion = libtest_mimic::run(arguments, trials);
    let mut servers = lock(&servers);
    servers.stop();
    let tally = servers.tally;
    if tally.requests == 0 {
        return Ok(conclusion.exit_code());
    }
    eprintln!(
        "differential: {} requests compared, {} differ, {} differ as accepted",
        tally.requests, tally.different, tally.accepted
    );
    let whole = arguments.filter.is_none() && arguments.skip.is_empty();
    let stale = accepted.unused();
    if whole && servers.against_itself.is_none() && !stale.is_empty() {
        eprintln!("differential: accepted.txt has lines that no longer do anything; take them out:");
        for line in stale {
            eprintln!("  {line}");
        }
        return Ok(ExitCode::FAILURE);
    }
    Ok(conclusion.exit_code())
}

/// A scenario that panicked leaves the servers usable, so a poisoned lock is taken all the same.
fn lock(servers: &Mutex<Servers>) -> std::sync::MutexGuard<'_, Servers> {
    servers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
