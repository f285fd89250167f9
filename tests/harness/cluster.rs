//! A private Postgres, one for the test process, with a database for every server that wants one.
//!
//! Set up as a deployment is told to: one login owns the schemas, another serves requests; neither is a superuser, and
//! the public may not call `set_config`.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::clock::Clock;
use crate::disk::Disk;
use crate::folder::Folder;
use crate::port::free_port;
use crate::process::{Running, output};
use crate::wait::eventually;

/// The login that owns the schemas.
const OWNER: &str = "prefecture";
/// The login that serves requests.
const SERVING: &str = "prefecture_serve";
const SUPERUSER: &str = "postgres";

/// Durable against a kill of any process, which is what tests can do; not against a loss of power.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 300
max_locks_per_transaction = 1024
shared_buffers = 128MB
fsync = off
synchronous_commit = on
full_page_writes = on
max_wal_size = 1GB
jit = off
timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
";

#[derive(Debug)]
pub struct Cluster {
    /// Before the folder, so that it is ended before its data is removed.
    postgres: Mutex<Option<Running>>,
    folder: Folder,
    /// Where its data is: in the folder, or on a disk of its own.
    data: PathBuf,
    /// What it runs with beside what every Postgres has.
    env: Vec<(&'static str, String)>,
    bin: PathBuf,
    account: Option<(u32, u32)>,
    port: u16,
}

/// A database of its own in the cluster.
#[derive(Debug, Clone)]
pub struct Database {
    pub name: String,
    cluster: &'static Cluster,
}

impl Cluster {
    /// The one that the tests of this process share.
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Cluster::start(None, Vec::new()))
    }

    /// A cluster for one test: for tests that kill Postgres. It stays until the process ends.
    pub fn own() -> &'static Cluster {
        Box::leak(Box::new(Cluster::start(None, Vec::new())))
    }

    /// One that goes by this clock.
    pub fn by(clock: &Clock) -> &'static Cluster {
        Box::leak(Box::new(Cluster::start(None, clock.env().to_vec())))
    }

    /// One whose data is on this disk.
    pub fn on(disk: &Disk) -> &'static Cluster {
        Box::leak(Box::new(Cluster::start(Some(disk), Vec::new())))
    }

    fn start(disk: Option<&Disk>, env: Vec<(&'static str, String)>) -> Cluster {
        let folder = Folder::new("postgres");
        let account = folder.is_roots().then(unprivileged);
        let data = disk.map_or(folder.path(), Disk::path).join("data");
        fs::create_dir(&data).expect("the folder is ours");
        if let Some((uid, gid)) = account {
            for dir in [folder.path(), &data] {
                chown(dir, Some(uid), Some(gid)).expect("root may");
            }
        }
        let (bin, port) = (programs(), free_port());
        let cluster = Cluster { postgres: Mutex::new(None), folder, data: data.clone(), env, bin, account, port };

        let mut initdb = cluster.command("initdb");
        initdb.arg("-D").arg(&data).args(["-U", SUPERUSER, "-A", "trust", "--encoding=UTF8", "--locale=C"]);
        initdb.args(["--no-sync", "--no-instructions"]);
        output(initdb);
        let conf = data.join("postgresql.conf");
        let text = fs::read_to_string(&conf).expect("initdb wrote it") + SETTINGS;
        fs::write(&conf, text).expect("it can be changed");
        cluster.start_postgres();

        cluster.set_up();
        cluster
    }

    /// By the files that an operator is given; in the template, so that each later database is the same.
    fn set_up(&self) {
        let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/postgres");
        let mut psql = self.psql_at(&self.url(SUPERUSER, "template1", self.port));
        psql.args(["-v", "owner_password=owner", "-v", "serving_password=serving"]);
        psql.args(["-f", &format!("{files}/roles.sql"), "-f", &format!("{files}/database.sql")]);
        output(psql);
    }

    /// Starts Postgres, also after a kill, and returns when it answers.
    pub fn start_postgres(&self) {
        let data = &self.data;
        let log = self.folder.path().join("postgres.log");
        let mut running = self.running();
        assert!(running.is_none(), "postgres runs already");
        // Backends outlive a killed postmaster by a moment, and until they are gone a start is refused.
        *running = Some(eventually("postgres starts", || {
            let mut postgres = self.command("postgres");
            postgres.arg("-D").arg(data).arg("-k").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
            let mut postgres = Running::start("postgres", postgres, &log, "QUIT");
            eventually("postgres is ready or has ended", || {
                if let Some(status) = postgres.ended() {
                    return Ok(Err(status));
                }
                let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
                let ours = file.lines().next() == Some(&postgres.pid().to_string());
                let ready = file.lines().nth(7).is_some_and(|status| status.trim() == "ready");
                if ours && ready { Ok(Ok(())) } else { Err("it is starting") }
            })
            .map(|()| postgres)
        }));
    }

    /// Whether it has not ended by itself.
    pub fn runs(&self) -> bool {
        let mut running = self.running();
        if running.as_mut().is_some_and(|postgres| postgres.ended().is_some()) {
            *running = None;
        }
        running.is_some()
    }

    /// As a crash does it: the postmaster and every backend are gone at once.
    pub fn kill9(&self) {
        let mut postgres = self.running().take().expect("postgres runs");
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &postgres.pid().to_string()]).output();
        let children = String::from_utf8_lossy(&children.expect("ps is there").stdout).into_owned();
        postgres.kill9();
        let pids: Vec<&str> = children.split_whitespace().collect();
        if !pids.is_empty() {
            let _ = Command::new("sh").args(["-c", &format!("kill -9 {} 2>/dev/null", pids.join(" "))]).status();
        }
    }

    /// Stops every process of Postgres where it stands (`STOP`), or lets it go on (`CONT`).
    pub fn signal(&self, name: &str) {
        self.running().as_ref().expect("postgres runs").signal(name);
    }

    /// A new, empty database that belongs to the server's login.
    pub fn database(&'static self) -> Database {
        let name = format!("t{}", uuid::Uuid::new_v4().simple());
        self.superuser("postgres", &format!("create database {name} owner {OWNER}"));
        Database { name, cluster: self }
    }

    fn superuser(&self, database: &str, sql: &str) -> String {
        self.psql(&self.url(SUPERUSER, database, self.port), sql)
    }

    fn psql(&self, url: &str, sql: &str) -> String {
        self.try_psql(url, sql).unwrap_or_else(|said| panic!("{sql}\n{said}"))
    }

    fn try_psql(&self, url: &str, sql: &str) -> Result<String, String> {
        let output = self.psql_at(url).args(["-c", sql]).output().map_err(|error| error.to_string())?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() { Ok(out.trim_end().to_owned()) } else { Err(err.trim_end().to_owned()) }
    }

    fn psql_at(&self, url: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]);
        psql
    }

    fn url(&self, user: &str, database: &str, port: u16) -> String {
        format!("postgresql://{user}@127.0.0.1:{port}/{database}")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.env("LC_ALL", "C").envs(self.env.iter().cloned()).current_dir("/");
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.postgres.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it listens, for a proxy that stands in front of it.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Database {
    pub fn cluster(&self) -> &'static Cluster {
        self.cluster
    }

    /// For the login that serves requests.
    pub fn url(&self) -> String {
        self.cluster.url(SERVING, &self.name, self.cluster.port)
    }

    /// The same through another port: a proxy.
    pub fn url_through(&self, port: u16) -> String {
        self.cluster.url(SERVING, &self.name, port)
    }

    /// The owner's through another port.
    pub fn owner_url_through(&self, port: u16) -> String {
        self.cluster.url(OWNER, &self.name, port)
    }

    /// For the login that owns the schemas.
    pub fn owner_url(&self) -> String {
        self.cluster.url(OWNER, &self.name, self.cluster.port)
    }

    /// As the login that serves requests, with what it said when it was refused.
    pub fn sql_as_serving(&self, sql: &str) -> Result<String, String> {
        self.cluster.try_psql(&self.url(), sql)
    }

    /// Like [`Database::sql`], for a database that may refuse it or be gone.
    pub fn try_sql(&self, sql: &str) -> Result<String, String> {
        self.cluster.try_psql(&self.cluster.url(SUPERUSER, &self.name, self.cluster.port), sql)
    }

    /// As a superuser, who sees every tenant: for looking at what is really there. Columns are parted by `|`.
    pub fn sql(&self, sql: &str) -> String {
        self.cluster.superuser(&self.name, sql)
    }
}

