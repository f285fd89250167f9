//! `postmaster.pid`: what a running Postgres says about itself in its data folder, and whether to believe it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    pub pid: u32,
    port: u16,
    /// Absent for the first moments of a start.
    pub socket_dir: Option<PathBuf>,
    pub ready: bool,
}

/// What became of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    Postgres,
    /// The number was given to another program, or its owner is dead and not yet reaped.
    Other,
    Gone,
    /// No /proc on this system.
    Unknown,
}

impl PidFile {
    pub fn path(cluster: &Path) -> PathBuf {
        cluster.join("postmaster.pid")
    }

    /// None when there is none, or when it is not yet written to the end.
    pub fn read(cluster: &Path) -> Result<Option<PidFile>, EmbeddedError> {
        let path = Self::path(cluster);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(EmbeddedError::file("read", &path)(error)),
        }
    }

    /// Lines: process id, data folder, start time, port, socket folder, address, shared memory, status.
    fn parse(text: &str) -> Option<PidFile> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let port = lines.nth(2).and_then(|line| line.trim().parse().ok()).unwrap_or(0);
        let socket_dir = lines.next().map(str::trim).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let ready = lines.nth(2).is_some_and(|status| status.trim() == "ready");
        Some(PidFile { pid, port, socket_dir, ready })
    }

    pub fn socket(&self) -> Option<PathBuf> {
        Some(self.socket_dir.as_ref()?.join(format!(".s.PGSQL.{}", self.port)))
    }
}

impl Process {
    pub fn look(pid: u32) -> Process {
        if !Path::new("/proc/self/stat").exists() {
            return Process::Unknown;
        }
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => Self::parse(&stat),
            Err(_) => Process::Gone,
        }
    }

    /// `pid (name) state …`, where the name may hold anything, also a parenthesis.
    fn parse(stat: &str) -> Process {
        let Some((before, after)) = stat.rsplit_once(')') else { return Process::Other };
        let named = before.split_once('(').is_some_and(|(_, name)| name == "postgres");
        let dead = matches!(after.trim_start().chars().next(), Some('Z' | 'X'));
        if named && !dead { Process::Postgres } else { Process::Other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_postgres_and_one_that_is_starting_are_told_apart() {
        let ready = "4711\n/d/postgres\n1764027600\n5432\n/d/socket\n\n  5432001     32768\nready   \n";
        let expected = PidFile { pid: 4711, port: 5432, socket_dir: Some("/d/socket".into()), ready: true };
        assert_eq!(PidFile::parse(ready), Some(expected.clone()));
        assert_eq!(expected.socket(), Some("/d/socket/.s.PGSQL.5432".into()));
        let starting = PidFile::parse(&ready.replace("ready   ", "starting")).expect("complete");
        assert!(!starting.ready);
        let begun = PidFile::parse("4711\n/d/postgres\n1764027600\n5432\n").expect("the first line is there");
        assert_eq!((begun.pid, begun.socket(), begun.ready), (4711, None, false));
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn a_process_is_postgres_by_name_and_alive_by_state() {
        assert_eq!(Process::parse("12 (postgres) S 1 12"), Process::Postgres);
        assert_eq!(Process::parse("12 (postgres) Z 1 12"), Process::Other);
        assert_eq!(Process::parse("12 (a) (postgres) S 1"), Process::Other);
        assert_eq!(Process::parse("12 (bash) R 1 12"), Process::Other);
    }
}
