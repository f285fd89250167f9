//! `prefecture doctor`: sees what is well as well, and each thing that is not.

mod database;
mod front;
mod logins;
mod pooler;
mod public;
mod redis;
mod settings;

use std::collections::BTreeMap;

use serde_json::Value;
use tests::{Output, Server};

/// What the doctor found.
struct Found {
    output: Output,
    all: Vec<Value>,
    /// By check; the worst of each.
    checks: BTreeMap<String, Value>,
}

impl Found {
    /// On a server's database, with more arguments.
    fn on(server: &Server, arguments: &[&str]) -> Found {
        let output = server.run(&[&["doctor", "--output", "json"], arguments].concat());
        let all: Vec<Value> = serde_json::from_str(&output.out)
            .unwrap_or_else(|error| panic!("no list ({error}): {}{}", output.out, output.err));
        let mut checks: BTreeMap<String, Value> = BTreeMap::new();
        for found in &all {
            let check = found["check"].as_str().expect("a name").to_owned();
            let known = checks.get(&check);
            if known.is_none_or(|known| known["verdict"] == "good") {
                checks.insert(check, found.clone());
            }
        }
        Found { output, all, checks }
    }

    #[track_caller]
    fn is(&self, check: &str, verdict: &str, said: &str) {
        let found = self.checks.get(check).unwrap_or_else(|| panic!("no check {check}: {:?}", self.checks));
        assert_eq!(found["verdict"], verdict, "{found}");
        let text = [&found["found"], &found["cure"]].map(|text| text.as_str().unwrap_or_default()).join(" ");
        assert!(text.contains(said), "{found}");
        let cured = found["cure"].as_str().is_some_and(|cure| !cure.is_empty());
        assert_eq!(cured, matches!(verdict, "bad" | "warning"), "what is wrong has a cure: {found}");
        // What is bad makes the command fail, and nothing else does.
        let bad = self.all.iter().any(|found| found["verdict"] == "bad");
        assert_eq!(self.output.status.code(), Some(i32::from(bad)), "{}", self.output.err);
    }

    #[track_caller]
    fn says_nothing_of(&self, secret: &str) {
        let said = format!("{}{}", self.output.out, self.output.err);
        assert!(!said.contains(secret), "{said}");
    }
}
