//! Shelves in Redis, which all replicas share: one hash each, with its version, its size and its answers.
//!
//! ```text
//! prefecture:{workspace}:flows → v  the version; 0 while closed      name → tag and body of an answer
//!                                b  bytes of the answers
//!                                t  when the version began, in seconds of Redis's clock
//! ```
//!
//! A hash ends as a whole, a life after its version began, whatever is put into it later: a fill that comes late, as a
//! command that timed out may, is refused when its version is gone, and ends with it when not.
//!
//! Each hit asks for the version, and the answer itself is taken from this process where it is here under that version: a
//! copy that was not asked about could be older than the last write. Asking costs one short command; not asking would take
//! a promise of every replica, before every write, to use its copy no more.
//!
//! A shelf that a writer here could not tell of its write is withheld: nobody here uses it until it was told. Other replicas
//! may, for the life of its version.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use redis::{Script, cmd};
use tenant_store::commits::Space;

use super::key::{Key, Shelf};
use super::withheld::Withheld;
use super::{CLOSED_FOR, Version};
use crate::redis::{Away, Redis};

/// What an answer takes beside its body, about.
const OVERHEAD: usize = 100;

static BEGIN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local v = redis.call('HGET', KEYS[1], 'v')
        if v then return v end
        redis.call('HSET', KEYS[1], 'v', ARGV[1], 't', redis.call('TIME')[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return ARGV[1]",
    )
});

/// A clock that was set back lets a hash live on, with answers that are older than they look: it ends here.
static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local known = redis.call('HMGET', KEYS[1], 'v', 't', ARGV[2])
        if known[1] ~= ARGV[1] then return end
        local begun = known[2] and tonumber(known[2]) or math.huge
        if tonumber(redis.call('TIME')[1]) < begun then
            redis.call('UNLINK', KEYS[1])
            return
        end
        return known[3]",
    )
});

static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return end
        local size = (redis.call('HGET', KEYS[1], 'b') or 0) + ARGV[4]
        if size <= tonumber(ARGV[5]) then redis.call('HSET', KEYS[1], ARGV[2], ARGV[3], 'b', size) end",
    )
});

static CLOSE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('UNLINK', KEYS[1])
        redis.call('HSET', KEYS[1], 'v', 0)
        redis.call('PEXPIRE', KEYS[1], ARGV[1])",
    )
});

pub struct Shared {
    redis: Redis,
    withheld: Withheld,
    /// Bytes of answers on one shelf at most.
    shelf: u64,
}

impl Shared {
    pub fn new(redis: Redis, shelf: u64) -> Self {
        Self { redis, withheld: Withheld::default(), shelf }
    }

    /// The version that counts now; `None` while the shelf is closed.
    pub async fn current(&self, shelf: Shelf, life: Duration) -> Result<Option<Version>, Away> {
        if self.is_withheld(shelf) {
            self.open(shelf).await?;
        }
        let name = name(shelf);
        let known: Option<u64> = self.redis.command(cmd("HGET").arg(&name).arg("v")).await?;
        let version = match known {
            Some(version) => version,
            None => {
                // Odd, so never 0; and as good as never given twice.
                let fresh = rand::random::<u64>() | 1;
                let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
                self.redis.script(BEGIN.key(&name).arg(fresh).arg(life)).await?
            }
        };
        Ok((version != 0).then_some(Version(version)))
    }

    /// The body that some replica has read under this version.
    pub async fn read(&self, key: &Key, version: Version) -> Result<Option<Bytes>, Away> {
        let body: Option<Vec<u8>> =
            self.redis.script(READ.key(name(key.shelf)).arg(version.0).arg(&key.name[..])).await?;
        Ok(body.map(Bytes::from))
    }

    /// Keeps a body for the other replicas, if its version still counts and the shelf has room.
    pub async fn keep(&self, key: &Key, version: Version, body: &Bytes) -> Result<(), Away> {
        let (name, size) = (name(key.shelf), body.len() + OVERHEAD);
        self.redis
            .script(KEEP.key(name).arg(version.0).arg(&key.name[..]).arg(&body[..]).arg(size).arg(self.shelf))
            .await
    }

    pub async fn close(&self, shelf: Shelf) -> Result<(), Away> {
        let time = u64::try_from(CLOSED_FOR.as_millis()).unwrap_or(u64::MAX);
        let told = self.redis.script(CLOSE.key(name(shelf)).arg(time)).await;
        told.inspect_err(|_| self.withheld.put(shelf, Instant::now()))
    }

    pub async fn open(&self, shelf: Shelf) -> Result<(), Away> {
        let told = self.redis.command(cmd("UNLINK").arg(name(shelf))).await;
        match told {
            Ok(()) => self.withheld.remove(shelf),
            Err(Away) => self.withheld.put(shelf, Instant::now()),
        }
        told
    }

    /// Whether a writer could not tell the shelf of its write.
    pub fn is_withheld(&self, shelf: Shelf) -> bool {
        self.withheld.contains(shelf, Instant::now())
    }
}

/// With a hash tag, so that in a cluster what is asked together is found together.
fn name(shelf: Shelf) -> String {
    match shelf.space {
        Space::Workspace(workspace) => format!("prefecture:{{{}}}:{}", workspace.0, shelf.kind.as_str()),
        Space::Control => format!("prefecture:{{control}}:{}", shelf.kind.as_str()),
    }
}
