//! Starts `prefect server start` with data of its own on a free port; it ends when dropped.
//!
//! It keeps its data in Postgres, as this program does: the order of nulls, upper and lower case beyond ASCII and the
//! like follow the database, and are no difference between the servers. `DIFFERENTIAL_SELF=sqlite` shows them.
//! What changes runs behind the back of the requests (late runs, schedules, expired pauses) is switched off; what takes
//! in events stays on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tests::{Cluster, Database, Folder, Running, free_port};

use crate::http::{Client, Request};

pub struct Reference {
    pub url: String,
    running: Running,
    home: Folder,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Storage {
    Postgres,
    Sqlite,
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

/// A migrated database, to be copied: migrating takes longer than all the rest of a start.
struct Prepared {
    home: Folder,
    database: Option<Database>,
}

impl Prepared {
    fn of(storage: Storage) -> Result<&'static Prepared, String> {
        static POSTGRES: OnceLock<Result<Prepared, String>> = OnceLock::new();
        static SQLITE: OnceLock<Result<Prepared, String>> = OnceLock::new();
        let place = if storage == Storage::Postgres { &POSTGRES } else { &SQLITE };
        place.get_or_init(|| Prepared::make(storage)).as_ref().map_err(Clone::clone)
    }

    fn make(storage: Storage) -> Result<Prepared, String> {
        let database = (storage == Storage::Postgres).then(|| Cluster::shared().database());
        let mut first = Reference::spawn(Folder::new("reference"), database.as_ref())?;
        first.running.signal("TERM");
        first.running.wait();
        Ok(Prepared { home: first.home, database })
    }

    fn copy(&self) -> Result<(Folder, Option<Database>), String> {
        let home = Folder::new("reference");
        copy_files(self.home.path(), home.path())?;
        let database = self.database.as_ref().map(|template| {
            let mut copy = Cluster::shared().database();
            let name = format!("{}_copy", copy.name);
            copy.sql(&format!("create database {name} template {} owner prefecture", template.name));
            copy.name = name;
            copy
        });
        Ok((home, database))
    }
}

impl Reference {
    pub fn start(storage: Storage) -> Result<Reference, String> {
        let (home, database) = Prepared::of(storage)?.copy()?;
        Reference::spawn(home, database.as_ref())
    }

    fn spawn(home: Folder, database: Option<&Database>) -> Result<Reference, String> {
        let port = free_port();
        let program = program();
        if !program.exists() {
            let shown = program.display();
            return Err(format!("{shown} is not there; tests/run installs it, or name it in PREFECT_REFERENCE_BIN"));
        }
        let mut command = Command::new(&program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PREFECT_") {
                command.env_remove(name);
            }
        }
        command
            .args(["server", "start", "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("PREFECT_HOME", home.path())
            .env("PREFECT_LOGGING_SERVER_LEVEL", "WARNING")
            .env("PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL", "0.1")
            .env("PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL", "0.1");
        if let Some(database) = database {
            let url = database.owner_url().replacen("postgresql://", "postgresql+asyncpg://", 1);
            command.env("PREFECT_SERVER_DATABASE_CONNECTION_URL", url);
        }
        for name in OFF {
            command.env(name, "false");
        }
        let running = Running::start("the reference", command, &home.path().join("log"), "KILL");
        let mut reference = Reference { url: format!("http://127.0.0.1:{port}/api"), running, home };
        reference.wait()?;
        Ok(reference)
    }

    fn wait(&mut self) -> Result<(), String> {
        let client = Client::new(&self.url, None);
        let health = Request { method: "GET".to_owned(), path: "/health".to_owned(), headers: Vec::new(), body: None };
        let deadline = Instant::now() + Duration::from_secs(120);
        while Instant::now() < deadline {
            if client.send(&health).is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Some(status) = self.running.ended() {
                return Err(format!("the reference ended with {status}:\n{}", self.running.log()));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Err(format!("the reference did not answer in two minutes:\n{}", self.running.log()))
    }
}

/// Where it is: `PREFECT_REFERENCE_BIN`, else the virtual environment that `tests/run` makes.
fn program() -> PathBuf {
    std::env::var_os("PREFECT_REFERENCE_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/prefect"), PathBuf::from)
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
