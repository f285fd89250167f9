//! `exceptions.txt`: what is meant to be otherwise, one line each with its reason. A line that excuses nothing fails.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tests::operations::Operation;

use crate::ground::Ground;

const FILE: &str = include_str!("exceptions.txt");
const NAME: &str = "tests/coverage/exceptions.txt";

/// Which check an operation is excused from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Answers without a key.
    Open,
    /// Asks for a key and no right: its objects are the caller's own.
    AnyKey,
}

impl Check {
    fn named(name: &str) -> Option<Check> {
        Some(match name {
            "open" => Check::Open,
            "any-key" => Check::AnyKey,
            _ => return None,
        })
    }
}

fn of(check: Check) -> Vec<String> {
    lines().into_iter().filter(|((_, excused), _)| *excused == check).map(|((operation, _), _)| operation).collect()
}

/// Findings without those of excused operations. Fails the test at a line of the file that has no finding.
pub fn excuse(check: Check, findings: Vec<(&Operation, String)>) -> Vec<String> {
    let excused = of(check);
    let mut unused = excused.clone();
    let mut left = Vec::new();
    for (operation, finding) in findings {
        let name = operation.name();
        unused.retain(|known| *known != name);
        if !excused.contains(&name) {
            left.push(format!("{name}: {finding}"));
        }
    }
    left.extend(unused.iter().map(|name| format!("{NAME}: {name} needs no excuse any more; remove the line")));
    left
}

fn lines() -> BTreeMap<(String, Check), &'static str> {
    let mut all = BTreeMap::new();
    for line in FILE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (method, path, check) = (words.next(), words.next(), words.next().and_then(Check::named));
        let (Some(method), Some(path), Some(check)) = (method, path, check) else {
            panic!("{NAME}: {line:?} is not `METHOD PATH CHECK REASON`");
        };
        assert!(words.next().is_some(), "{NAME}: {line:?} gives no reason");
        assert!(all.insert((format!("{method} {path}"), check), line).is_none(), "{NAME}: {line:?} stands there twice");
    }
    all
}

#[test]
fn every_exception_is_about_an_operation_that_exists() {
    let known: Vec<String> = Ground::get().operations.iter().map(Operation::name).collect();
    let stale = lines().into_iter().filter(|((operation, _), _)| !known.contains(operation));
    crate::ground::none(stale.map(|(_, line)| format!("{NAME}: no such operation: {line}")).collect());
}

/// Collects findings from several threads.
#[derive(Default)]
pub struct Findings<'o>(Mutex<Vec<(&'o Operation, String)>>);

impl<'o> Findings<'o> {
    pub fn push(&self, operation: &'o Operation, finding: String) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((operation, finding));
    }

    pub fn take(self) -> Vec<(&'o Operation, String)> {
        let mut findings = self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        findings.sort_by_key(|(operation, _)| operation.name());
        findings
    }
}
