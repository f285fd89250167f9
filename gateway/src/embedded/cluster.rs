//! The cluster on disk: made once and whole, its settings written at every start.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::binaries::Binaries;
use super::error::EmbeddedError;
use super::place::Place;

pub(super) const DATABASE: &str = "prefecture";
pub(super) const OWNER: &str = "prefecture";
pub(super) const SUPERUSER: &str = "postgres";

const SETTINGS_FILE: &str = "prefecture.conf";
/// What the server needs and what suits one machine. `ALTER SYSTEM` goes over it.
const SETTINGS: &str = "\
# Written by prefecture at every start. Use ALTER SYSTEM, or lines below the include in postgresql.conf, to change a setting.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
# A migration touches every workspace's tables, and one transaction may lock them all.
max_locks_per_transaction = 1024
shared_buffers = 256MB
# Acknowledged means on disk.
fsync = on
full_page_writes = on
synchronous_commit = on
# Nothing replicates from here, so the log need only carry what recovery needs.
wal_level = minimal
max_wal_senders = 0
wal_compression = on
max_wal_size = 1GB
min_wal_size = 128MB
checkpoint_timeout = 15min
random_page_cost = 1.1
# Short queries: compiling them or starting workers costs more than it saves, and containers have a small /dev/shm.
jit = off
max_parallel_workers_per_gather = 0
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
log_destination = 'stderr'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
lc_messages = 'C'
";

/// One statement a line, in single-user mode. The function is revoked because a single injected SELECT could otherwise
/// change the role in the middle of a tenant's transaction; templates carry that to every later database. Without
/// INHERIT, being a member of a workspace's role gives no right until it is taken on; nor does being the database's
/// owner give one in `public`, so that schema is given over by name.
fn bootstrap() -> String {
    [
        "REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC".to_owned(),
        format!("CREATE ROLE {OWNER} LOGIN CREATEROLE NOINHERIT"),
        format!("GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO {OWNER}"),
        format!("ALTER SCHEMA public OWNER TO {OWNER}"),
        format!("CREATE DATABASE {DATABASE} OWNER {OWNER}\n"),
    ]
    .join("\n")
}

/// The major version of the data, None when there is none yet.
pub(super) fn major_of(cluster: &Path) -> Result<Option<u32>, EmbeddedError> {
    let path = cluster.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let major = text.trim().parse().map_err(std::io::Error::other);
            major.map(Some).map_err(EmbeddedError::file("understand", &path))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && !cluster.exists() => Ok(None),
        Err(error) => Err(EmbeddedError::file("read", &path)(error)),
    }
}

/// Made under another name and renamed when complete: a start that is cut short leaves nothing that looks like data.
pub(super) async fn create_if_missing(place: &Place, binaries: &Binaries) -> Result<bool, EmbeddedError> {
    if place.cluster.exists() {
        return Ok(false);
    }
    let unfinished = place.cluster.with_extension("unfinished");
    remove(&unfinished)?;
    fs::create_dir(&unfinished).map_err(EmbeddedError::file("make", &unfinished))?;
    place.run_as.own(&unfinished).map_err(EmbeddedError::file("change the owner of", &unfinished))?;

    initdb(place, binaries, &unfinished).await?;
    let conf = unfinished.join("postgresql.conf");
    let appended = fs::OpenOptions::new().append(true).open(&conf);
    let appended = appended.and_then(|mut file| writeln!(file, "\ninclude_if_exists = '{SETTINGS_FILE}'"));
    appended.map_err(EmbeddedError::file("write", &conf))?;

    let mut single = place.run_as.command(&binaries.program("postgres"));
    single.args(["--single", "-F", "-c", "exit_on_error=true", "-D"]).arg(&unfinished).arg("template1");
    run("postgres --single", single, &bootstrap()).await?;

    fs::rename(&unfinished, &place.cluster).map_err(EmbeddedError::file("rename", &unfinished))?;
    if place.link != place.cluster {
        symlink(&place.cluster, &place.link).map_err(EmbeddedError::file("make", &place.link))?;
    }
    Ok(true)
}

/// Text sorts by its bytes, as the clients' own databases do it; upper and lower case know more than ASCII where the
/// system has the locale.
async fn initdb(place: &Place, binaries: &Binaries, into: &PathBuf) -> Result<(), EmbeddedError> {
    let mut last = None;
    for ctype in ["C.UTF-8", "C"] {
        let mut initdb = place.run_as.command(&binaries.program("initdb"));
        initdb.arg("-D").arg(into).args(["-U", SUPERUSER, "--auth-local=trust", "--auth-host=reject"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--lc-ctype", ctype]);
        initdb.args(["--data-checksums", "--no-sync", "--no-instructions"]);
        match run("initdb", initdb, "").await {
            Ok(()) => return Ok(()),
            Err(error) if error.to_string().contains("locale") => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    // The loop ran at least once and did not return, so there is an error.
    last.map_or(Ok(()), Err)
}

/// Also puts right what copying a folder loses: Postgres refuses a cluster that others may read.
pub(super) fn write_settings(place: &Place) -> Result<(), EmbeddedError> {
    let closed = fs::set_permissions(&place.cluster, Permissions::from_mode(0o700));
    closed.map_err(EmbeddedError::file("close", &place.cluster))?;
    let path = place.cluster.join(SETTINGS_FILE);
    let written = fs::write(&path, SETTINGS).and_then(|()| place.run_as.own(&path));
    written.map_err(EmbeddedError::file("write", &path))
}

fn remove(dir: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(EmbeddedError::file("remove", dir)(error)),
        _ => Ok(()),
    }
}

/// Runs a program of Postgres to its end; what it said is part of the error.
async fn run(program: &'static str, mut command: Command, input: &str) -> Result<(), EmbeddedError> {
    let failed = |how: String, said: String| EmbeddedError::Program { program, how, said };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(error.to_string(), String::new()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early says why by itself.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(|error| failed(error.to_string(), String::new()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(failed(output.status.to_string(), String::from_utf8_lossy(&said).trim().to_owned()))
}
