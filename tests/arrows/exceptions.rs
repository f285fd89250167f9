//! `exceptions.txt`: lines of `FILE -> NAME: reason`. A line that excuses nothing any more fails the test.

use crate::{purity, rooms};

const TEXT: &str = include_str!("exceptions.txt");

/// An arrow that should not be, as the file names it, and what to say about it.
pub type Finding = (String, String);

/// How an arrow is named in the file.
pub fn arrow(file: &str, name: &str) -> String {
    format!("{file} -> {name}")
}

/// What is to be said about the findings that no line excuses.
pub fn without(findings: Vec<Finding>) -> Vec<String> {
    let left = findings.into_iter().filter(|(arrow, _)| excused().all(|(known, _)| known != arrow));
    left.map(|(_, finding)| finding).collect()
}

fn excused() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = TEXT.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").unwrap_or((line, "")))
}

#[test]
fn every_exception_has_a_reason_and_is_still_needed() {
    let all = [rooms::rooms(), rooms::siblings(), rooms::floor(), purity::banned(), purity::mints()].concat();
    let mut findings = Vec::new();
    for (arrow, reason) in excused() {
        if reason.is_empty() {
            findings.push(format!("exceptions.txt: {arrow}: say why"));
        }
        if all.iter().all(|(found, _)| found != arrow) {
            findings.push(format!("exceptions.txt: {arrow}: there is no such arrow any more; take the line out"));
        }
    }
    crate::none(findings);
}
