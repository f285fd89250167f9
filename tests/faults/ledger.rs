//! What a client was told: each write is sure (acknowledged), or open (sent, and the answer never came).

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::Database;

/// Kinds of writes, and the column by which one is found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// By its idempotency key.
    FlowRun,
    /// By the state's id, which the answer gives.
    State,
    /// By its text.
    Log,
    /// By its id.
    Event,
    /// By `task_key`, each in a flow run of its own.
    TaskRun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Sure,
    Open,
}

#[derive(Default)]
pub struct Ledger {
    told: Mutex<BTreeMap<(Kind, String), Told>>,
    sure: AtomicUsize,
    failures: Mutex<Vec<String>>,
    ends: Mutex<Vec<String>>,
}

impl Ledger {
    pub fn tell(&self, kind: Kind, id: &str, told: Told) {
        let before = self.told.lock().expect("nobody panics with it").insert((kind, id.to_owned()), told);
        if told == Told::Sure && before != Some(Told::Sure) {
            self.sure.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request without an answer, or with one that says to try again.
    pub fn failed(&self, what: String) {
        self.failures.lock().expect("nobody panics with it").push(what);
    }

    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().expect("nobody panics with it").clone()
    }

    /// A socket that the server ended, and what it said.
    pub fn ended(&self, how: String) {
        self.ends.lock().expect("nobody panics with it").push(how);
    }

    pub fn ends(&self) -> Vec<String> {
        self.ends.lock().expect("nobody panics with it").clone()
    }

    /// How many writes were acknowledged.
    pub fn sure(&self) -> usize {
        self.sure.load(Ordering::Relaxed)
    }

    pub fn count(&self, kind: Kind) -> usize {
        let told = self.told.lock().expect("nobody panics with it");
        told.iter().filter(|((of, _), told)| *of == kind && **told == Told::Sure).count()
    }

    pub fn is_sure(&self, kind: Kind, id: &str) -> bool {
        let told = self.told.lock().expect("nobody panics with it");
        told.get(&(kind, id.to_owned())) == Some(&Told::Sure)
    }

    /// What is not as it was told: acknowledged and not there once, or there more than once, or never sent.
    pub fn against(&self, database: &Database, schema: &str) -> Vec<String> {
        let told = self.told.lock().expect("nobody panics with it").clone();
        let mut findings = Vec::new();
        for (kind, sql) in [
            (
                Kind::FlowRun,
                "select idempotency_key, count(*) from {s}.flow_run where idempotency_key is not null group by 1",
            ),
            (Kind::State, "select id, count(*) from {s}.run_state where kind = 0 group by 1"),
            (Kind::Log, "select message, count(*) from {s}.log group by 1"),
            (Kind::Event, "select id, count(*) from {s}.event where event = 'ledger.event' group by 1"),
            (Kind::TaskRun, "select task_key, count(*) from {s}.task_run group by 1"),
        ] {
            let rows = database.sql(&sql.replace("{s}", schema));
            let there: BTreeMap<&str, &str> = rows.lines().filter_map(|row| row.rsplit_once('|')).collect();
            for ((of, id), told) in told.iter().filter(|((of, _), _)| *of == kind) {
                match (told, there.get(id.as_str())) {
                    (Told::Sure, Some(&"1")) | (Told::Open, None | Some(&"1")) => {}
                    (told, found) => {
                        findings.push(format!("{of:?} {id} is {told:?} and there {} times", found.unwrap_or(&"0")))
                    }
                }
            }
            // A state's id is the answer's: one that was never told belongs to an open write, which the run's rows show.
            if kind != Kind::State {
                let never = there.keys().filter(|id| !told.contains_key(&(kind, (**id).to_owned())));
                findings.extend(never.map(|id| format!("{kind:?} {id} was never sent")));
            }
        }
        findings
    }
}
