//! Where things stand: the data folder and its lock, the cluster, the socket, the log; and whether Postgres gets there.
//!
//! Two escapes from the data folder:
//! * A socket's path has room for 107 bytes and its setting for no commas or blanks. A longer or odder one is replaced
//!   by a folder of ours in /tmp.
//! * Root's own folders (`/root`, a `mktemp -d`) are closed to the account that Postgres runs as. Their modes are not
//!   ours to change, so the cluster then stands under [`OUTSIDE`], and `DIR/postgres` is a link to it.

use std::fs::{self, File, Permissions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::account::{Account, RunAs};
use super::error::EmbeddedError;

pub(super) const OUTSIDE: &str = "/var/lib/prefecture";
/// What the kernel has for the path of a socket, without the closing zero.
const LONGEST_SOCKET: usize = 107;
pub(super) const PORT: u16 = 5432;

#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The tables: `DIR/postgres`, or where that link points.
    pub cluster: PathBuf,
    /// The name of the cluster in the data folder; differs from `cluster` when that stands outside.
    pub link: PathBuf,
    pub socket_dir: PathBuf,
    pub log: PathBuf,
    pub run_as: RunAs,
}

impl Place {
    /// Percent-encoded, so that any path is a valid one; the folder is a parameter because asyncpg wants it so.
    pub fn url(&self, user: &str, database: &str) -> String {
        let mut url = format!("postgresql://{user}@/{database}?host=");
        for &byte in self.socket_dir.as_os_str().as_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => url.push(char::from(byte)),
                other => url.push_str(&format!("%{other:02X}")),
            }
        }
        url
    }

    /// Makes the socket's folder, which only the account of Postgres (and root) may enter: that is the whole access control.
    pub fn make_socket_dir(&self) -> Result<(), EmbeddedError> {
        let dir = &self.socket_dir;
        match fs::DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                // In /tmp anybody could have made it first: it must be a folder of ours (or root's, who may do all).
                let made = fs::symlink_metadata(dir).map_err(EmbeddedError::file("read", dir))?;
                let owner = fs::metadata(&self.cluster).map_err(EmbeddedError::file("read", &self.cluster))?.uid();
                if !made.is_dir() || (made.uid() != owner && made.uid() != 0) {
                    return Err(EmbeddedError::file("use what another user made at", dir)(error));
                }
            }
            Err(error) => return Err(EmbeddedError::file("make", dir)(error)),
        }
        let owned = self.run_as.own(dir).and_then(|()| fs::set_permissions(dir, Permissions::from_mode(0o700)));
        owned.map_err(EmbeddedError::file("close", dir))
    }

    /// The folder of the cluster and the socket; `None` when that is the data folder itself.
    pub fn outside_home(&self) -> Option<&Path> {
        if self.link == self.cluster { None } else { self.cluster.parent() }
    }
}

/// A folder's lock, until dropped.
#[derive(Debug)]
pub(super) struct Claim(File);

impl Drop for Claim {
    fn drop(&mut self) {
        // Closing is not enough: a process being started at this moment has a copy of the file until it is its own program.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock of a data folder could not be given back");
        }
    }
}

/// Makes the data folder and takes its lock.
pub(super) fn claim(data_dir: &Path) -> Result<(PathBuf, Claim), EmbeddedError> {
    if !data_dir.is_dir() {
        if let Some(parent) = data_dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(EmbeddedError::file("make", parent))?;
        }
        fs::DirBuilder::new().mode(0o700).create(data_dir).map_err(EmbeddedError::file("make", data_dir))?;
    }
    let folder = data_dir.canonicalize().map_err(EmbeddedError::file("read", data_dir))?;

    let path = folder.join("lock");
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut lock = opened.map_err(EmbeddedError::file("open", &path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(EmbeddedError::InUse { folder, pid });
        }
        Err(TryLockError::Error(error)) => return Err(EmbeddedError::file("lock", &path)(error)),
    }
    // For the message of whoever comes second.
    let note = lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id()));
    note.map_err(EmbeddedError::file("write", &path))?;
    Ok((folder, Claim(lock)))
}

