//! Plays one scenario on both servers and tells what differs.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;

use crate::accepted::{Accepted, Place};
use crate::cases::{File, Scenario, Step};
use crate::compare::{self, Difference, short};
use crate::http::{Answer, Client, Request};
use crate::normalise::Normaliser;
use crate::render::{self, Saved, Start};
use crate::servers::{Pair, Tally};

/// How long an answer may take to become what `poll` waits for.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often a server that says it is busy is asked.
const BUSY: usize = 4;

/// One server in one scenario.
#[derive(Clone)]
struct Side {
    saved: Saved,
    normaliser: Normaliser,
}

/// How far a scenario has come.
#[derive(Clone)]
pub struct Progress {
    start: Start,
    steps: usize,
    reference: Side,
    ours: Side,
}

impl Progress {
    fn new() -> Progress {
        let start = Start(crate::clock::now());
        let side = Side { saved: Saved::new(), normaliser: Normaliser::new(start) };
        Progress { start, steps: 0, reference: side.clone(), ours: side }
    }
}

pub fn scenario(pair: &mut Pair, file: &File, scenario: &Scenario, accepted: &Accepted) -> Result<(), String> {
    if let Some(used) = scenario.uses.as_ref().filter(|used| !pair.left.contains_key(*used)) {
        let used = file.scenario(used).ok_or("the used scenario is gone")?;
        // Its own test tells what differs there.
        let _ = self::scenario(pair, file, used, accepted);
    }
    let base = scenario.uses.as_ref().and_then(|used| pair.left.get(used)).cloned();
    let mut progress = base.unwrap_or_else(Progress::new);
    for side in [&mut progress.reference, &mut progress.ours] {
        side.normaliser.read(&scenario.text, progress.start);
    }
    let mut report = String::new();
    for step in &scenario.steps {
        progress.steps += 1;
        let place = Place { file: &file.name, scenario: &scenario.name, step: &step.name };
        match one(pair, place, step, &mut progress, accepted) {
            Ok(None) => {}
            Ok(Some(why)) => report.push_str(&why),
            Err(stuck) => {
                pair.tally.different += 1;
                let _ = writeln!(report, "step {} `{}`: {stuck}; the rest was not tried", progress.steps, step.name);
                break;
            }
        }
    }
    pair.left.insert(scenario.name.clone(), progress);
    if report.is_empty() { Ok(()) } else { Err(report) }
}

/// `Err` when the scenario cannot go on, `Ok(Some(report))` when the answers differ.
fn one(
    pair: &mut Pair,
    place: Place<'_>,
    step: &Step,
    progress: &mut Progress,
    accepted: &Accepted,
) -> Result<Option<String>, String> {
    let Progress { start, steps, reference: left, ours: right } = progress;
    let reference = ask(&pair.reference, step, left, *start).map_err(|e| format!("reference: {e}"))?;
    let ours = ask(&pair.ours, step, right, *start).map_err(|e| format!("ours: {e}"))?;
    pair.tally.requests += 1;
    let normal = (
        Answer { body: left.normaliser.answer(*steps, step, &reference.body), ..reference },
        Answer { body: right.normaliser.answer(*steps, step, &ours.body), ..ours },
    );
    if std::env::var_os("DIFFERENTIAL_SHOW").is_some() {
        eprintln!("{}::{}::{}\t{}\t{}", place.file, place.scenario, place.step, normal.0.status, normal.0.body);
    }
    let normal = (headers(normal.0, left), headers(normal.1, right));
    let mut differences = differences(&normal.0, &normal.1, step);
    if !pair.against_itself {
        differences.extend(failure(&normal.0, &normal.1));
    }
    Ok(judge(&mut pair.tally, place, *steps, step, &normal, differences, accepted))
}

fn headers(mut answer: Answer, side: &mut Side) -> Answer {
    for (_, value) in &mut answer.headers {
        *value = side.normaliser.header(value);
    }
    answer
}

/// Sends the step, again while it asks for patience, and saves what it says to save.
fn ask(client: &Client, step: &Step, side: &mut Side, start: Start) -> Result<Answer, String> {
    let request = request(step, &side.saved, start)?;
    let deadline = Instant::now() + PATIENCE;
    let mut busy = 0;
    let answer = loop {
        let answer = client.send(&request)?;
        // A locked SQLite answers so for a moment; what Postgres refuses is refused for good.
        busy += usize::from(answer.status == 503);
        let settled = step.poll.as_ref().is_none_or(|until| until.holds(answer.status, &answer.body));
        let done = if answer.status == 503 { busy == BUSY } else { settled };
        if done || Instant::now() > deadline {
            break answer;
        }
        std::thread::park_timeout(Duration::from_millis(100));
    };
    for (name, pointer) in &step.save {
        if let Some(found) = answer.body.pointer(pointer) {
            side.saved.insert(name.clone(), found.clone());
        }
    }
    Ok(answer)
}

