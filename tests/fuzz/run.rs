//! Runs the tool and judges what it saw.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::{Folder, Tenant};

use crate::document::{Chosen, Prepared};

/// What does not fit: input is read as leniently as the reference reads it, and bounded by more rules than a schema can say.
///
/// `use_after_free` is asked by `hooks.py`, which knows a question that may be asked of what is gone.
const LEFT_OUT: &str = "negative_data_rejection,positive_data_acceptance,use_after_free";

/// What each operation was answered with.
pub type Seen = BTreeMap<String, BTreeSet<u16>>;

/// What has not been shown of any operation yet.
pub fn unmet(prepared: &Prepared, seen: &Seen) -> Vec<String> {
    prepared.chosen.iter().filter_map(|chosen| unmet_by(chosen, seen)).collect()
}

/// An operation that was never asked for anything that is there: nothing was shown of it.
fn unmet_by(Chosen { name, status, .. }: &Chosen, seen: &Seen) -> Option<String> {
    let seen = seen.get(name).cloned().unwrap_or_default();
    let status = status.filter(|status| !seen.contains(status))?;
    Some(format!("{name} was never answered {status}, only {seen:?}"))
}

/// Asks for this time, and fails with what is wrong.
pub fn ask(tenant: &Tenant, prepared: &Prepared, time: Duration, seen: &mut Seen) {
    let folder = Folder::new("fuzz");
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("openapi.json"), prepared.document.to_string()).expect("the folder is ours");
    let setting = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
    };

    let mut tool = Command::new(tool());
    tool.current_dir(folder.path()).arg("run").arg("openapi.json").args(["--url", &tenant.cloud_api_url()]);
    tool.args(["--header", &format!("Authorization: Bearer {}", tenant.key)]);
    tool.args(["--max-time", &setting("FUZZ_SECONDS", time.as_secs()).to_string()]);
    tool.args(["--seed", &setting("FUZZ_SEED", 1).to_string(), "--generation-database", "none"]);
    tool.args(["--checks", "all", "--exclude-checks", LEFT_OUT, "--continue-on-failure", "--no-shrink"]);
    tool.args(["--phases", "examples,coverage,fuzzing,stateful", "--no-color", "--warnings", "off"]);
    for chosen in &prepared.chosen {
        tool.args(["--include-operation-id", &chosen.id]);
    }
    tool.args(["--report", "ndjson", "--report-ndjson-path"]).arg(file("seen.ndjson"));
    tool.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", home()).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tool.output().unwrap_or_else(|error| panic!("schemathesis: {error}. tests/run installs it."));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));

    statuses(&file("seen.ndjson"), seen);
    let failed = seen.iter().flat_map(|(name, seen)| seen.iter().map(move |status| (name, *status)));
    let failed: Vec<String> =
        failed.filter(|(_, status)| *status >= 500).map(|(name, s)| format!("{name}: {s}")).collect();
    assert!(failed.is_empty(), "{said}\n{}", failed.join("\n"));
}

/// Adds the statuses of a report.
fn statuses(report: &Path, seen: &mut Seen) {
    let report = std::fs::read_to_string(report).expect("the tool wrote its report");
    for line in report.lines() {
        let event: Value = serde_json::from_str(line).expect("a line is JSON");
        let recorder = &event["ScenarioFinished"]["recorder"];
        let Some(interactions) = recorder["interactions"].as_object() else { continue };
        for (case, interaction) in interactions {
            let case = &recorder["cases"][case]["value"];
            let (Some(method), Some(path)) = (case["method"].as_str(), case["path"].as_str()) else { continue };
            let status = interaction["response"]["status_code"].as_u64().and_then(|status| u16::try_from(status).ok());
            seen.entry(format!("{method} {path}")).or_default().extend(status);
        }
    }
}

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn tool() -> PathBuf {
    let named = std::env::var_os("PREFECTURE_TOOLS_BIN").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv-tools/bin")).join("schemathesis")
}
