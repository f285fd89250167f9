//! A program that runs beside the test, with its output in a file.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, Once, PoisonError};

use crate::reaper;
use crate::wait::eventually;

/// The logs of what runs now, for the moment a test fails.
static LOGS: Mutex<Vec<(&'static str, PathBuf)>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();
const SHOWN_LINES: usize = 40;

/// Ended when dropped.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    child: Child,
    log: PathBuf,
    ended: bool,
}

impl Running {
    /// Starts `command` with both outputs appended to `log`. `end` is the signal that the reaper would send.
    pub fn start(name: &'static str, mut command: Command, log: &Path, end: &str) -> Running {
        show_logs_on_failure();
        let file = File::options().create(true).append(true).open(log);
        let file = file.unwrap_or_else(|error| panic!("cannot write {}: {error}", log.display()));
        let also = file.try_clone().expect("a file can be opened twice");
        command.stdin(Stdio::null()).stdout(file).stderr(also).process_group(0);
        let program = PathBuf::from(command.get_program());
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        reaper::end_at_the_end(child.id(), end);
        LOGS.lock().unwrap_or_else(PoisonError::into_inner).push((name, log.to_owned()));
        Running { name, child, log: log.to_owned(), ended: false }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().expect("it is a child of this process");
        if status.is_some() {
            self.forget();
        }
        status
    }

    /// Sends a signal by name, like `TERM`.
    pub fn signal(&self, name: &str) {
        assert!(!self.ended, "{} has ended already", self.name);
        let pid = self.pid();
        let sent = Command::new("sh").args(["-c", &format!("kill -s {name} {pid}")]).status();
        assert!(sent.expect("a shell is there").success(), "cannot send {name} to {} ({pid})", self.name);
    }

    /// Waits until it has ended by itself or by a signal.
    pub fn wait(&mut self) -> ExitStatus {
        let what = format!("{} has ended", self.name);
        eventually(&what, || self.ended().ok_or("it still runs"))
    }

    /// What no program can refuse.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.forget();
    }

    fn forget(&mut self) {
        if !self.ended {
            self.ended = true;
            reaper::has_ended(self.child.id());
            LOGS.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, log)| *log != self.log);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.kill9();
        }
    }
}

/// Runs a command to its end and returns what it printed; panics with everything it said when it fails.
pub fn output(mut command: Command) -> String {
    let program = PathBuf::from(command.get_program());
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{} failed ({}):\n{said}{}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

fn show_logs_on_failure() {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            before(panic);
            let logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for (name, log) in logs {
                let text = std::fs::read(&log).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                let lines: Vec<&str> = text.lines().collect();
                let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
                eprintln!("--- {name}, the end of {}:\n{}", log.display(), shown.join("\n"));
            }
        }));
    });
}
