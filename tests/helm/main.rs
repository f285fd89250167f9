//! The chart (`helm/`) and the files of `deploy/`, held against Helm's own library, Kubernetes' schemas, hadolint, systemd and
//! the program. The checks are Python, because Helm's library is there (`test_*.py`, in the environment that
//! `tests/requirements-tools.txt` lists); here each becomes a test like any other.

use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;

/// What `conftest.py` writes of a check.
#[derive(Deserialize)]
struct Check {
    name: String,
    outcome: String,
    said: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match checks() {
        Ok(checks) => libtest_mimic::run(&arguments, checks.into_iter().map(trial).collect()).exit_code(),
        Err(why) => {
            eprintln!("helm: {why}");
            ExitCode::FAILURE
        }
    }
}

/// All of them in one run of pytest: it takes seconds, and most of one is for its start.
fn checks() -> Result<Vec<Check>, String> {
    let folder = tests::Folder::new("helm");
    let out = folder.path().join("checks");
    let mut pytest = Command::new(tests::tool("python"));
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]);
    pytest.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/helm"));
    pytest.env("PREFECTURE_BIN", tests::program()).env("CHECKS_OUT", &out).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = pytest.output().map_err(|error| format!("{error}; tests/run makes tests/.venv-tools"))?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    // 0: all passed, 1: some failed. Anything else is a run that did not come to its end.
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("{}\n{said}", output.status));
    }
    let lines = std::fs::read_to_string(&out).map_err(|error| format!("{error}\n{said}"))?;
    lines.lines().map(|line| serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))).collect()
}

fn trial(check: Check) -> Trial {
    let ignored = check.outcome == "skipped";
    let trial = Trial::test(check.name, move || match check.outcome.as_str() {
        "passed" => Ok(()),
        _ => Err(Failed::from(check.said)),
    });
    trial.with_ignored_flag(ignored)
}
