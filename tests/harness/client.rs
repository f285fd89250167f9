//! The unmodified Prefect SDK and command line in a home of their own, pointed at a workspace.

use std::path::PathBuf;
use std::process::Command;

use crate::folder::Folder;
use crate::process::Running;
use crate::server::Output;
use crate::tenant::Tenant;
use crate::terminal::Terminal;

/// A user's machine: profiles, results and settings are its own.
#[derive(Debug)]
pub struct Client {
    home: Folder,
    env: Vec<(String, String)>,
    /// Another version than the newest.
    version: Option<&'static str>,
}

impl Client {
    /// With the three variables set that we tell everybody to export.
    pub fn of(tenant: &Tenant) -> Client {
        tenant.env().into_iter().fold(Client::fresh(), |client, (name, value)| client.env(name, &value))
    }

    /// Nothing set: for logging in by command.
    pub fn fresh() -> Client {
        Client { home: Folder::new("client"), env: Vec::new(), version: None }
    }

    pub fn env(mut self, name: &str, value: &str) -> Client {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// An older version of the SDK and the command line, one of those that `tests/run` installs.
    pub fn version(self, version: &'static str) -> Client {
        Client { version: Some(version), ..self }
    }

    pub fn home(&self) -> &Folder {
        &self.home
    }

    /// A file in the home.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.home.path().join(name), text).expect("the home can be written");
    }

    /// `prefect …`, without questions asked and in a wide terminal, so that nothing is cut off.
    pub fn prefect(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(self.program("prefect"));
        command.args(arguments);
        run(command)
    }

    /// `prefect …` that runs beside the test, until it is ended or dropped.
    pub fn start(&self, name: &'static str, arguments: &[&str]) -> Running {
        let mut command = self.command(self.program("prefect"));
        command.args(arguments);
        Running::start(name, command, &self.home.path().join(format!("{name}.log")), "TERM")
    }

    /// A script for the interpreter that the SDK is installed in.
    pub fn python(&self, script: &str) -> Output {
        let mut command = self.command(self.program("python"));
        command.args(["-c", script]);
        run(command)
    }

    /// For many commands in a row: see [`Terminal`].
    pub fn terminal(&self) -> Terminal {
        Terminal::start(self.command(self.program("python")))
    }

    /// An interpreter that runs a script beside the test, until it is ended or dropped.
    pub fn start_python(&self, name: &'static str, script: &str) -> Running {
        let mut command = self.command(self.program("python"));
        command.args(["-c", script]);
        Running::start(name, command, &self.home.path().join(format!("{name}.log")), "TERM")
    }

    fn program(&self, name: &str) -> PathBuf {
        match self.version {
            None => prefect().with_file_name(name),
            Some(version) => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!(".venv-{version}/bin")).join(name),
        }
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PREFECT")) {
            command.env_remove(name);
        }
        command.env("PREFECT_HOME", self.home.path()).env("HOME", self.home.path()).current_dir(self.home.path());
        command.env("DO_NOT_TRACK", "1").env("PREFECT_CLI_PROMPT", "false").env("COLUMNS", "240").env("NO_COLOR", "1");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Output {
    /// What it printed, if it ended well; else the test fails and shows everything.
    #[track_caller]
    pub fn expect_success(self) -> String {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.out, self.err);
        self.out
    }
}

fn run(mut command: Command) -> Output {
    let program = PathBuf::from(command.get_program());
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}. tests/run installs it.", program.display()));
    Output {
        status: output.status,
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `PREFECT_REFERENCE_BIN`, else where `tests/run` puts it.
fn prefect() -> PathBuf {
    let named = std::env::var_os("PREFECT_REFERENCE_BIN").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/prefect"))
}

/// A program of the tools' environment (`python`, `st`, …), below `PREFECTURE_TOOLS_BIN` or where `tests/run` puts it.
pub fn tool(name: &str) -> PathBuf {
    let named = std::env::var_os("PREFECTURE_TOOLS_BIN").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv-tools/bin")).join(name)
}
