//! Starts `prefect server start` with a data folder of its own on a free port, and stops it when dropped.
//!
//! What changes runs behind the back of the requests (late runs, schedules, expired pauses) is switched off; what takes
//! in events stays on. `PREFECT_REFERENCE_DATABASE=postgres://user@host:port` gives each server a database there
//! instead of SQLite.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::http::{Client, Request};
use crate::servers::reference_program;

pub struct Reference {
    pub url: String,
    child: Child,
    home: PathBuf,
}

const OFF: [&str; 9] = [
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED",
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED",
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED",
    "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_ENABLED",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED",
    "PREFECT_SERVER_ANALYTICS_ENABLED",
    "PREFECT_SERVER_UI_ENABLED",
];

/// A data folder with a migrated database, made once: migrating takes longer than all the rest of a start.
static PREPARED: OnceLock<Result<PathBuf, String>> = OnceLock::new();

impl Reference {
    pub fn start() -> Result<Reference, String> {
        let prepared = PREPARED.get_or_init(prepare).as_ref().map_err(Clone::clone)?;
        let home = new_home()?;
        copy_files(prepared, &home)?;
        Reference::spawn(home)
    }

    fn spawn(home: PathBuf) -> Result<Reference, String> {
        let port = free_port()?;
        let log = std::fs::File::create(home.join("log")).map_err(|e| e.to_string())?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        let program = reference_program();
        let mut command = Command::new(&program);
        command
            .args(["server", "start", "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("PREFECT_HOME", &home)
            .env("PREFECT_LOGGING_SERVER_LEVEL", "WARNING")
            .env("PREFECT_SERVER_EVENTS_PERSISTER_FLUSH_INTERVAL", "0.1")
            .env("PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL", "0.1")
            .env_remove("PREFECT_API_URL")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        for name in OFF {
            command.env(name, "false");
        }
        let child = command.spawn().map_err(|e| {
            format!("{}: {e}; tests/run installs it, or name it in PREFECT_REFERENCE_BIN", program.display())
        })?;
        let mut reference = Reference { url: format!("http://127.0.0.1:{port}/api"), child, home };
        reference.wait()?;
        Ok(reference)
    }

    fn wait(&mut self) -> Result<(), String> {
        let client = Client::new(&self.url, None);
        let health =
            Request { method: "GET".to_owned(), path: "/health".to_owned(), headers: Vec::new(), body: None };
        let deadline = Instant::now() + Duration::from_secs(90);
        while Instant::now() < deadline {
            if client.send(&health).is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the reference ended with {status}:\n{}", self.log()));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Err(format!("the reference did not answer in 90 s:\n{}", self.log()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            // It ended by itself, and its number may belong to another process by now.
            let _ = std::fs::remove_dir_all(&self.home);
            return;
        }
        // SIGTERM lets it close its database; the crate forbids unsafe, so `kill` sends it.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while asked.is_ok() && Instant::now() < deadline {
            if let Ok(Some(_)) = self.child.try_wait() {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        // Harmless when it has ended already; a failure leaves nothing more to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn prepare() -> Result<PathBuf, String> {
    let mut first = Reference::spawn(new_home()?)?;
    let kept = new_home()?;
    let asked = Command::new("kill").arg(first.child.id().to_string()).status();
    asked.map_err(|e| e.to_string())?;
    first.child.wait().map_err(|e| e.to_string())?;
    copy_files(&first.home, &kept)?;
    Ok(kept)
}

fn new_home() -> Result<PathBuf, String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let home = std::env::temp_dir().join(format!("differential-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    Ok(home)
}

/// Removes the prepared folder, at the end of the suite.
pub fn forget() {
    if let Some(Ok(folder)) = PREPARED.get() {
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// The plain files of a folder; the reference keeps its database and block registry that way.
fn copy_files(from: &Path, to: &Path) -> Result<(), String> {
    for entry in std::fs::read_dir(from).map_err(|e| e.to_string())? {
        let entry = entry.map_err(|e| e.to_string())?;
        if entry.path().is_file() && entry.file_name() != "log" {
            std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, String> {
    let socket = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    Ok(socket.local_addr().map_err(|e| e.to_string())?.port())
}
