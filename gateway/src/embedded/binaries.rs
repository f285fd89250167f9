//! Finds Postgres on the machine: the newest that is new enough, or the one that fits the data that is already there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::error::EmbeddedError;

/// The oldest major version that the server works on.
pub(super) const OLDEST_MAJOR: u32 = 15;
/// Names the folder of the programs, and then no other is looked at.
pub(super) const PG_BIN: &str = "PREFECTURE_PG_BIN";

/// What is run; a folder without one of them is no installation.
const PROGRAMS: &[&str] = &["postgres", "initdb", "pg_ctl"];

/// Folders that hold one version each, as (parent, beginning of the version's folder, way from there to the programs).
const VERSIONED: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];
const FIXED: &[&str] = &["/usr/local/pgsql/bin", "/usr/libexec/postgresql"];

/// The programs of one installed Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub dir: PathBuf,
    pub major: u32,
}

impl Binaries {
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// `wanted` is the major version of the data in `cluster`, if there is any.
pub(super) async fn find(wanted: Option<u32>, cluster: &Path) -> Result<Binaries, EmbeddedError> {
    let found = match std::env::var_os(PG_BIN) {
        Some(dir) if !dir.is_empty() => vec![named(PathBuf::from(dir)).await?],
        _ => installed(candidates(std::env::var_os("PATH").as_deref())).await,
    };
    choose(found, wanted, cluster)
}

/// The newest that will do; the first among equals, so that PATH goes before the system's folders.
fn choose(found: Vec<Binaries>, wanted: Option<u32>, cluster: &Path) -> Result<Binaries, EmbeddedError> {
    let majors: BTreeSet<u32> = found.iter().map(|binaries| binaries.major).collect();
    let mut best: Option<Binaries> = None;
    for binaries in found {
        let fits = wanted.map_or(binaries.major >= OLDEST_MAJOR, |major| binaries.major == major);
        if fits && best.as_ref().is_none_or(|best| best.major < binaries.major) {
            best = Some(binaries);
        }
    }
    if let Some(best) = best {
        return Ok(best);
    }
    match wanted {
        Some(data) if !majors.is_empty() => {
            let found = majors.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            Err(EmbeddedError::OtherMajor { cluster: cluster.to_owned(), data, found })
        }
        _ => Err(EmbeddedError::NotInstalled { older: majors.last().copied() }),
    }
}

/// The folder the user named: what is wrong with it is an error, not a reason to look elsewhere.
async fn named(dir: PathBuf) -> Result<Binaries, EmbeddedError> {
    let bad = |reason: String| EmbeddedError::BadBinaries { dir: dir.clone(), reason };
    if let Some(missing) = PROGRAMS.iter().find(|program| !dir.join(program).is_file()) {
        return Err(bad(format!("`{missing}` is not there")));
    }
    let major = major_of(&dir).await.ok_or_else(|| bad("`postgres --version` does not answer".into()))?;
    if major < OLDEST_MAJOR {
        return Err(bad(format!("it is Postgres {major}, and {OLDEST_MAJOR} is the oldest that will do")));
    }
    Ok(Binaries { dir, major })
}

async fn installed(candidates: Vec<PathBuf>) -> Vec<Binaries> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for dir in candidates {
        let Some(dir) = home_of(&dir) else { continue };
        if !seen.insert(dir.clone()) {
            continue;
        }
        if let Some(major) = major_of(&dir).await {
            found.push(Binaries { dir, major });
        }
    }
    found
}

/// Where the programs of `dir` really are: on PATH they are often links, one by one, and Postgres looks for its other
/// programs beside itself.
fn home_of(dir: &Path) -> Option<PathBuf> {
    let complete = |dir: &Path| PROGRAMS.iter().all(|program| dir.join(program).is_file());
    if !complete(dir) {
        return None;
    }
    let real = dir.join("postgres").canonicalize().ok()?;
    Some(real.parent().filter(|real| complete(real)).unwrap_or(dir).to_owned())
}

fn candidates(path: Option<&OsStr>) -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
    for (parent, beginning, rest) in VERSIONED {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(beginning) {
                dirs.push(entry.path().join(rest));
            }
        }
    }
    dirs.extend(FIXED.iter().map(PathBuf::from));
    dirs
}

async fn major_of(dir: &Path) -> Option<u32> {
    let output = Command::new(dir.join("postgres")).arg("--version").output().await.ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// From `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` or `… 18beta1`.
fn parse_major(version: &str) -> Option<u32> {
    let word = version.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let digits = word.find(|c: char| !c.is_ascii_digit()).map_or(word, |end| &word[..end]);
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> Vec<Binaries> {
        majors.iter().map(|&major| Binaries { dir: PathBuf::from(format!("/pg/{major}")), major }).collect()
    }

    #[test]
    fn versions_are_read_as_postgres_prints_them() {
        for (text, major) in [
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres (PostgreSQL) 17", Some(17)),
            ("postgres (PostgreSQL)", None),
            ("", None),
        ] {
            assert_eq!(parse_major(text), major, "{text:?}");
        }
    }

    #[test]
    fn the_newest_is_taken_for_new_data_and_the_same_for_old() {
        let at = Path::new("/data/postgres");
        let newest = choose(installed(&[14, 16, 15]), None, at).expect("16 is new enough");
        assert_eq!(newest.major, 16);
        let same = choose(installed(&[15, 16]), Some(15), at).expect("15 is there");
        assert_eq!(same.major, 15);
    }

    #[test]
    fn what_is_missing_is_said_with_its_cure() {
        let at = Path::new("/data/postgres");
        let none = choose(installed(&[]), None, at).expect_err("nothing is installed").to_string();
        assert!(none.contains("apt-get install -y postgresql"), "{none}");
        let old = choose(installed(&[13]), None, at).expect_err("13 is too old").to_string();
        assert!(old.contains("newest found is 13"), "{old}");
        let other = choose(installed(&[16, 17]), Some(15), at).expect_err("the data is 15's").to_string();
        assert!(other.contains("postgresql-15") && other.contains("found: 16, 17"), "{other}");
        let gone = choose(installed(&[]), Some(15), at).expect_err("nothing is installed").to_string();
        assert!(gone.contains("apt-get install"), "{gone}");
    }
}
