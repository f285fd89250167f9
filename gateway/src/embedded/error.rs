//! What can keep the private Postgres from running, each with its cure.

use std::io;
use std::path::{Path, PathBuf};

use super::binaries::{OLDEST_MAJOR, PG_BIN};

#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "no Postgres {OLDEST_MAJOR} or newer on this machine (looked at {PG_BIN}, PATH and the usual folders{}).\n\
         Install it:  sudo apt-get install -y postgresql   (macOS: brew install postgresql@17)\n\
         or name the folder of its programs in {PG_BIN}, or give a server of yours to `prefecture serve`.",
        .older.as_ref().map(|major| format!("; the newest found is {major}")).unwrap_or_default()
    )]
    NotInstalled { older: Option<u32> },

    #[error("{PG_BIN}={} holds no usable Postgres: {reason}.\nName the folder that holds `postgres` and `initdb`, like /usr/lib/postgresql/17/bin.", .dir.display())]
    BadBinaries { dir: PathBuf, reason: String },

    #[error(
        "the data in {} was written by Postgres {data}, and Postgres cannot read another major version's data (found: {found}).\n\
         Install the same one:  sudo apt-get install -y postgresql-{data}   or name it in {PG_BIN},\n\
         or carry the data over with pg_dump and pg_restore into a new --data-dir.",
        .cluster.display()
    )]
    OtherMajor { cluster: PathBuf, data: u32, found: String },

    #[error("{} is in use by another `prefecture dev`{}.\nStop that one, or give this one its own --data-dir.", .folder.display(), process(.pid))]
    InUse { folder: PathBuf, pid: Option<u32> },

    #[error(
        "{} belongs to the user with id {owner}, and this program runs as {caller}.\n\
         Run it as that user, or choose another --data-dir.", .cluster.display()
    )]
    ForeignOwner { cluster: PathBuf, owner: u32, caller: u32 },

    #[error(
        "Postgres refuses to run as root, and neither a user `postgres` nor `nobody` exists in /etc/passwd.\n\
         Make one:  useradd --system postgres   or run this program as an ordinary user."
    )]
    NoAccount,

    #[error(
        "run by root, Postgres runs as `{account}`, and `{account}` cannot pass through {}.\n\
         Choose a --data-dir that others can reach (like /var/lib/prefecture/data), or:  chmod o+x {}", .blocked.display(), .blocked.display()
    )]
    Unreachable { account: String, blocked: PathBuf },

    #[error(
        "{} points to {}, which is gone.\nBring it back, or remove the link to begin with an empty database.", .link.display(), .target.display()
    )]
    Dangling { link: PathBuf, target: PathBuf },

    #[error("a Postgres with the process id {pid} holds {} and does not answer.\nWait until it has stopped, or end it:  kill -QUIT {pid}", .cluster.display())]
    Unresponsive { cluster: PathBuf, pid: u32 },

    #[error("`{program}` failed ({how}):\n{said}")]
    Program { program: &'static str, how: String, said: String },

    #[error("Postgres did not start ({how}). The end of {}:\n{said}", .log.display())]
    DidNotStart { how: String, log: PathBuf, said: String },

    #[error("the task that watches Postgres broke: {reason}")]
    Supervisor { reason: String },

    #[error("cannot {action} {}: {source}", .path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
}

impl EmbeddedError {
    /// For `map_err` on an operation with one path.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
        let path = path.to_owned();
        move |source| EmbeddedError::File { action, path, source }
    }
}

fn process(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
