//! The real program, run as an operator runs it: `prefecture migrate`, then `prefecture serve` on a port of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;

use serde_json::Value;

use crate::api::Api;
use crate::clock::Clock;
use crate::cluster::{Cluster, Database};
use crate::folder::Folder;
use crate::port::free_port;
use crate::process::Running;
use crate::redis::Redis;
use crate::tenant::Account;
use crate::wait::eventually;

/// What secrets are encrypted with unless a test says otherwise.
const ENCRYPTION_KEYS: &str = "tests:dGhlIHNlY3JldHMgb2YgdGVzdHMgYXJlIG5vbmUgISE=";

/// Ended when dropped.
#[derive(Debug)]
pub struct Server {
    running: Option<Running>,
    settings: Settings,
    url: String,
    folder: Folder,
    account: OnceLock<Account>,
}

#[derive(Debug, Clone)]
struct Settings {
    database: Database,
    env: Vec<(String, String)>,
    port: u16,
    metrics_port: u16,
}

/// What a server is started with; each part has a sensible value until it is given another.
#[derive(Debug)]
pub struct Builder {
    database: Option<Database>,
    env: Vec<(String, String)>,
}

/// What a command of the program said.
#[derive(Debug, Clone)]
pub struct Output {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Server {
    /// The one that tests share which need nothing special; each takes a workspace of its own.
    pub fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        // Who asks for runs there and finds none is not kept waiting for one.
        SHARED.get_or_init(|| Server::builder().env("PREFECTURE_POLL_HOLD", "0s").start())
    }

    pub fn builder() -> Builder {
        Builder { database: None, env: Vec::new() }
    }

    /// `http://127.0.0.1:PORT`, or `https://` where a certificate was set.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where `/metrics` is.
    pub fn metrics_url(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.settings.metrics_port)
    }

    pub fn database(&self) -> &Database {
        &self.settings.database
    }

    /// A client without a key, at the root of the server.
    pub fn api(&self) -> Api {
        Api::new(&self.url, None)
    }

    /// The account that tests of this server share; made when first asked for.
    pub fn account(&self) -> &Account {
        self.account.get_or_init(|| Account::create(self))
    }

    /// `prefecture admin …` on this server's database; the answer is its JSON. Fails the test when the command fails.
    #[track_caller]
    pub fn admin(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["admin"];
        all.extend_from_slice(arguments);
        all.extend_from_slice(&["--output", "json"]);
        let output = self.run(&all);
        assert!(
            output.status.success(),
            "prefecture {}: {}\n{}{}",
            all.join(" "),
            output.status,
            output.out,
            output.err
        );
        serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("not JSON ({error}): {}", output.out))
    }

    /// Another command of the program with this server's settings.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.settings.run(arguments)
    }

    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// What it has logged until now.
    pub fn log(&self) -> String {
        self.process().log()
    }

    /// Asks it to drain and end.
    pub fn sigterm(&self) {
        self.process().signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        self.process().signal(name);
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.running.as_mut().expect("the server was started").wait()
    }

    pub fn kill9(&mut self) {
        self.running.as_mut().expect("the server was started").kill9();
    }

    /// The same settings and the same address again, after it has ended.
    pub fn start_again(&mut self) {
        self.running = None;
        let (running, url) = self.settings.serve(self.folder.path());
        assert_eq!(url, self.url, "the same address as before");
        self.running = Some(running);
    }

    fn process(&self) -> &Running {
        self.running.as_ref().expect("the server was started")
    }
}

impl Builder {
    /// A database that is there already: a second replica, or another setting for the same data.
    pub fn database(mut self, database: &Database) -> Builder {
        self.database = Some(database.clone());
        self
    }

    pub fn redis(self, redis: &Redis) -> Builder {
        self.env("REDIS_URL", &redis.url())
    }

    /// Goes by this clock.
    pub fn by(self, clock: &Clock) -> Builder {
        clock.env().iter().fold(self, |builder, (name, value)| builder.env(name, value))
    }

