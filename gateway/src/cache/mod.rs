//! Answers kept for a while: what changes by hand and is read often.
//!
//! Answers stand on shelves, one for each workspace and kind ([`key::Shelf`]). A shelf has a version; an answer counts only
//! under the version that held when its reader began, before it asked the database. A commit that changes the kind closes
//! the shelf before `COMMIT` and opens it under a new version after, before the writer is answered
//! ([`tenant_store::commits`]). So whoever reads after a write that was answered finds its version gone, and with it all
//! that was read before; what a slow reader brings late is filed under a version that counts no more.
//!
//! A version lives [`CacheSettings::life`] at most and is never prolonged: that bounds what a lost message can do.

mod key;
mod versions;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::kinds::{Kind, Kinds};
use moka::future;
use tenant_store::commits::{Listener, Space, Told};

use crate::config::CacheSettings;
use crate::kit::ETag;

pub use key::{Key, Shelf};
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
    /// Read, and not to be kept: something is being written.
    Closed,
    Off,
}

/// What came of a miss.
#[derive(Debug)]
pub enum Filled {
    Own(Entry),
    /// What another request was reading already.
    Shared(Entry),
}

/// Not to be kept.
#[derive(Debug)]
pub struct NotKept;

pub struct Cache {
    settings: CacheSettings,
    /// The kinds of which an operation may answer from here.
    kinds: Kinds,
    versions: Versions,
    entries: future::Cache<(Key, Version), Entry>,
}

impl Cache {
    pub fn new(settings: &CacheSettings, kinds: Kinds) -> Self {
        let entries = future::Cache::builder()
            .weigher(|_, entry: &Entry| u32::try_from(entry.body.len() + OVERHEAD).unwrap_or(u32::MAX))
            .max_capacity(settings.memory)
            .time_to_live(settings.life)
            .build();
        let kinds = if settings.memory == 0 { Kinds::NONE } else { kinds };
        Self { settings: settings.clone(), kinds, versions: Versions::default(), entries }
    }

    pub async fn look(&self, key: &Key) -> Look {
        if !self.kinds.contains(key.shelf.kind) {
            return Look::Off;
        }
        let life = self.life(key.shelf.kind);
        let Some(version) = self.versions.current(key.shelf, life, Instant::now()) else { return Look::Closed };
        match self.entries.get(&(*key, version)).await {
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
        let mut own = false;
        let reading = async {
            own = true;
            read.await.and_then(|entry| if entry.body.len() <= self.settings.entry { Ok(entry) } else { Err(NotKept) })
        };
        let entry = self.entries.try_get_with((*key, version), reading).await?;
        Ok(if own { Filled::Own(entry) } else { Filled::Shared(entry) })
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
            for kind in kinds.iter() {
                self.versions.close(Shelf { space, kind }, Instant::now());
            }
        })
    }

    fn after(&self, space: Space, kinds: Kinds) -> Told<'_> {
        Box::pin(async move {
            for kind in kinds.iter() {
                self.versions.open(Shelf { space, kind });
            }
        })
    }
}
