//! Answers that are kept: what is said about them, when they end, and whose they are.

mod answers;
mod callers;
mod contract;
mod servers;
mod writes;

use std::sync::OnceLock;

use serde_json::Value;
use tests::{Answer, Api, Flavour, Redis, Server};

/// One suite for every place in which versions and answers may stand.
macro_rules! on_every_back_end {
    ($($(#[$doc:meta])* fn $name:ident($server:ident) $body:block)+) => {$(
        $(#[$doc])*
        fn $name($server: &'static tests::Server) $body

        mod $name {
            #[test]
            fn in_process() {
                super::$name(tests::Server::shared());
            }

            #[test]
            fn in_redis() {
                super::$name(crate::with_redis());
            }

            #[test]
            fn in_a_cluster() {
                super::$name(crate::with_a_cluster());
            }
        }
    )+};
}
use on_every_back_end;

fn with_redis() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| with(Flavour::Password))
}

fn with_a_cluster() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| with(Flavour::Cluster))
}

/// A server whose Redis runs as long as the tests do. It is patient: what is shown here is what is kept, not what becomes of
/// a Redis that is slow.
fn with(flavour: Flavour) -> Server {
    let redis: &'static Redis = Box::leak(Box::new(Redis::start_as(flavour)));
    Server::builder().redis(redis).env("PREFECTURE_REDIS_TIMEOUT", "1s").start()
}

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

#[track_caller]
fn id(value: &Value) -> &str {
    value["id"].as_str().expect("an id")
}