fn request(step: &Step, saved: &Saved, start: Start) -> Result<Request, String> {
    let body = match (&step.body, &step.raw_body, &step.base64_body) {
        (Some(json), None, None) => Some(render::value(json, saved, start)?.to_string().into_bytes()),
        (None, Some(text), None) => Some(render::text(text, saved, start)?.into_bytes()),
        (None, None, Some(coded)) => {
            Some(base64::engine::general_purpose::STANDARD.decode(coded).map_err(|e| e.to_string())?)
        }
        (None, None, None) => None,
        _ => return Err("a step has one body".to_owned()),
    };
    let mut headers = Vec::new();
    if body.is_some() && !step.headers.contains_key("content-type") {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    for (name, value) in step.headers.iter().filter(|(_, value)| !value.is_empty()) {
        headers.push((name.clone(), render::text(value, saved, start)?));
    }
    Ok(Request { method: step.method.clone(), path: render::text(&step.path, saved, start)?, headers, body })
}

fn differences(reference: &Answer, ours: &Answer, step: &Step) -> Vec<(Kind, Difference)> {
    let mut found = Vec::new();
    if reference.status != ours.status {
        let (reference, ours) = (reference.status.to_string(), ours.status.to_string());
        found.push((Kind::Status, difference("status", reference, ours)));
    }
    if step.status_only {
        return found;
    }
    for name in ["content-type", "content-disposition"] {
        let of = |answer: &Answer| answer.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
        if of(reference) != of(ours) {
            let text = |answer: &Answer| of(answer).unwrap_or_else(|| "(absent)".to_owned());
            found.push((Kind::Header, difference(name, text(reference), text(ours))));
        }
    }
    found.extend(compare::bodies(&reference.body, &ours.body).into_iter().map(|d| (Kind::Body, d)));
    found
}

fn difference(pointer: &str, reference: String, ours: String) -> Difference {
    Difference { pointer: pointer.to_owned(), zone_only: false, reference, ours }
}

/// This program never fails inside, even where the reference does, and says why it refuses.
fn failure(reference: &Answer, ours: &Answer) -> Option<(Kind, Difference)> {
    let says_why = ours.body.get("detail").or_else(|| ours.body.get("exception_message")).is_some();
    if ours.status < 500 && (reference.status < 500 || says_why || ours.status < 400) {
        return None;
    }
    let (reference, ours) = (reference.status.to_string(), format!("{} {}", ours.status, ours.body));
    Some((Kind::Failure, difference("never a failure, always a reason", reference, ours)))
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Failure,
    Status,
    Header,
    Body,
}

fn judge(
    tally: &mut Tally,
    place: Place<'_>,
    number: usize,
    step: &Step,
    (reference, ours): &(Answer, Answer),
    differences: Vec<(Kind, Difference)>,
    accepted: &Accepted,
) -> Option<String> {
    if differences.is_empty() {
        return None;
    }
    let other_status = reference.status != ours.status;
    let by_status = other_status && accepted.status(place, reference.status, ours.status);
    let fits = |kind: Kind, d: &Difference| match kind {
        Kind::Failure => false,
        _ if by_status => true,
        Kind::Status => false,
        Kind::Header => accepted.header(place, &d.pointer),
        Kind::Body if d.zone_only && accepted.zone(place) => true,
        Kind::Body => accepted.body(place, &d.pointer),
    };
    let left: Vec<_> = differences.into_iter().filter(|(kind, d)| !fits(*kind, d)).collect();
    if left.is_empty() {
        tally.accepted += 1;
        return None;
    }
    tally.different += 1;
    Some(report(number, step, reference, ours, &left))
}

fn report(number: usize, step: &Step, reference: &Answer, ours: &Answer, left: &[(Kind, Difference)]) -> String {
    const SHOWN: usize = 12;
    let mut out = format!("\nstep {number} `{}`: {} {}\n", step.name, step.method, step.path);
    if let Some(body) = &step.body {
        let _ = writeln!(out, "  sent      {}", short(&body.to_string()));
    }
    if reference.status != ours.status {
        let _ = writeln!(out, "  reference {} {}", reference.status, short(&reference.body.to_string()));
        let _ = writeln!(out, "  ours      {} {}", ours.status, short(&ours.body.to_string()));
        return out;
    }
    let _ = writeln!(out, "  status {} on both", ours.status);
    for (_, d) in left.iter().take(SHOWN) {
        let pointer = if d.pointer.is_empty() { "(body)" } else { &d.pointer };
        let _ = writeln!(out, "  {pointer}\n    reference {}\n    ours      {}", d.reference, d.ours);
    }
    if left.len() > SHOWN {
        let _ = writeln!(out, "  … and {} more", left.len() - SHOWN);
    }
    out
}
