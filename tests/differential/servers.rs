//! The pair of servers: a clean one of each for every case file.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::http::Client;
use crate::reference::Reference;
use crate::replay::Progress;

#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub requests: usize,
    pub different: usize,
    pub accepted: usize,
}

pub struct Servers {
    pub tally: Tally,
    /// The reference stands in for this program.
    pub against_itself: bool,
    current: Option<Pair>,
}

pub struct Pair {
    file: String,
    used: bool,
    pub reference: Client,
    pub ours: Client,
    /// Stopped when dropped.
    _running: Vec<Reference>,
    pub tally: Tally,
    /// What scenarios left that others begin with.
    pub left: HashMap<String, Progress>,
}

impl Servers {
    pub fn new() -> Servers {
        let against_itself = std::env::var_os("DIFFERENTIAL_SELF").is_some_and(|v| v != "0");
        Servers { tally: Tally::default(), against_itself, current: None }
    }

    /// The pair of a case file; a new one when the file changes or a scenario needs it untouched.
    pub fn pair(&mut self, file: &str, fresh: bool) -> Result<&mut Pair, String> {
        let keep = self.current.as_ref().is_some_and(|pair| pair.file == file && !(fresh && pair.used));
        if !keep {
            self.stop();
            self.current = Some(start(file, self.against_itself)?);
        }
        let pair = self.current.as_mut().ok_or("no pair was started")?;
        pair.used = true;
        Ok(pair)
    }

    /// Stops what runs and takes over its counts.
    pub fn stop(&mut self) {
        if let Some(pair) = self.current.take() {
            self.tally.requests += pair.tally.requests;
            self.tally.different += pair.tally.different;
            self.tally.accepted += pair.tally.accepted;
        }
    }
}

fn start(file: &str, against_itself: bool) -> Result<Pair, String> {
    let first = Reference::start()?;
    let reference = Client::new(&first.url, None);
    let mut running = vec![first];
    let ours = if against_itself {
        let second = Reference::start()?;
        let client = Client::new(&second.url, None);
        running.push(second);
        client
    } else {
        workspace()?
    };
    Ok(Pair { file: file.to_owned(), used: false, reference, ours, _running: running, tally: Tally::default(), left: HashMap::new() })
}

/// A workspace of this program to write to.
fn workspace() -> Result<Client, String> {
    if let Ok(url) = std::env::var("OURS_URL") {
        return Ok(Client::new(&url, std::env::var("OURS_KEY").ok()));
    }
    Err("set OURS_URL and OURS_KEY to a workspace of a running server, or DIFFERENTIAL_SELF=1".to_owned())
}

/// Where the reference's program is: `PREFECT_REFERENCE_BIN`, else the virtual environment that `tests/run` makes.
pub fn reference_program() -> PathBuf {
    std::env::var_os("PREFECT_REFERENCE_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/prefect"),
        PathBuf::from,
    )
}
