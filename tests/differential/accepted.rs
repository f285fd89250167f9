//! `accepted.txt`: what may differ, a reason a line.
//!
//! `file | scenario | step | what | reason`, where the first three may contain `*` and `what` is one of
//! `status 500 -> 4xx` (x is any digit; the bodies are then not compared), `body /pointer` (that value and all in it;
//! `*` for any member), `header name` and `zone` (the same moment with another offset).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Accepted {
    lines: Vec<Line>,
}

struct Line {
    text: String,
    place: [String; 3],
    what: What,
    used: AtomicBool,
}

enum What {
    Status(String, String),
    Body(String),
    Header(String),
    Zone,
}

/// Where a difference was found.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub file: &'a str,
    pub scenario: &'a str,
    pub step: &'a str,
}

impl Accepted {
    pub fn load(path: &Path) -> Result<Accepted, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Accepted::parse(&text)
    }

    pub fn parse(text: &str) -> Result<Accepted, String> {
        let lines = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#'));
        let lines = lines.map(|l| line(l).ok_or_else(|| format!("accepted.txt: cannot read: {l}")));
        Ok(Accepted { lines: lines.collect::<Result<_, _>>()? })
    }

    pub fn status(&self, place: Place<'_>, reference: u16, ours: u16) -> bool {
        let fits = |pattern: &str, status: u16| {
            let digits = status.to_string();
            pattern.len() == digits.len() && pattern.bytes().zip(digits.bytes()).all(|(p, d)| p == b'x' || p == d)
        };
        self.any(place, |what| matches!(what, What::Status(a, b) if fits(a, reference) && fits(b, ours)))
    }

    pub fn body(&self, place: Place<'_>, pointer: &str) -> bool {
        self.any(place, |what| matches!(what, What::Body(pattern) if covers(pattern, pointer)))
    }

    pub fn zone(&self, place: Place<'_>) -> bool {
        self.any(place, |what| matches!(what, What::Zone))
    }

    pub fn header(&self, place: Place<'_>, name: &str) -> bool {
        self.any(place, |what| matches!(what, What::Header(n) if n == name))
    }

    fn any(&self, place: Place<'_>, fits: impl Fn(&What) -> bool) -> bool {
        let here = [place.file, place.scenario, place.step];
        let found = self
            .lines
            .iter()
            .find(|line| line.place.iter().zip(here).all(|(pattern, text)| glob(pattern, text)) && fits(&line.what));
        if let Some(line) = found {
            line.used.store(true, Ordering::Relaxed);
        }
        found.is_some()
    }

    /// Lines that accepted nothing in this run.
    pub fn unused(&self) -> Vec<&str> {
        self.lines.iter().filter(|l| !l.used.load(Ordering::Relaxed)).map(|l| l.text.as_str()).collect()
    }
}

fn line(text: &str) -> Option<Line> {
    let mut parts = text.splitn(5, '|').map(|p| p.trim().to_owned());
    let place = [parts.next()?, parts.next()?, parts.next()?];
    let what = parts.next()?;
    parts.next().filter(|reason| !reason.is_empty())?;
    let what = match what.split_once(' ').unwrap_or((&what, "")) {
        ("zone", "") => What::Zone,
        ("status", codes) => {
            let (from, to) = codes.split_once("->")?;
            What::Status(from.trim().to_owned(), to.trim().to_owned())
        }
        ("body", pointer) => What::Body(if pointer == "/" { String::new() } else { pointer.to_owned() }),
        ("header", name) => What::Header(name.to_owned()),
        _ => return None,
    };
    Some(Line { text: text.to_owned(), place, what, used: AtomicBool::new(false) })
}

/// Whether a pointer is at or below a pattern whose segments may be `*`.
fn covers(pattern: &str, pointer: &str) -> bool {
    let mut segments = pointer.split('/');
    pattern.split('/').all(|wanted| segments.next().is_some_and(|s| wanted == "*" || wanted == s))
}

/// `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    after.is_empty() || rest.char_indices().any(|(at, _)| glob(after, &rest[at..]))
}
