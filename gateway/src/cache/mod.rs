//! Answers kept for a while: what changes by hand and is read often.
//!
//! Answers stand on shelves, one for each workspace and kind ([`key::Shelf`]). A shelf has a version; an answer counts only
//! under the version that held when its reader began, before it asked the database. A commit that changes the kind closes
//! the shelf before `COMMIT` and opens it under a new version after, before the writer is answered
//! ([`tenant_store::commits`]). So whoever reads after a write that was answered finds its version gone, and with it all
//! that was read before; what a slow reader brings late is filed under a version that counts no more.
//!
//! A version lives [`CacheSettings::life`] at most and is never prolonged: that bounds what a lost message can do.
//!
//! Versions stand in this process ([`versions`]), which is right for one replica, or in Redis ([`shared`]) for all of them.

mod key;
mod shared;
mod versions;
mod withheld;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::kinds::{Kind, Kinds};
use foldhash::fast::RandomState;
use futures_util::FutureExt;
use moka::future;
use tenant_store::commits::{Listener, Space, Told};

use crate::config::CacheSettings;
use crate::kit::ETag;
use crate::redis::{Away, Redis};

pub use key::{Key, Shelf};
use shared::Shared;
use versions::Versions;

/// What was filed under one version of a shelf counts only as long as the version does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(u64);

/// How long a shelf stays closed when nobody opens it: longer than an abandoned transaction may take to end.
const CLOSED_FOR: Duration = Duration::from_secs(6);

/// What a key opens is known for as long as a verified key is, and no longer: the operator's shell changes it too, and
/// tells nobody.
const CONTROL_LIFE: Duration = Duration::from_secs(1);

/// Bytes that an entry takes beside its body, about.
const OVERHEAD: usize = 250;

/// An answer that is kept: 200, JSON.
#[derive(Clone, Debug)]
pub struct Entry {
    pub tag: ETag,
    pub body: Bytes,
}

impl Entry {
    pub fn new(body: Bytes) -> Self {
        Self { tag: ETag::of(&[&body]), body }
    }
}

/// What is known of a key.
#[derive(Debug)]
pub enum Look {
    Hit(Entry),
    /// To be filed under this version once it was read.
    Miss(Version),
    /// Something is being written: to be read, and not to be kept.
    Closed,
    /// Nobody says which version counts: to be read, and not to be kept.
    Away,
    Off,
}

/// What came of a miss.
#[derive(Debug)]
pub enum Filled {
    Own(Entry),
    /// What another replica has read.
    Known(Entry),
    /// What another request was reading already.
    Shared(Entry),
}

/// Not to be kept.
#[derive(Debug)]
pub struct NotKept;

/// Where versions stand.
enum Shelves {
    Own(Versions),
    Shared(Arc<Shared>),
}

pub struct Cache {
    settings: CacheSettings,
    /// The kinds of which an operation may answer from here.
    kinds: Kinds,
    shelves: Shelves,
    entries: future::Cache<(Key, Version), Entry, RandomState>,
}

impl Cache {
    /// For the answers of these kinds. With a Redis all replicas that share it are right; without one, one is.
    pub fn new(settings: &CacheSettings, kinds: Kinds, redis: Option<Redis>) -> Self {
        let entries = future::Cache::builder()
            .weigher(|_, entry: &Entry| u32::try_from(entry.body.len() + OVERHEAD).unwrap_or(u32::MAX))
            .max_capacity(settings.memory)
            .time_to_live(settings.life)
            .build_with_hasher(RandomState::default());
        let shelves = match redis {
            Some(redis) => Shelves::Shared(Arc::new(Shared::new(redis, settings.shelf))),
            None => Shelves::Own(Versions::default()),
        };
        // One that keeps nothing still tells the others of what is written here.
        let kinds = if settings.memory == 0 && matches!(shelves, Shelves::Own(_)) { Kinds::NONE } else { kinds };
        Self { settings: settings.clone(), kinds, shelves, entries }
    }

    pub async fn look(&self, key: &Key) -> Look {
        if self.settings.memory == 0 || !self.kinds.contains(key.shelf.kind) {
            return Look::Off;
        }
        let life = self.life(key.shelf.kind);
        let version = match &self.shelves {
            Shelves::Own(versions) => Ok(versions.current(key.shelf, life, Instant::now())),
            // Boxed: it waits for Redis, and every request passes here.
            Shelves::Shared(shared) => Box::pin(shared.current(key.shelf, life)).await,
        };
        let version = match version {
            Ok(Some(version)) => version,
            Ok(None) => return Look::Closed,
            Err(Away) => return Look::Away,
        };
        // A look that would have to wait is none: whoever fills finds what is there.
        match self.entries.get(&(*key, version)).now_or_never().flatten() {
            Some(entry) => Look::Hit(entry),
            None => Look::Miss(version),
        }
    }

    /// The entry of a key that was missed, read by one of all that miss it.
    pub async fn fill(
        &self,
        key: &Key,
        version: Version,
        read: impl Future<Output = Result<Entry, NotKept>>,
    ) -> Result<Filled, Arc<NotKept>> {
        let mut from = Filled::Shared as fn(Entry) -> Filled;
        let reading = async {
            if let Some(body) = self.known(key, version).await {
                from = Filled::Known;
                return Ok(Entry::new(body));
            }
            from = Filled::Own;
            let entry = read.await?;
            if entry.body.len() > self.settings.entry {
                return Err(NotKept);
            }
            self.tell_others(key, version, &entry);
            Ok(entry)
        };
        self.entries.try_get_with((*key, version), reading).await.map(from)
    }

    async fn known(&self, key: &Key, version: Version) -> Option<Bytes> {
        match &self.shelves {
            Shelves::Own(_) => None,
            Shelves::Shared(shared) => shared.read(key, version).await.ok().flatten(),
        }
    }

    /// Nobody waits for it.
    fn tell_others(&self, key: &Key, version: Version, entry: &Entry) {
        if let Shelves::Shared(shared) = &self.shelves {
            let (shared, key, body) = (shared.clone(), *key, entry.body.clone());
            tokio::spawn(async move { shared.keep(&key, version, &body).await });
        }
    }

    /// Largest body that is kept, in bytes.
    pub fn largest(&self) -> usize {
        self.settings.entry
    }

    fn life(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Control => self.settings.life.min(CONTROL_LIFE),
            _ => self.settings.life,
        }
    }
}

impl Listener for Cache {
    fn kinds(&self) -> Kinds {
        self.kinds
    }

    fn before(&self, space: Space, kinds: Kinds) -> Told<'_> {
        Box::pin(async move {
            for shelf in kinds.iter().map(|kind| Shelf { space, kind }) {
                match &self.shelves {
                    Shelves::Own(versions) => versions.close(shelf, Instant::now()),
                    // What to do about it is `after`'s, or the next reader's.
                    Shelves::Shared(shared) => drop(shared.close(shelf).await),
                }
            }
        })
    }

    fn after(&self, space: Space, kinds: Kinds) -> Told<'_> {
        Box::pin(async move {
            for shelf in kinds.iter().map(|kind| Shelf { space, kind }) {
                match &self.shelves {
                    Shelves::Own(versions) => versions.open(shelf),
                    // This writer has waited for Redis once already, and need not again.
                    Shelves::Shared(shared) if shared.is_withheld(shelf) => {
                        let shared = shared.clone();
                        tokio::spawn(async move { shared.open(shelf).await });
                    }
                    Shelves::Shared(shared) => drop(shared.open(shelf).await),
                }
            }
        })
    }
}
