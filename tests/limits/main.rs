//! Limits: what an account may ask, what it is told of that, and that nothing is lost by being told to wait.

mod account;
mod addresses;
mod answers;
mod crowd;
mod rates;
mod replicas;
mod sdk;
mod sockets;
mod usage;

use serde_json::Value;
use tests::{Answer, Api};

pub use tests::put_on_plan;

/// Asks until it is refused; how often it was not.
pub fn until_refused(mut ask: impl FnMut() -> Answer) -> (usize, Answer) {
    for count in 0..10_000 {
        let answer = ask();
        match answer.status {
            429 => return (count, answer),
            200 | 201 | 204 => {}
            other => panic!("{other}: {}", answer.body),
        }
    }
    panic!("nothing was refused")
}

/// A list: what is refused first.
pub fn list(api: &Api) -> Answer {
    api.post("/flows/filter", &serde_json::json!({"limit": 1}))
}

/// A read by key.
pub fn read(api: &Api) -> Answer {
    api.get("/flows/name/none")
}

/// A write: what is refused last.
pub fn create(api: &Api) -> Answer {
    api.post("/flows/", &serde_json::json!({"name": uuid::Uuid::new_v4()}))
}

/// What a refusal must be.
#[track_caller]
pub fn assert_is_refusal(answer: &Answer, limit: &str) {
    assert_eq!(answer.status, 429, "{}", answer.body);
    let seconds: u32 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("whole seconds");
    assert!((1..=5).contains(&seconds), "{seconds}");
    assert!(answer.body["detail"].is_string(), "{}", answer.body);
    assert!(answer.body["type"].as_str().is_some_and(|kind| kind.ends_with("#quota-exceeded")), "{}", answer.body);
    assert_eq!(answer.body["violated-policies"], Value::from(vec![limit]));
}
