//! Under whose name Postgres runs: the caller's, or an unprivileged one when the caller is root.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, chown, lchown};
use std::path::Path;

use tokio::process::Command;

use super::error::EmbeddedError;

/// In the order of preference. `postgres` comes with the package; `nobody` is everywhere.
const UNPRIVILEGED: &[&str] = &["postgres", "nobody"];
const ROOT: u32 = 0;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunAs {
    Caller,
    Account(Account),
}

impl RunAs {
    /// For a cluster that is still to be made.
    pub fn for_new(folder: &Path) -> Result<RunAs, EmbeddedError> {
        if effective_uid(folder)? != ROOT {
            return Ok(RunAs::Caller);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        unprivileged(&passwd).map(RunAs::Account).ok_or(EmbeddedError::NoAccount)
    }

    /// For a cluster that exists: its owner, whoever it was when it was made. Root's copy of one is given away first.
    pub fn for_existing(folder: &Path, cluster: &Path) -> Result<RunAs, EmbeddedError> {
        let caller = effective_uid(folder)?;
        let owner = fs::metadata(cluster).map_err(EmbeddedError::file("read", cluster))?;
        if caller != ROOT {
            if owner.uid() == caller {
                return Ok(RunAs::Caller);
            }
            return Err(EmbeddedError::ForeignOwner { cluster: cluster.to_owned(), owner: owner.uid(), caller });
        }
        if owner.uid() != ROOT {
            let name = name_of(owner.uid());
            return Ok(RunAs::Account(Account { name, uid: owner.uid(), gid: owner.gid() }));
        }
        let run_as = Self::for_new(folder)?;
        run_as.own_tree(cluster).map_err(EmbeddedError::file("change the owner of", cluster))?;
        Ok(run_as)
    }

    /// A program of Postgres under this name, with an environment of its own: what PG… variables of the caller say is
    /// about other servers, and English messages are what the log is searched for.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C");
        for name in ["PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // The caller's own folder may be closed to the account.
        command.current_dir("/");
        if let RunAs::Account(account) = self {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    pub fn own(&self, path: &Path) -> io::Result<()> {
        match self {
            RunAs::Caller => Ok(()),
            RunAs::Account(account) => chown(path, Some(account.uid), Some(account.gid)),
        }
    }

    fn own_tree(&self, path: &Path) -> io::Result<()> {
        let RunAs::Account(account) = self else { return Ok(()) };
        let mut pending = vec![path.to_owned()];
        while let Some(path) = pending.pop() {
            lchown(&path, Some(account.uid), Some(account.gid))?;
            if fs::symlink_metadata(&path)?.is_dir() {
                for entry in fs::read_dir(&path)? {
                    pending.push(entry?.path());
                }
            }
        }
        Ok(())
    }
}

impl Account {
    /// Whether a folder with this metadata lets the account pass. Access lists beyond the mode are not looked at.
    pub fn may_pass(&self, folder: &Metadata) -> bool {
        let shift = if folder.uid() == self.uid {
            6
        } else if folder.gid() == self.gid {
            3
        } else {
            0
        };
        folder.mode() >> shift & 1 == 1
    }
}

/// There is no safe call for it in the standard library, but what we make is ours.
fn effective_uid(folder: &Path) -> Result<u32, EmbeddedError> {
    let probe = folder.join(format!(".owner-{}", std::process::id()));
    let made = fs::File::create(&probe).and_then(|file| file.metadata()).map(|metadata| metadata.uid());
    let uid = made.map_err(EmbeddedError::file("write to", folder))?;
    fs::remove_file(&probe).map_err(EmbeddedError::file("write to", folder))?;
    Ok(uid)
}

fn unprivileged(passwd: &str) -> Option<Account> {
    UNPRIVILEGED.iter().find_map(|name| accounts(passwd).find(|account| account.name == *name))
}

fn name_of(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    accounts(&passwd).find(|account| account.uid == uid).map_or_else(|| uid.to_string(), |account| account.name)
}

/// `name:password:uid:gid:…`; root under any name is left out.
fn accounts(passwd: &str) -> impl Iterator<Item = Account> + '_ {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (uid != ROOT).then(|| Account { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:n:/:/sbin/nologin\n\
                          postgres:x:101:104:P,,,:/var/lib/postgresql:/bin/bash\nbroken line\n";

    #[test]
    fn the_account_of_the_package_goes_before_nobody() {
        let account = unprivileged(PASSWD).expect("both are there");
        assert_eq!(account, Account { name: "postgres".into(), uid: 101, gid: 104 });
        let rest = PASSWD.replace("postgres:x:101", "other:x:101");
        assert_eq!(unprivileged(&rest).map(|account| account.uid), Some(65534));
    }

    #[test]
    fn root_is_never_an_unprivileged_account() {
        assert_eq!(unprivileged("nobody:x:0:0::/:/bin/sh\n"), None);
    }
}
