//! The private Postgres of `prefecture dev`: found on the machine, made under the data folder, started, watched, stopped.
//!
//! Promises:
//! * One program at a time uses a data folder (a file lock), and nothing outside it is touched, but for the two
//!   escapes that `place` explains: a socket path that would be too long, and a folder that root alone can reach.
//! * Nobody but the user who runs it can connect: no TCP, and the socket stands in a folder of mode 0700.
//! * What was committed survives `kill -9` of this program and of Postgres. A Postgres that is still alive after this
//!   program was killed is taken over by the next start; one that dies is started again while this program runs.
//! * Run as root, Postgres itself runs as `postgres` or `nobody`, since it refuses to be root.
//! * Every error says what to do about it.

mod account;
mod binaries;
mod cluster;
mod error;
mod pid_file;
mod place;
mod postmaster;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub use error::EmbeddedError;

use binaries::Binaries;
use place::Place;
use postmaster::Postmaster;

/// How long a start may wait for the backends of a killed Postgres to notice that it is gone.
const ORPHANS_LEAVE_WITHIN: Duration = Duration::from_secs(15);
/// Pauses between attempts to bring a dead Postgres back: the first, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How this start came by its Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The cluster was made by this start; it is empty.
    Created,
    /// The cluster was there and was started.
    Started,
    /// A Postgres that an earlier program left running was taken over.
    Adopted,
}

/// A running private Postgres. Dropped without [`Embedded::stop`], Postgres is asked to stop in the background while
/// the runtime lives, and otherwise stays for the next start to adopt.
#[derive(Debug)]
pub struct Embedded {
    origin: Origin,
    major: u32,
    place: Place,
    stop: oneshot::Sender<()>,
    supervisor: JoinHandle<Result<(), EmbeddedError>>,
    // Held for its life: the lock of the data folder, and of the cluster's where that is another.
    _locks: Vec<place::Claim>,
}

impl Embedded {
    /// Starts the Postgres of `data_dir`, which is made when missing. Returns when it accepts connections.
    pub async fn start(data_dir: &Path) -> Result<Embedded, EmbeddedError> {
        Self::start_with(data_dir, Path::new(place::OUTSIDE)).await
    }

    /// `outside` is where the cluster goes when the account of Postgres cannot reach `data_dir`.
    async fn start_with(data_dir: &Path, outside: &Path) -> Result<Embedded, EmbeddedError> {
        let (folder, lock) = place::claim(data_dir)?;
        let mut locks = vec![lock];
        let mut place = place::settle(&folder, outside)?;
        if let Some(home) = place.outside_home() {
            // A copy of the data folder has the same link in it.
            locks.push(place::claim(home)?.1);
        }
        let binaries = binaries::find(cluster::major_of(&place.cluster)?, &place.cluster).await?;
        let created = cluster::create_if_missing(&place, &binaries).await?;
        cluster::write_settings(&place)?;

        let (origin, postmaster) = match Postmaster::adopt(&mut place).await? {
            Some(live) => (Origin::Adopted, live),
            None => {
                let fresh = launch_after_orphans(&place, &binaries).await?;
                (if created { Origin::Created } else { Origin::Started }, fresh)
            }
        };
        tracing::debug!(?origin, major = binaries.major, cluster = %place.cluster.display(), "private postgres is ready");

        let major = binaries.major;
        let (stop, stopped) = oneshot::channel();
        let supervisor = tokio::spawn(supervise(place.clone(), binaries, postmaster, stopped));
        Ok(Embedded { origin, major, place, stop, supervisor, _locks: locks })
    }

    /// The owner of the database `prefecture`, who may create schemas and roles but is no superuser. A URL that
    /// tokio-postgres, psql, psycopg and asyncpg read alike.
    pub fn database_url(&self) -> String {
        self.place.url(cluster::OWNER, cluster::DATABASE)
    }

    /// The same database for another login, like the one that serves requests once it has been made.
    pub fn url_for(&self, login: &str) -> String {
        self.place.url(login, cluster::DATABASE)
    }

    /// The superuser of the cluster, on the same database: for what an owner may not do.
    pub fn superuser_url(&self) -> String {
        self.place.url(cluster::SUPERUSER, cluster::DATABASE)
    }

    /// How this start came by its Postgres.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The major version of Postgres.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Where the tables really are: inside the data folder, except when Postgres cannot reach it.
    pub fn cluster_dir(&self) -> &Path {
        &self.place.cluster
    }

    /// Where Postgres writes what goes wrong.
    pub fn log_file(&self) -> &Path {
        &self.place.log
    }

    /// Stops Postgres: sessions are ended, everything is on disk when this returns.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        // The other end is gone only when the supervisor has ended, and then its result says why.
        let _ = self.stop.send(());
        self.supervisor.await.map_err(|error| EmbeddedError::Supervisor { reason: error.to_string() })?
    }
}

/// Backends outlive a killed postmaster by a moment and hold its shared memory; until they are gone a start is refused.
async fn launch_after_orphans(place: &Place, binaries: &Binaries) -> Result<Postmaster, EmbeddedError> {
    let deadline = Instant::now() + ORPHANS_LEAVE_WITHIN;
    let mut pause = FIRST_PAUSE;
    loop {
        match Postmaster::launch(place, binaries).await {
            Err(EmbeddedError::DidNotStart { said, .. })
                if postmaster::held_by_orphans(&said) && Instant::now() < deadline => {}
            other => return other,
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Keeps Postgres alive until told to stop it.
async fn supervise(
    place: Place,
    binaries: Binaries,
    mut postmaster: Postmaster,
    mut stop: oneshot::Receiver<()>,
) -> Result<(), EmbeddedError> {
    loop {
        tokio::select! {
            _ = &mut stop => return postmaster.stop(&place, &binaries).await,
            how = postmaster.ended() => tracing::warn!(how, log = %place.log.display(), "postgres ended, starting it again"),
        }
        let mut pause = FIRST_PAUSE;
        postmaster = loop {
            match Postmaster::launch(&place, &binaries).await {
                Ok(fresh) => break fresh,
                // The folder was removed under our feet: there is nothing to come back to.
                Err(error) if !place.cluster.exists() => return Err(error),
                Err(error) => tracing::warn!(%error, "postgres did not come back, trying again"),
            }
            tokio::select! {
                _ = &mut stop => return Ok(()),
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        };
        tracing::info!("postgres is back");
    }
}
