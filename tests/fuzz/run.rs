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

pub fn run(tenant: &Tenant, prepared: &Prepared, time: Duration) {
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

    let seen = statuses(&file("seen.ndjson"));
    let mut findings: Vec<String> = Vec::new();
    for Chosen { name, status, .. } in &prepared.chosen {
        let seen = seen.get(name).cloned().unwrap_or_default();
        findings.extend(seen.iter().filter(|status| **status >= 500).map(|status| format!("{name}: {status}")));
        // Else it was never asked for anything that is there, and nothing was shown.
        if let Some(status) = status.filter(|status| !seen.contains(status)) {
            findings.push(format!("{name} was never answered {status}, only {seen:?}"));
        }
    }
    assert!(findings.is_empty(), "{said}\n{}", findings.join("\n"));
}

/// The statuses with which each operation was answered.
fn statuses(report: &Path) -> BTreeMap<String, BTreeSet<u16>> {
    let report = std::fs::read_to_string(report).expect("the tool wrote its report");
    let mut seen: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
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
    seen
}

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn tool() -> PathBuf {
    let named = std::env::var_os("PREFECTURE_TOOLS_BIN").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv-tools/bin")).join("schemathesis")
}
