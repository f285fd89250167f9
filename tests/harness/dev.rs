//! `prefecture dev`: the whole installation in one folder.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};

use serde_json::Value;

use crate::api::Api;
use crate::folder::Folder;
use crate::port::free_port;
use crate::process::Running;
use crate::reaper;
use crate::server::program;
use crate::wait::eventually;

/// Stopped in order when dropped; its folder outlives it, and another can be started there.
#[derive(Debug)]
pub struct Dev {
    running: Running,
    postgres: u32,
    file: Value,
}

impl Dev {
    /// Starts in `folder` and returns when it serves.
    pub fn start(folder: &Folder) -> Dev {
        let data = folder.path().join("data");
        let file = data.join("dev.json");
        let before = fs::metadata(&file).and_then(|metadata| metadata.modified()).ok();
        let mut command = Command::new(program());
        command.arg("dev").arg("--data-dir").arg(&data).args(["--listen", &format!("127.0.0.1:{}", free_port())]);
        let mut running = Running::start("prefecture dev", command, &folder.path().join("dev.log"), "KILL");
        // Written when it is about to serve, anew at each start.
        let file = eventually("dev writes dev.json and serves", || {
            assert!(running.ended().is_none(), "prefecture dev ended:\n{}", running.log());
            let written = fs::metadata(&file).and_then(|metadata| metadata.modified()).ok();
            if written.is_none() || written == before {
                return Err("dev.json is not written yet".to_owned());
            }
            let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
            let file: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let api = Api::new(file["api_url"].as_str().unwrap_or_default(), None);
            match api
                .at(file["root_url"].as_str().unwrap_or_default())
                .try_request("GET", "/api/ready", &[], None)?
                .status
            {
                200 => Ok(file),
                other => Err(format!("/api/ready answers {other}")),
            }
        });
        let postgres = postmaster(&data).expect("dev serves, so its postgres runs");
        reaper::end_at_the_end(postgres, "QUIT");
        Dev { running, postgres, file }
    }

    /// A field of dev.json.
    #[track_caller]
    pub fn field(&self, name: &str) -> &str {
        self.file[name].as_str().unwrap_or_else(|| panic!("dev.json has no {name}: {}", self.file))
    }

    /// A client at the workspace it made, with the key it made.
    pub fn api(&self) -> Api {
        Api::new(self.field("api_url"), Some(self.field("api_key")))
    }

    /// The process of its Postgres.
    pub fn postgres(&self) -> u32 {
        self.postgres
    }

    /// What it has printed and logged.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// Tells it to stop and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.running.signal("TERM");
        self.running.wait()
    }

    /// Only the program: its Postgres lives on.
    pub fn kill9(mut self) {
        self.running.kill9();
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if self.running.ended().is_none() {
            self.running.signal("TERM");
            self.running.wait();
        }
    }
}

fn postmaster(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("postgres/postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}