/// The newest installed, as the program itself would choose.
fn programs() -> PathBuf {
    let complete = |dir: &Path| ["postgres", "initdb", "psql"].iter().all(|program| dir.join(program).is_file());
    if let Some(dir) = std::env::var_os("PREFECTURE_PG_BIN") {
        return PathBuf::from(dir);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut dirs: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(major, dir)| *major >= 15 && complete(dir))
        .collect();
    dirs.sort();
    let on_path = || std::env::split_paths(&std::env::var_os("PATH")?).find(|dir| complete(dir));
    let found = dirs.pop().map(|(_, dir)| dir).or_else(on_path);
    found.expect("Postgres 15 or newer: sudo apt-get install -y postgresql, or set PREFECTURE_PG_BIN")
}

/// Postgres refuses to be root, and others had better not be.
pub fn unprivileged() -> (u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").expect("every unix has it");
    let find = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).expect("a user `postgres` or `nobody`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_is_there_after_a_kill() {
        let cluster = Cluster::own();
        let database = cluster.database();
        database.sql("create table kept (n int); insert into kept values (1)");
        cluster.kill9();
        cluster.start_postgres();
        assert_eq!(database.sql("select n from kept"), "1");
    }

    #[test]
    fn the_serving_login_is_no_superuser_and_may_not_change_settings() {
        let database = Cluster::shared().database();
        let login = database.sql_as_serving("select rolname, rolsuper from pg_roles where rolname = current_user");
        assert_eq!(login.as_deref(), Ok("prefecture_serve|f"));
        let refused = database.sql_as_serving("select set_config('role', 'postgres', false)");
        assert!(refused.is_err_and(|said| said.contains("permission denied")));
    }
}