    /// A setting, by the name of its environment variable; the last one given counts.
    pub fn env(mut self, name: &str, value: &str) -> Builder {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Migrates and serves; returns when the server says that it is ready.
    pub fn start(self) -> Server {
        let settings = self.settings();
        let migrated = settings.run(&["migrate"]);
        assert!(migrated.status.success(), "prefecture migrate: {}\n{}{}", migrated.status, migrated.out, migrated.err);
        let folder = Folder::new("server");
        let (running, url) = settings.serve(folder.path());
        Server { running: Some(running), settings, url, folder, account: OnceLock::new() }
    }

    /// `prefecture serve` with these settings to its end: for settings that it must refuse.
    pub fn refused(self) -> Output {
        let output = self.settings().run(&["serve"]);
        assert!(!output.status.success(), "these settings should be refused, but serve ended well:\n{}", output.out);
        output
    }

    fn settings(self) -> Settings {
        let database = self.database.unwrap_or_else(|| Cluster::shared().database());
        Settings { database, env: self.env, port: free_port(), metrics_port: free_port() }
    }
}

impl Settings {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments);
        // What the developer's shell says about other servers is not meant for this one.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("PREFECT")
                || text.starts_with("PG")
                || text.starts_with("OTEL_")
                || text == "DATABASE_URL"
                || text == "REDIS_URL"
            {
                command.env_remove(&name);
            }
        }
        command.env("PREFECTURE_DATABASE_URL", self.database.url());
        command.env("PREFECTURE_OWNER_DATABASE_URL", self.database.owner_url());
        command.env("PREFECTURE_LISTEN", format!("127.0.0.1:{}", self.port));
        command.env("PREFECTURE_METRICS_LISTEN", format!("127.0.0.1:{}", self.metrics_port));
        command.env("PREFECTURE_ENCRYPTION_KEYS", ENCRYPTION_KEYS);
        // Tests try many keys that are no good, all from one address.
        command.env("PREFECTURE_GUESSES_PER_MINUTE", "0");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().expect("the program can be run");
        Output {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Returns when it has said where it listens and `/api/ready` agrees.
    fn serve(&self, folder: &Path) -> (Running, String) {
        let log = folder.join("prefecture.log");
        let before = std::fs::metadata(&log).map_or(0, |metadata| metadata.len()) as usize;
        let mut running = Running::start("prefecture", self.command(&["serve"]), &log, "KILL");
        let url = eventually("prefecture says where it listens", || {
            let ended = running.ended();
            let log = running.log();
            let said = log.get(before..).unwrap_or_default();
            assert!(ended.is_none(), "prefecture serve ended ({}):\n{said}", ended.unwrap_or_default());
            said.lines().find_map(listening_on).ok_or("not yet")
        });
        // The client of these tests does not speak TLS; whoever asks for it has one that does.
        if url.starts_with("https://") {
            return (running, url);
        }
        let api = Api::new(&url, None);
        eventually("the server is ready", || {
            assert!(running.ended().is_none(), "prefecture serve ended before it was ready:\n{}", running.log());
            match api.try_request("GET", "/api/ready", &[], None) {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("{}: {}", answer.status, answer.body)),
                Err(why) => Err(why),
            }
        });
        (running, url)
    }
}

/// From `… listening on http://127.0.0.1:4200 …`, as text or inside a line of JSON.
fn listening_on(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on ")?;
    let end = rest.find(|c: char| c.is_whitespace() || c == '"' || c == ',').unwrap_or(rest.len());
    let url = rest[..end].trim_end_matches('/');
    (url.starts_with("http://") || url.starts_with("https://")).then(|| url.to_owned())
}

/// Where the program under test is.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("PREFECTURE_BIN") {
        return PathBuf::from(named);
    }
    // target/debug/deps/this_test → target/debug/prefecture
    let test = std::env::current_exe().expect("a running program has a path");
    let program = test.parent().and_then(Path::parent).map(|dir| dir.join("prefecture"));
    let program = program.filter(|program| program.is_file());
    program.expect("the program is not built: cargo build, or name it in PREFECTURE_BIN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_text_and_in_json() {
        let url = Some("http://127.0.0.1:4200".to_owned());
        assert_eq!(listening_on("listening on http://127.0.0.1:4200"), url);
        assert_eq!(listening_on(r#"{"message":"listening on http://127.0.0.1:4200/","x":1}"#), url);
        assert_eq!(listening_on("listening on the wall"), None);
    }
}
