//! No command of the groups is forgotten: the client tells which there are, and each stands in a test of this folder.

use std::path::Path;

use regex::Regex;
use tests::{Client, Tenant};

const GROUPS: [&str; 11] = [
    "artifact",
    "block",
    "concurrency-limit",
    "deployment",
    "flow",
    "flow-run",
    "global-concurrency-limit",
    "task-run",
    "variable",
    "work-pool",
    "work-queue",
];

/// A line for each command, the names of each of its words: `global-concurrency-limit|gcl ls`.
const LIST: &str = r#"
import sys
from prefect.cli._app import _app

def names(app):
    known = {}
    for name in app:
        if not name.startswith("-"):
            known.setdefault(id(app[name]), []).append(name)
    return known.values()

def walk(app, words):
    for aliases in names(app):
        inner = app[aliases[0]]
        if words or set(aliases) & set(sys.argv[1].split(",")):
            below = [*words, "|".join(aliases)]
            if list(names(inner)):
                walk(inner, below)
            else:
                print(" ".join(below))

walk(_app, [])
"#;

#[test]
fn every_command_is_run_by_a_test() {
    let script = format!("import sys; sys.argv = ['', '{}']\n{LIST}", GROUPS.join(","));
    let commands = Client::of(&Tenant::fresh()).python(&script).expect_success();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk");
    let files = std::fs::read_dir(&folder).expect("the tests are there");
    let files =
        files.map(|file| file.expect("an entry").path()).filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let texts = files.map(|path| std::fs::read_to_string(path).expect("text"));
    let sources = texts.collect::<Vec<String>>().join("\n");
    let run = |command: &&str| {
        let words: Vec<String> = command.split(' ').map(|names| format!(r#""(?:{names})""#)).collect();
        Regex::new(&words.join(r",\s*")).expect("a valid pattern").is_match(&sources)
    };
    assert!(commands.lines().count() > 60, "{commands}");
    let forgotten: Vec<&str> = commands.lines().filter(|command| !run(command)).collect();
    assert!(forgotten.is_empty(), "no test in tests/sdk runs {forgotten:#?}");
}
