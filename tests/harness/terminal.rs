//! `prefect …` again and again: as [`Client::prefect`](crate::Client::prefect), but the client is loaded once.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::server::Output;

const SCRIPT: &str = include_str!("terminal.py");

/// Ends when dropped, and when the test's process does: it reads commands from a pipe.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    pipes: Mutex<Pipes>,
}

#[derive(Debug)]
struct Pipes {
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Terminal {
    /// By an interpreter with the environment that commands shall have.
    pub(crate) fn start(mut python: Command) -> Terminal {
        python.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().unwrap_or_else(|error| panic!("{python:?}: {error}. tests/run installs it."));
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let commands = child.stdin.take();
        Terminal { child, pipes: Mutex::new(Pipes { commands, answers }) }
    }

    /// `prefect …`.
    #[track_caller]
    pub fn prefect(&self, arguments: &[&str]) -> Output {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = pipes.commands.as_mut().expect("until it is dropped");
        writeln!(commands, "{}", json!(arguments)).expect("the terminal runs");
        let mut answer = String::new();
        pipes.answers.read_line(&mut answer).expect("an answer is text");
        let answer: Value = serde_json::from_str(&answer).expect("the terminal answers in JSON");
        let text = |name: &str| answer[name].as_str().expect("text").to_owned();
        let status = answer["status"].as_i64().and_then(|status| i32::try_from(status).ok());
        Output { status: ExitStatus::from_raw(status.expect("a status")), out: text("out"), err: text("err") }
    }

    /// `prefect …`, which must end well; what it printed.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        self.prefect(arguments).expect_success()
    }

    /// `prefect … --output json`, which must end well; what it printed, as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend_from_slice(&["--output", "json"]);
        let printed = self.done(&all);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("no JSON ({error}): {printed}"))
    }

    /// `prefect …`, which must end badly and say why: in these words, among others.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str], why: &str) {
        let Output { status, out, err } = self.prefect(arguments);
        assert!(!status.success(), "{arguments:?} should fail:\n{out}");
        assert!(out.contains(why) || err.contains(why), "{arguments:?} should say {why:?}:\n{out}{err}");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner).commands = None;
        let _ = self.child.wait();
    }
}
