//! What may not be written in a place, whatever is imported there.

use crate::exceptions::{self, Finding};
use crate::source::files;

/// Folder, pattern, and why with the cure.
const BANNED: &[(&str, &str, &str)] = &[
    (
        "domain/src",
        r"\bstd::(fs|net|env|process|thread)\b",
        "domain is pure: whoever calls it reads, and hands in what was read.",
    ),
    (
        "wire/src",
        r"\bstd::(fs|net|env|process|thread)\b",
        "wire is pure: whoever calls it reads, and hands in what was read.",
    ),
    (
        "domain/src",
        r"\b(SystemTime|Instant|Utc|Time)::now\b",
        "`now` is the database's clock, read with the facts: take it as a parameter.",
    ),
    (
        "domain/src",
        r"\brand::(rng|random|thread_rng)\b",
        "Chance is a parameter too (a seed), or no test can tell what happens.",
    ),
    (
        "gateway/src",
        r#"(?i)"\s*(select\s[^"]*\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from|create\s+table|set\s+local)\s"#,
        "All SQL stands in tenant-store: give its resource module a function and call that.",
    ),
    (
        "domain/src",
        r#"(?i)"\s*(select\s[^"]*\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from)\s"#,
        "All SQL stands in tenant-store; domain says what is meant, not how it is asked.",
    ),
];

/// Makers of what proves something, and the only places that may call each.
const MINTS: &[(&str, &[&str], &str)] = &[
    (
        r"\bScope::for_request\b",
        &["gateway/src/edge/authorise.rs", "tenant-store/src/scope.rs"],
        "A request's scope is made where its key was verified, and nowhere else: take the one that the call carries.",
    ),
    (
        r"\bToken::verified\b",
        &["gateway/src/tokens/verify.rs", "tenant-store/src/control/credential.rs"],
        "A token is one where its signature was verified, and nowhere else: ask `edge::Keys` with the text.",
    ),
    (
        r"\bScope::for_system\b",
        &[
            "gateway/src/services/",
            "gateway/src/program/",
            "tenant-store/src/scope.rs",
            "tenant-store/src/migrate/",
            "tenant-store/src/testing.rs",
        ],
        "The program's own scope is for claimed background work and the operator's commands, never for a request.",
    ),
];

#[test]
fn pure_crates_stay_pure_and_sql_stays_in_the_store() {
    crate::none(exceptions::without(banned()));
}

pub fn banned() -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, pattern, why) in BANNED {
        for source in files(folder) {
            if source.is_tests() || source.room() == "embedded" {
                continue;
            }
            for (line, text) in source.lines_with(pattern) {
                findings
                    .push((exceptions::arrow(&source.path, &text), format!("{}:{line}: {text}\n{why}", source.path)));
            }
        }
    }
    findings
}

#[test]
fn proofs_are_made_in_their_places_only() {
    crate::none(exceptions::without(mints()));
}

pub fn mints() -> Vec<Finding> {
    let mut findings = Vec::new();
    for (pattern, places, why) in MINTS {
        for source in files("gateway/src").into_iter().chain(files("tenant-store/src")) {
            if source.is_tests() || places.iter().any(|place| source.path.starts_with(place)) {
                continue;
            }
            for (line, text) in source.lines_with(pattern) {
                findings
                    .push((exceptions::arrow(&source.path, &text), format!("{}:{line}: {text}\n{why}", source.path)));
            }
        }
    }
    findings
}
