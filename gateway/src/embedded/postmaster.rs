//! The running Postgres: started or adopted, watched, stopped.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::binaries::Binaries;
use super::error::EmbeddedError;
use super::pid_file::{PidFile, Process};
use super::place::{PORT, Place};

/// Postgres tells nobody when it is ready or gone but in its own file, so these ask again and again.
const ASK_READY_EVERY: Duration = Duration::from_millis(5);
const ASK_ALIVE_EVERY: Duration = Duration::from_millis(100);
/// Recovery after a crash reads the log since the last checkpoint, which on a slow disk takes its time.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// A postmaster that another program left behind is about to be ready, or about to be gone.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const FAST_STOP_WITHIN: Duration = Duration::from_secs(30);
const IMMEDIATE_STOP_WITHIN: Duration = Duration::from_secs(10);

const LARGEST_LOG: u64 = 32 << 20;
const TAIL: u64 = 4 << 10;

#[derive(Debug)]
pub(super) enum Postmaster {
    Child(Child),
    /// Left by a program that was killed, so it is no child of ours and can only be looked at.
    Adopted {
        pid: u32,
        socket: PathBuf,
    },
}

impl Postmaster {
    /// Takes over a live Postgres on this cluster, and then `place` knows where its socket really is.
    pub async fn adopt(place: &mut Place) -> Result<Option<Postmaster>, EmbeddedError> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let Some(file) = PidFile::read(&place.cluster)? else { return Ok(None) };
            let process = Process::look(file.pid);
            match process {
                Process::Gone => return Ok(None),
                // The number lives on under another name, which Postgres would take for itself and refuse to start.
                Process::Other => {
                    let stale = PidFile::path(&place.cluster);
                    fs::remove_file(&stale).map_err(EmbeddedError::file("remove", &stale))?;
                    return Ok(None);
                }
                Process::Postgres | Process::Unknown => {}
            }
            if let (true, Some(socket), Some(socket_dir)) = (file.ready, file.socket(), &file.socket_dir)
                && answers(&socket).await
            {
                place.socket_dir = socket_dir.clone();
                return Ok(Some(Postmaster::Adopted { pid: file.pid, socket }));
            }
            if process == Process::Unknown {
                return Ok(None);
            }
            if Instant::now() > deadline {
                return Err(EmbeddedError::Unresponsive { cluster: place.cluster.clone(), pid: file.pid });
            }
            sleep(ASK_READY_EVERY).await;
        }
    }

    /// Starts Postgres and returns when it accepts connections.
    pub async fn launch(place: &Place, binaries: &Binaries) -> Result<Postmaster, EmbeddedError> {
        place.make_socket_dir()?;
        let (log, already_said) = open_log(place)?;
        let also_log = log.try_clone().map_err(EmbeddedError::file("open", &place.log))?;
        let mut command = place.run_as.command(&binaries.program("postgres"));
        command.arg("-D").arg(&place.cluster).arg("-k").arg(&place.socket_dir).args(["-p", &PORT.to_string()]);
        command.stdin(Stdio::null()).stdout(log).stderr(also_log);
        // A Ctrl-C in the terminal is for us alone: requests are drained first, then Postgres is stopped.
        command.process_group(0);

        let failed =
            |how: String| EmbeddedError::DidNotStart { how, log: place.log.clone(), said: tail(place, already_said) };
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let ended = child.try_wait().map_err(|error| failed(error.to_string()))?;
            if let Some(status) = ended {
                return Err(failed(status.to_string()));
            }
            let ready = PidFile::read(&place.cluster)?.is_some_and(|file| file.ready && Some(file.pid) == child.id());
            if ready {
                return Ok(Postmaster::Child(child));
            }
            if Instant::now() > deadline {
                return Err(failed(format!("not ready after {} s", READY_WITHIN.as_secs())));
            }
            sleep(ASK_READY_EVERY).await;
        }
    }

    /// Returns when Postgres is no more, with how it ended. Safe to drop and call again.
    pub async fn ended(&mut self) -> String {
        match self {
            Postmaster::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            Postmaster::Adopted { pid, socket } => loop {
                let alive = match Process::look(*pid) {
                    Process::Postgres => true,
                    Process::Other | Process::Gone => false,
                    Process::Unknown => answers(socket).await,
                };
                if !alive {
                    return "gone".to_owned();
                }
                sleep(ASK_ALIVE_EVERY).await;
            },
        }
    }

    /// Ends sessions, writes everything to disk, returns when Postgres is gone.
    pub async fn stop(mut self, place: &Place, binaries: &Binaries) -> Result<(), EmbeddedError> {
        signal(place, binaries, "fast").await?;
        if timeout(FAST_STOP_WITHIN, self.ended()).await.is_ok() {
            // Empty now; one in /tmp would be litter. What still stands in it keeps it.
            let _ = fs::remove_dir(&place.socket_dir);
            return Ok(());
        }
        tracing::warn!("postgres did not stop in time, stopping it at once; the next start will recover");
        signal(place, binaries, "immediate").await?;
        match timeout(IMMEDIATE_STOP_WITHIN, self.ended()).await {
            Ok(_) => Ok(()),
            Err(_) => {
                let pid = PidFile::read(&place.cluster)?.map_or(0, |file| file.pid);
                Err(EmbeddedError::Unresponsive { cluster: place.cluster.clone(), pid })
            }
        }
    }
}

async fn answers(socket: &Path) -> bool {
    UnixStream::connect(socket).await.is_ok()
}

/// Whether a start failed for a reason that passes by itself.
pub(super) fn held_by_orphans(said: &str) -> bool {
    said.contains("pre-existing shared memory block")
}

/// `pg_ctl` sends the signal, since it may do so under the account of Postgres; it does not wait, we do.
async fn signal(place: &Place, binaries: &Binaries, mode: &str) -> Result<(), EmbeddedError> {
    let mut command = place.run_as.command(&binaries.program("pg_ctl"));
    command.args(["stop", "-s", "-W", "-m", mode, "-D"]).arg(&place.cluster).stdin(Stdio::null());
    let output = command.output().await;
    let failed = |how: String, said: String| EmbeddedError::Program { program: "pg_ctl stop", how, said };
    let output = output.map_err(|error| failed(error.to_string(), String::new()))?;
    // Gone already is what was wanted.
    if output.status.success() || PidFile::read(&place.cluster)?.is_none() {
        return Ok(());
    }
    Err(failed(output.status.to_string(), String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// Opened by us and handed over, so it may stand where Postgres itself cannot go. One older log is kept.
fn open_log(place: &Place) -> Result<(File, u64), EmbeddedError> {
    let size = fs::metadata(&place.log).map_or(0, |metadata| metadata.len());
    if size > LARGEST_LOG {
        fs::rename(&place.log, place.log.with_extension("log.1")).map_err(EmbeddedError::file("rename", &place.log))?;
    }
    let log = File::options().create(true).append(true).open(&place.log);
    let log = log.map_err(EmbeddedError::file("open", &place.log))?;
    let already = log.metadata().map_or(0, |metadata| metadata.len());
    Ok((log, already))
}

/// The end of what was logged since `from`.
fn tail(place: &Place, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(&place.log)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(size.saturating_sub(TAIL))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_default()
}
