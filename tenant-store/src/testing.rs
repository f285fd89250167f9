//! For tests: a private Postgres that lives as long as the test process, and in it a database for each test, with the
//! logins of a real installation.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::WorkspaceId;

use crate::control::{By, Control, ControlSettings, NewAccount, NewWorkspace};
use crate::migrate::{self, Login, Owners, Provisioner};
use crate::{Commits, Pool, PoolSettings, Scope};

const OWNER: &str = "prefecture";
const SERVING: &str = "prefecture_serve";

struct Cluster {
    socket: PathBuf,
    /// Postgres ends when this one's input is closed, and the system closes it however the test process ends.
    _shell: Child,
}

/// A database of one test, with the URLs of its logins.
pub struct Database {
    pub superuser: String,
    pub owner: String,
    pub serving: String,
}

/// A migrated installation on one database, with a provisioner that keeps no spares unless asked.
pub struct Installation {
    pub database: Database,
    pub owners: Owners,
    pub pool: Pool,
    pub control: Control,
}

impl Database {
    /// A fresh one, in which nothing was migrated.
    pub async fn create() -> Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let cluster = CLUSTER.get_or_init(Cluster::start);
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let url =
            |user: &str, database: &str| format!("postgresql://{user}@/{database}?host={}", cluster.socket.display());
        let client = Self::connect(&url("postgres", "postgres")).await;
        client.batch_execute(&format!("CREATE DATABASE {name} OWNER {OWNER}")).await.expect("a database is made");
        let database =
            Self { superuser: url("postgres", &name), owner: url(OWNER, &name), serving: url(SERVING, &name) };
        let serving = Login { name: SERVING.into(), password: None };
        // Roles are the cluster's, and two tests that change them at once get in each other's way.
        static ROLES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _alone = ROLES.lock().await;
        let undone = migrate::bootstrap_roles(&database.superuser, OWNER, &serving).await.expect("roles are made");
        assert_eq!(undone, Vec::<String>::new());
        database
    }

    /// A connection of its own, by one of the URLs.
    pub async fn connect(url: &str) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("the cluster accepts connections");
        tokio::spawn(connection);
        client
    }

    pub fn owners(&self) -> Owners {
        Owners {
            control: self.owner.clone(),
            places: HashMap::from([("default".to_owned(), self.owner.clone())]),
            serving_role: SERVING.into(),
            tenant_roles: true,
        }
    }

    pub fn pool(&self) -> Pool {
        let postgres = self.serving.parse().expect("our own URL");
        Pool::new(&postgres, PoolSettings { size: 4, ..PoolSettings::default() }, Commits::told_to_nobody())
            .expect("a pool")
    }
}

impl Installation {
    pub async fn create() -> Self {
        let database = Database::create().await;
        let owners = database.owners();
        migrate::migrate_control(&owners).await.expect("the control schema is migrated");
        migrate::migrate_cells(&owners).await.expect("the cells are migrated");
        let settings = ControlSettings {
            url: database.serving.clone(),
            connections: 4,
            wait: Duration::from_secs(5),
            patience: Duration::from_secs(5),
            pooler: Default::default(),
            idle_transaction: Duration::from_secs(1),
        };
        let pool = database.pool();
        let places = HashMap::from([("default".to_owned(), pool.clone())]);
        let provisioner = Provisioner::new(owners.clone(), 2);
        let control =
            Control::new(&settings, places, Some(provisioner), Commits::told_to_nobody()).expect("a control plane");
        Self { database, owners, pool, control }
    }
}

/// A workspace of an account of its own, and the way into it.
pub async fn workspace(control: &Control) -> Scope {
    let account = control.create_account(By::Shell, &NewAccount { handle: "a", name: "a" }).await.unwrap().id;
    let new = NewWorkspace { handle: "main", name: "Main", description: "", placement: "default" };
    let workspace = control.create_workspace(By::Shell, account, &new).await.unwrap().id;
    scope_of(control, workspace).await
}

/// The way into a workspace that is there.
pub async fn scope_of(control: &Control, workspace: WorkspaceId) -> Scope {
    Scope::for_system(&control.place(workspace).await.unwrap().expect("it was made"), "test")
}

impl Cluster {
    fn start() -> Self {
        let bin = binaries();
        let folder = std::env::temp_dir().join(format!("prefecture-store-tests-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let account = account();
        if let Some((uid, gid)) = account {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).expect("root may give a folder away");
        }
        let (data, socket) = (folder.join("data"), folder.clone());
        let mut init = as_account(account, &bin.join("initdb"));
        init.arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
        ]);
        let made = init.stdout(Stdio::null()).status().expect("initdb runs");
        assert!(made.success(), "initdb failed");

        // The shell reads until this process is gone, stops Postgres and removes its folder.
        let script = "exec 3<&0; \"$0\" -D \"$1\" -k \"$2\" -c listen_addresses= -c fsync=off -c max_locks_per_transaction=256 \
            2>\"$2/log\" <&- & postgres=$!; cat <&3 >/dev/null & cat=$!; \
            until [ -S \"$2/.s.PGSQL.5432\" ] && \"$3\" -q -h \"$2\"; do kill -0 $postgres || { cat \"$2/log\" >&2; exit 1; }; sleep 0.05; done; \
            echo ready; exec >/dev/null 2>&1; wait $cat; kill -INT $postgres; wait $postgres; rm -rf \"$2\"";
        let mut shell = as_account(account, Path::new("/bin/sh"));
        shell.args(["-c", script]).arg(bin.join("postgres")).arg(&data).arg(&socket).arg(bin.join("pg_isready"));
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell runs");
        let mut line = String::new();
        let stdout = shell.stdout.take().expect("it was piped");
        BufReader::new(stdout).read_line(&mut line).expect("the shell says when Postgres is ready");
        assert_eq!(line, "ready\n", "Postgres did not start");

        let psql = as_account(account, &bin.join("psql"))
            .args(["-q", "-U", "postgres", "-h"])
            .arg(&socket)
            .args(["-c", &format!("CREATE ROLE {OWNER} LOGIN CREATEROLE NOINHERIT")])
            .status();
        assert!(psql.is_ok_and(|status| status.success()), "the owner's login could not be made");
        Self { socket, _shell: shell }
    }
}

/// `PREFECTURE_PG_BIN`, else the newest Postgres of the system's folders.
fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("PREFECTURE_PG_BIN") {
        return folder.into();
    }
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("Postgres is installed (apt-get install postgresql)");
    let newest = versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()).max();
    PathBuf::from(format!("/usr/lib/postgresql/{}/bin", newest.expect("a version of Postgres is installed")))
}

/// Postgres refuses to be root; then it is `postgres`.
fn account() -> Option<(u32, u32)> {
    let me = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("Linux"));
    if me != 0 {
        return None;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").expect("Linux");
    let line =
        passwd.lines().find(|line| line.starts_with("postgres:")).expect("the package made the account postgres");
    let mut ids = line.split(':').skip(2).map(|id| id.parse().expect("a number"));
    Some((ids.next().expect("a user id"), ids.next().expect("a group id")))
}

fn as_account(account: Option<(u32, u32)>, program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = account {
        command.uid(uid).gid(gid);
    }
    command.current_dir("/");
    command
}