/// Decides who runs Postgres and where, and opens the way to it.
pub(super) fn settle(folder: &Path, outside: &Path) -> Result<Place, EmbeddedError> {
    let link = folder.join("postgres");
    let (cluster, run_as) = match fs::symlink_metadata(&link) {
        Ok(there) => {
            let cluster = if there.is_symlink() {
                let target = fs::read_link(&link).map_err(EmbeddedError::file("read", &link))?;
                link.canonicalize().map_err(|_| EmbeddedError::Dangling { link: link.clone(), target })?
            } else {
                link.clone()
            };
            let run_as = RunAs::for_existing(folder, &cluster)?;
            if let RunAs::Account(account) = &run_as {
                let home = cluster.parent().unwrap_or(folder);
                open_way(home, account)?;
            }
            (cluster, run_as)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let run_as = RunAs::for_new(folder)?;
            let home = match &run_as {
                RunAs::Account(account) if open_way(folder, account).is_err() => home_outside(outside, account)?,
                _ => folder.to_owned(),
            };
            (home.join("postgres"), run_as)
        }
        Err(error) => return Err(EmbeddedError::file("read", &link)(error)),
    };
    let home = cluster.parent().unwrap_or(folder);
    let socket_dir = socket_dir(home);
    Ok(Place { cluster, link, socket_dir, log: folder.join("postgres.log"), run_as })
}

/// Lets the account pass through `home`; the folders above are not ours, so they must let it pass as they are.
fn open_way(home: &Path, account: &Account) -> Result<(), EmbeddedError> {
    for above in home.ancestors().skip(1) {
        let metadata = fs::metadata(above).map_err(EmbeddedError::file("read", above))?;
        if !account.may_pass(&metadata) {
            return Err(EmbeddedError::Unreachable { account: account.name.clone(), blocked: above.to_owned() });
        }
    }
    let metadata = fs::metadata(home).map_err(EmbeddedError::file("read", home))?;
    if account.may_pass(&metadata) {
        return Ok(());
    }
    // Passing is all that is given, and to the account's group alone where the folder had no use for its group.
    let mode = metadata.mode() & 0o7777;
    let (gid, mode) = if mode & 0o070 == 0 { (Some(account.gid), mode | 0o010) } else { (None, mode | 0o001) };
    chown(home, None, gid)
        .and_then(|()| fs::set_permissions(home, Permissions::from_mode(mode)))
        .map_err(EmbeddedError::file("open a way through", home))
}

/// A new folder under `outside`; the link in the data folder is the only thing that knows its name.
fn home_outside(outside: &Path, account: &Account) -> Result<PathBuf, EmbeddedError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(outside);
    made.map_err(EmbeddedError::file("make", outside))?;
    let home = outside.join(uuid::Uuid::new_v4().simple().to_string());
    fs::DirBuilder::new().mode(0o700).create(&home).map_err(EmbeddedError::file("make", &home))?;
    open_way(&home, account)?;
    Ok(home)
}

fn socket_dir(home: &Path) -> PathBuf {
    let wanted = home.join("socket");
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@".contains(byte);
    let bytes = wanted.as_os_str().as_bytes();
    if bytes.len() + format!("/.s.PGSQL.{PORT}").len() <= LONGEST_SOCKET && bytes.iter().all(plain) {
        return wanted;
    }
    // The same for the same folder, so that a later start finds it and the URL in dev.json stays true.
    let mut hasher = DefaultHasher::new();
    home.hash(&mut hasher);
    PathBuf::from(format!("/tmp/prefecture-{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_stands_in_the_folder_where_its_path_fits() {
        assert_eq!(socket_dir(Path::new("/srv/data")), Path::new("/srv/data/socket"));
        for odd in [format!("/srv/{}", "x".repeat(100)), "/srv/a, b".to_owned(), "/srv/é".to_owned()] {
            let dir = socket_dir(Path::new(&odd));
            assert!(dir.starts_with("/tmp") && dir.as_os_str().len() < 40, "{}", dir.display());
            assert_eq!(dir, socket_dir(Path::new(&odd)), "a second start must find it");
        }
        let at_limit = format!("/{}", "x".repeat(LONGEST_SOCKET - "/".len() - "/socket/.s.PGSQL.5432".len()));
        assert!(socket_dir(Path::new(&at_limit)).starts_with(&at_limit));
        assert!(socket_dir(Path::new(&format!("{at_limit}x"))).starts_with("/tmp"));
    }

    #[test]
    fn any_path_makes_a_valid_url() {
        let place = Place {
            cluster: "/d/postgres".into(),
            link: "/d/postgres".into(),
            socket_dir: "/d e/é&?".into(),
            log: "/d/postgres.log".into(),
            run_as: RunAs::Caller,
        };
        assert_eq!(place.url("u", "b"), "postgresql://u@/b?host=/d%20e/%C3%A9%26%3F");
    }
}
