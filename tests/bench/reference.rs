//! The reference server, as shipped: its defaults, its own database on the same Postgres server.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ::tests::{Api, Cluster, Folder, Running, free_port};

use crate::Result;
use crate::bulk::{Store, Tables};
use crate::http::Target;
use crate::place::Place;

#[derive(Debug)]
pub struct Reference {
    pub place: Place,
    running: Running,
    _home: Folder,
}

impl Reference {
    pub fn start(cluster: &'static Cluster) -> Result<Reference> {
        let program = program();
        if !program.exists() {
            let shown = program.display();
            return Err(
                format!("{shown} is not there: tests/run installs it, or name it in PREFECT_REFERENCE_BIN").into()
            );
        }
        let (home, database, port) = (Folder::new("reference"), cluster.database(), free_port());
        let mut command = Command::new(&program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PREFECT") {
                command.env_remove(name);
            }
        }
        let url = database.owner_url().replacen("postgresql://", "postgresql+asyncpg://", 1);
        command
            .args(["server", "start", "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("PREFECT_HOME", home.path())
            .env("PREFECT_SERVER_DATABASE_CONNECTION_URL", url)
            // The one default that is changed: it would call home.
            .env("PREFECT_SERVER_ANALYTICS_ENABLED", "false");
        let running = Running::start("the reference", command, &home.path().join("log"), "KILL");
        let api = Api::new(&format!("http://127.0.0.1:{port}/api"), None);
        let running = ready(&api, running)?;
        let store = Store { database, schema: "public".to_owned(), tables: Tables::Reference };
        let place = Place::furnish(Target::parse(api.base(), None)?, api, store)?;
        Ok(Reference { place, running, _home: home })
    }

    pub fn pid(&self) -> u32 {
        self.running.pid()
    }
}

fn ready(api: &Api, mut running: Running) -> Result<Running> {
    let deadline = Instant::now() + Duration::from_secs(180);
    while Instant::now() < deadline {
        if api.try_request("GET", "/health", &[], None).is_ok_and(|answer| answer.status == 200) {
            return Ok(running);
        }
        if let Some(status) = running.ended() {
            return Err(format!("the reference ended with {status}:\n{}", running.log()).into());
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
    Err(format!("the reference did not answer in three minutes:\n{}", running.log()).into())
}

/// Where it is: `PREFECT_REFERENCE_BIN`, else the virtual environment that `tests/run` makes.
fn program() -> PathBuf {
    std::env::var_os("PREFECT_REFERENCE_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/prefect"), PathBuf::from)
}
