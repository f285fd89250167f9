//! The pair of servers: a clean one of each for every case file.

use std::collections::HashMap;
use std::sync::OnceLock;

use tests::Server;

use crate::http::Client;
use crate::reference::{Reference, Storage};
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
    pub against_itself: Option<Storage>,
    current: Option<Pair>,
}

pub struct Pair {
    file: String,
    used: bool,
    /// The reference stands in for this program, with all its failures.
    pub against_itself: bool,
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
        let against_itself = match std::env::var("DIFFERENTIAL_SELF").as_deref() {
            Err(_) | Ok("" | "0") => None,
            Ok("sqlite") => Some(Storage::Sqlite),
            Ok(_) => Some(Storage::Postgres),
        };
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

    /// The pair that runs, or a new one: for what asks nothing of its data.
    pub fn any_pair(&mut self) -> Result<&mut Pair, String> {
        let file = self.current.as_ref().map_or_else(String::new, |pair| pair.file.clone());
        self.pair(&file, false)
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

fn start(file: &str, against_itself: Option<Storage>) -> Result<Pair, String> {
    let first = Reference::start(Storage::Postgres)?;
    let reference = Client::new(&first.url, None);
    let mut running = vec![first];
    let ours = match against_itself {
        Some(storage) => {
            let second = Reference::start(storage)?;
            let client = Client::new(&second.url, None);
            running.push(second);
            client
        }
        None => workspace(),
    };
    let (tally, left) = (Tally::default(), HashMap::new());
    let (file, used, against_itself) = (file.to_owned(), false, against_itself.is_some());
    Ok(Pair { file, used, against_itself, reference, ours, _running: running, tally, left })
}

/// A workspace of this program to write to.
fn workspace() -> Client {
    if let Ok(url) = std::env::var("OURS_URL") {
        return Client::new(&url, std::env::var("OURS_KEY").ok());
    }
    let tenant = tests::Tenant::on(program());
    Client::new(&tenant.api_url(), Some(tenant.key))
}

/// Without services, as the reference runs here: what they change has no place between two requests.
fn program() -> &'static Server {
    static PROGRAM: OnceLock<Server> = OnceLock::new();
    PROGRAM
        .get_or_init(|| Server::builder().env("PREFECTURE_SERVICES", "off").env("PREFECTURE_POLL_HOLD", "0s").start())
}
