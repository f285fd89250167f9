//! Hears what a replica says to Postgres, knows by that when one of its services works on a workspace, and stops the
//! replica's network at one message of that work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tests::{Proxy, Way};

/// What the first look of each pass says, in the order of the passes: by this one is told from the next.
pub const PASSES: [(&str, &str); 8] = [
    ("cancellations", "where r.state_due <= $1"),
    ("leases", "from concurrency_lease x where x.expires_at < clock_timestamp()"),
    ("cleanups", "select min(lease_expires_at) from cleanup"),
    ("foreman", "update pulse u set status = 0, changed = now() from worker k"),
    ("late_runs", "r.state_name = 'Scheduled' and r.next_scheduled_start_time <= $1"),
    ("task_workers", "select exists (select from task_worker), exists (select from task_offer)"),
    ("schedules", "from schedule_pass q left join deployment_schedule s"),
    ("retention", "(select true from event e where e.occurred < $1"),
];

/// A message of a pass, counted from 1: it does not arrive, or its answer does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    pub number: usize,
    pub way: Way,
}

#[derive(Default)]
pub struct Trap(Mutex<State>);

#[derive(Default)]
struct State {
    connections: HashMap<usize, Said>,
    schema: String,
    pass: &'static str,
    /// That pass is under way.
    inside: bool,
    /// Its messages until now.
    passed: usize,
    /// Where it springs.
    at: Option<Message>,
    /// The connection whose next answer is to be kept back.
    answering: Option<usize>,
    sprung: bool,
}

impl Trap {
    /// In front of Postgres at this port.
    pub fn before(port: u16) -> (Arc<Trap>, Proxy) {
        let trap = Arc::new(Trap::default());
        let ear = trap.clone();
        (trap, Proxy::heard_by(port, Box::new(move |connection, way, piece| ear.hears(connection, way, piece))))
    }

    /// Counts the messages of a pass over a workspace from now on, and springs at this one.
    pub fn set(&self, schema: &str, pass: &'static str, at: Option<Message>) {
        let mut state = self.state();
        let connections = std::mem::take(&mut state.connections);
        *state = State { connections, schema: schema.to_owned(), pass, at, ..State::default() };
    }

    /// It springs no more. Whether it has.
    pub fn disarm(&self) -> bool {
        let mut state = self.state();
        (state.at, state.answering) = (None, None);
        state.sprung
    }

    pub fn sprung(&self) -> bool {
        self.state().sprung
    }

    /// Messages of the pass since it was set.
    pub fn passed(&self) -> usize {
        self.state().passed
    }

    fn hears(&self, connection: usize, way: Way, piece: &[u8]) -> bool {
        let mut state = self.state();
        let springs = match way {
            Way::ToServer => state.message(connection, piece),
            Way::ToClient => state.answering == Some(connection),
        };
        state.sprung |= springs;
        if springs {
            (state.at, state.answering) = (None, None);
        }
        springs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether it springs before this one arrives.
    fn message(&mut self, connection: usize, piece: &[u8]) -> bool {
        let said = self.connections.entry(connection).or_default();
        let texts = said.texts(piece);
        let mut counts = false;
        for text in texts {
            if let Some((_, after)) = text.split_once("search_path TO ") {
                said.ours = after.starts_with(&self.schema) && !self.schema.is_empty();
            }
            if !said.ours {
                continue;
            }
            if let Some((pass, _)) = PASSES.iter().find(|(_, begins)| text.contains(begins)) {
                self.inside = *pass == self.pass;
            }
            counts |= self.inside;
        }
        if !counts {
            return false;
        }
        self.passed += 1;
        match self.at {
            Some(at) if at.number == self.passed && at.way == Way::ToServer => true,
            Some(at) if at.number == self.passed => {
                self.answering = Some(connection);
                false
            }
            _ => false,
        }
    }
}

/// One connection, as far as what it says is understood.
#[derive(Default)]
struct Said {
    /// The beginning of a message.
    rest: Vec<u8>,
    /// Messages have a letter from now on.
    begun: bool,
    statements: HashMap<String, String>,
    /// Its transaction is one of the workspace.
    ours: bool,
}

impl Said {
    /// The texts of the statements that are sent, prepared or carried out with a piece.
    fn texts(&mut self, piece: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(piece);
        let mut texts = Vec::new();
        while let Some(message) = self.message() {
            if !self.begun {
                // Version 3.0 of the protocol; what comes before asks for TLS.
                self.begun = message.get(4..8) == Some(&[0, 3, 0, 0]);
                continue;
            }
            let mut words =
                message[5..].split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
            let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            match message[0] {
                b'Q' => texts.push(first),
                b'P' => {
                    self.statements.insert(first, second.clone());
                    texts.push(second);
                }
                b'B' => texts.extend(self.statements.get(&second).cloned()),
                _ => {}
            }
        }
        texts
    }

    fn message(&mut self) -> Option<Vec<u8>> {
        let letter = usize::from(self.begun);
        let length = self.rest.get(letter..letter + 4)?;
        let end = letter + u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        (self.rest.len() >= end).then(|| self.rest.drain(..end).collect())
    }
}

#[test]
fn statements_are_understood_however_they_are_cut() {
    let mut all = vec![0, 0, 0, 8, 4, 210, 22, 47, 0, 0, 0, 13, 0, 3, 0, 0];
    all.extend(b"user\0");
    let mut say = |letter: u8, words: &[&str]| {
        let body: Vec<u8> = words.iter().flat_map(|word| word.bytes().chain([0])).collect();
        all.push(letter);
        all.extend((body.len() as u32 + 4).to_be_bytes());
        all.extend(body);
    };
    say(b'P', &["s1", "select 1"]);
    say(b'Q', &["BEGIN"]);
    say(b'B', &["", "s1"]);
    for size in [1, 7, all.len()] {
        let mut said = Said::default();
        let texts: Vec<String> = all.chunks(size).flat_map(|piece| said.texts(piece)).collect();
        assert_eq!(texts, ["select 1", "BEGIN", "select 1"]);
    }
}
