//! A valid request to each operation: the lines of `coverage/requests.txt`.
//!
//! ```text
//! # method  path, with query    status  body
//! PATCH     W/flows/$flow       204     {"tags": ["a"]}
//! ```
//!
//! `W` is a workspace, `A` an account, a path without either stands at the root. `$words` are objects that a [`World`]
//! makes. In front of the body may stand who asks, where it is not the owner: `@newcomer`, a user of their own who may do
//! everything in the workspace; `@fresh`, the owner in a workspace that nothing else uses (for what ends it).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Kind, Level, Operation, Operations, World};

const FILE: &str = include_str!("../../coverage/requests.txt");
/// Where to write what is missing.
pub const NAME: &str = "tests/coverage/requests.txt";

#[derive(Debug, Clone)]
pub struct Request {
    pub who: Who,
    pub status: u16,
    method: &'static str,
    level: Level,
    path: &'static str,
    body: Option<&'static str>,
}

/// Who asks, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Owner,
    Newcomer,
    Fresh,
}

/// A request whose words are replaced by a world's objects.
#[derive(Debug, Clone)]
pub struct Filled {
    /// Below the level.
    pub path: String,
    pub body: Option<Value>,
}

/// All lines, by the operation that each is a request to.
#[derive(Debug)]
pub struct Requests {
    by_operation: BTreeMap<String, Request>,
    /// Lines that are a request to no operation.
    pub stale: Vec<&'static str>,
}

impl Requests {
    /// Panics at a line that cannot be read, or that is a second one for its operation.
    pub fn of(operations: &Operations) -> Requests {
        let mut requests = Requests { by_operation: BTreeMap::new(), stale: Vec::new() };
        for line in FILE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let request = parse(line).unwrap_or_else(|| panic!("{NAME}: cannot read {line:?}"));
            let fitting = operations.iter().filter(|operation| request.fits(operation));
            // `POST /flows/filter` fits `POST /flows/{id}` too; what names more of the path is meant.
            let Some(operation) = fitting.min_by_key(|operation| operation.path.matches('{').count()) else {
                requests.stale.push(line);
                continue;
            };
            let twice = requests.by_operation.insert(operation.id.clone(), request);
            assert!(twice.is_none(), "{NAME}: a second request to {}: {line}", operation.name());
        }
        requests
    }

    pub fn find(&self, operation: &Operation) -> Option<&Request> {
        self.by_operation.get(&operation.id)
    }

    #[track_caller]
    pub fn get(&self, operation: &Operation) -> &Request {
        self.find(operation).unwrap_or_else(|| panic!("{NAME} has no request to {}", operation.name()))
    }
}

impl Request {
    fn fits(&self, operation: &Operation) -> bool {
        let method = if operation.kind == Kind::Socket { "SOCKET" } else { &operation.method };
        let path = self.path.split('?').next().unwrap_or_default();
        let (here, there): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), operation.path.split('/').collect());
        self.method == method
            && self.level == operation.level
            && here.len() == there.len()
            && here.iter().zip(there).all(|(here, there)| there.starts_with('{') || *here == there)
    }

    pub fn fill(&self, world: &World<'_>) -> Filled {
        let body = self.body.map(|body| {
            let text = world.fill(body);
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{NAME}: {error} in {text}"))
        });
        Filled { path: world.fill(self.path), body }
    }
}

fn parse(line: &'static str) -> Option<Request> {
    let (method, rest) = word(line)?;
    let (path, rest) = word(rest)?;
    let (status, rest) = word(rest)?;
    let (who, rest) = match word(rest) {
        Some(("@newcomer", rest)) => (Who::Newcomer, rest),
        Some(("@fresh", rest)) => (Who::Fresh, rest),
        _ => (Who::Owner, rest),
    };
    let (level, path) = match (path.strip_prefix('W'), path.strip_prefix('A')) {
        (Some(path), _) => (Level::Workspace, path),
        (_, Some(path)) => (Level::Account, path),
        _ => (Level::Root, path),
    };
    let body = (!rest.is_empty()).then_some(rest);
    path.starts_with('/').then_some(Request { who, status: status.parse().ok()?, method, level, path, body })
}

/// The first word and what is behind it.
fn word(text: &'static str) -> Option<(&'static str, &'static str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (end > 0).then(|| (&text[..end], text[end..].trim_start()))
}
