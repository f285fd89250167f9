//! Rust source as far as arrows need it: which paths a file names, with `self` and `super` resolved.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A file of a crate.
pub struct Source {
    /// From the root of the repository.
    pub path: String,
    /// `["edge", "trace"]` for `src/edge/trace.rs`; empty for the crate's root.
    pub module: Vec<String>,
    /// Without comments and without its tests, which may look at anything; lines keep their numbers.
    pub text: String,
}

/// A path that a file names, from the crate's root: `["kit", "Call"]` for `crate::kit::Call`.
pub struct Named {
    pub line: usize,
    pub path: Vec<String>,
}

/// All files below `folder`, a path from the root of the repository.
pub fn files(folder: &str) -> Vec<Source> {
    let root = crate::repository();
    let mut found = Vec::new();
    walk(&root.join(folder), &mut found);
    found.sort();
    let sources = found.into_iter().map(|file| {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let path = file.strip_prefix(&root).expect("it was found below").to_string_lossy().into_owned();
        Source { module: module(&path), text: code(&text), path }
    });
    sources.collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn module(path: &str) -> Vec<String> {
    let below = path.split_once("/src/").map_or(path, |(_, below)| below);
    let mut parts: Vec<String> = below.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let last = parts.last().map(String::as_str);
    if matches!(last, Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut in_tests = false;
    for line in text.lines() {
        // By convention the tests are the last thing in a file.
        in_tests |= line.starts_with("#[cfg(test)]");
        let line = line.split_once("//").map_or(line, |(before, _)| before);
        if !in_tests {
            kept.push_str(line);
        }
        kept.push('\n');
    }
    kept
}

impl Source {
    /// The folder of the crate's source that the file stands in: `edge`, `kit`; the file's own name at the top.
    pub fn room(&self) -> &str {
        self.module.first().map_or("the root", String::as_str)
    }

    pub fn is_tests(&self) -> bool {
        self.module.iter().any(|part| part == "tests")
    }

    /// Every path inside the own crate that the file names, in `use` lines and elsewhere.
    pub fn inside(&self) -> Vec<Named> {
        let mut named = Vec::new();
        let statement = Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?use ([^;]+);").expect("a valid pattern");
        for found in statement.captures_iter(&self.text) {
            let tree = found.get(1).expect("the group is not optional");
            let line = self.line(tree.start());
            for path in expand(tree.as_str()) {
                named.extend(self.resolve(&path).map(|path| Named { line, path }));
            }
        }
        let elsewhere = Regex::new(r"\b(?:crate|super)(?:::\w+)+").expect("a valid pattern");
        for found in elsewhere.find_iter(&self.text) {
            // A macro of the crate stands at its root wherever it was written.
            if self.text[found.end()..].starts_with('!') {
                continue;
            }
            let path: Vec<String> = found.as_str().split("::").map(str::to_owned).collect();
            named.extend(self.resolve(&path).map(|path| Named { line: self.line(found.start()), path }));
        }
        named.sort_by(|a, b| (a.line, &a.path).cmp(&(b.line, &b.path)));
        named.dedup_by(|a, b| a.line == b.line && a.path == b.path);
        named
    }

    /// Lines on which a pattern stands.
    pub fn lines_with(&self, pattern: &str) -> Vec<(usize, String)> {
        let pattern = Regex::new(pattern).expect("a valid pattern");
        let found = pattern.find_iter(&self.text);
        found.map(|found| (self.line(found.start()), found.as_str().trim().to_owned())).collect()
    }

    fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// From the crate's root; None for a path into another crate.
    fn resolve(&self, path: &[String]) -> Option<Vec<String>> {
        let mut rest = path.iter().peekable();
        let mut at = self.module.clone();
        match rest.next()?.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
                while rest.next_if(|part| *part == "super").is_some() {
                    at.pop();
                }
            }
            _ => return None,
        }
        at.extend(rest.cloned());
        Some(at)
    }
}

/// `a::{b, c::{d as e}}` → `a::b`, `a::c::d`.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((before, inside)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        return vec![path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()];
    };
    let inside = inside.trim_end().strip_suffix('}').unwrap_or(inside);
    let prefix: Vec<String> = before.split("::").map(|part| part.trim().to_owned()).filter(|p| !p.is_empty()).collect();
    let mut paths = Vec::new();
    for branch in branches(inside) {
        paths.extend(expand(branch).into_iter().map(|path| prefix.iter().cloned().chain(path).collect()));
    }
    paths
}

/// Splits at the commas that stand in no inner braces.
fn branches(inside: &str) -> Vec<&str> {
    let (mut depth, mut from, mut branches) = (0, 0, Vec::new());
    for (at, letter) in inside.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&inside[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&inside[from..]);
    branches.retain(|branch| !branch.trim().is_empty());
    branches
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let source = Source {
        path: "gateway/src/api/flows/create.rs".to_owned(),
        module: module("gateway/src/api/flows/create.rs"),
        text: code(
            "use super::super::deployments::{read, Filter as F};\nuse std::{fs, io};\n// use crate::edge;\n\
             pub(crate) use crate::kit::{\n    Call, answer::{Json, respond}\n};\nfn f() { crate::live::wake() }\n\
             #[cfg(test)]\nmod tests { use crate::edge::stack; }",
        ),
    };
    let found: Vec<String> =
        source.inside().iter().map(|named| format!("{} {}", named.line, named.path.join("::"))).collect();
    assert_eq!(
        found,
        [
            "1 api::deployments",
            "1 api::deployments::Filter",
            "1 api::deployments::read",
            "4 kit",
            "4 kit::Call",
            "4 kit::answer::Json",
            "4 kit::answer::respond",
            "7 live::wake",
        ]
    );
}
