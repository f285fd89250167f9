//! Answers that are kept: what is said about them, when they end, and whose they are.

mod answers;
mod callers;
mod writes;

use tests::{Answer, Api};

/// A GET with what it was told of the cache; fails on another status.
#[track_caller]
fn get(api: &Api, path: &str) -> (Answer, String) {
    let answer = api.get(path);
    assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
    let status = answer.header("cache-status").unwrap_or_default().to_owned();
    (answer, status)
}

/// Asks until the cache answers, and gives back what it answers.
fn kept(api: &Api, path: &str) -> Answer {
    tests::eventually(&format!("{path} comes from the cache"), || match get(api, path) {
        (answer, status) if status.ends_with("; hit") => Ok(answer),
        (_, status) => Err(status),
    })
}

/// The status for a client that has what this answer was.
fn again(api: &Api, path: &str, tag: &str) -> Answer {
    api.request("GET", path, &[("if-none-match", tag)], None)
}
