//! What replicas share through Redis: the level of each bucket, and how many replicas there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redis::Script;
use uuid::Uuid;

use super::cell::{Cell, Holder};
use super::meter::Kind;
use super::quota::{Nanos, Quota};
use crate::redis::{Away, Redis};

/// How often a replica says that it lives, and after how long one that says nothing is counted no more.
const BEAT: Duration = Duration::from_secs(1);
const DEAD: Duration = Duration::from_secs(10);

/// Adds a debt, in microseconds, to a bucket that is at least as full as the caller knows it to be, and answers how full it
/// is. The clock is Redis's alone.
const SETTLE: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now + tonumber(ARGV[2]), now) + tonumber(ARGV[1])
if at > now then
    redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000) + 1000)
end
return math.ceil(at - now)
";

/// Says that a replica lives, and answers how many do.
const LIVE: &str = r"
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], 3600)
return redis.call('ZCARD', KEYS[1])
";
const REPLICAS: &str = "prefecture:replicas";

#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    redis: Redis,
    settle: Script,
    /// At the latest count; 0 before the first.
    counted: AtomicU32,
    beats: AtomicU32,
}

/// Beats for which there must have been fewer replicas.
const FEWER: u32 = 5;
/// With the third beat of a replica, every other has beaten since its first, and has counted it.
const SETTLED_IN: u32 = 3;
/// Until then it takes a lease as small as among so many.
const NEWCOMER: u32 = 1_000_000;

impl Shared {
    /// Begins to count replicas, in a task that lives as long as the runtime.
    pub fn start(redis: Redis) -> Self {
        let shared = Self(Arc::new(Inner {
            redis,
            settle: Script::new(SETTLE),
            counted: AtomicU32::new(0),
            beats: AtomicU32::new(0),
        }));
        let counting = shared.clone();
        tokio::spawn(async move { counting.count().await });
        shared
    }

    pub fn is_away(&self) -> bool {
        self.0.redis.is_away()
    }

    /// How many replicas there were at the latest count. One that never reached Redis knows of no other.
    pub fn replicas(&self) -> u32 {
        self.0.counted.load(Ordering::Relaxed).max(1)
    }

    /// Among how many what may be spent before it is settled is shared out.
    pub fn lessees(&self) -> u32 {
        match self.0.beats.load(Ordering::Relaxed) < SETTLED_IN {
            true => NEWCOMER,
            false => self.replicas(),
        }
    }

    async fn count(&self) {
        let (live, me) = (Script::new(LIVE), Uuid::new_v4().simple().to_string());
        let mut fewer = 0;
        loop {
            let mut asked = live.key(REPLICAS);
            let counted: Result<u32, Away> = self.0.redis.script(asked.arg(&me).arg(DEAD.as_secs())).await;
            if let Ok(replicas) = counted {
                // A Redis that forgot counts too few for a moment: fewer are believed when they have been fewer for long.
                fewer = if replicas < self.replicas() { fewer + 1 } else { 0 };
                if fewer == 0 || fewer > FEWER {
                    self.0.counted.store(replicas, Ordering::Relaxed);
                }
                self.0.beats.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    /// Settles `debt` tokens. `floor`: how full the bucket was without them, as far as this replica knows.
    pub async fn settle(&self, cell: &Cell, quota: Quota, debt: u64, floor: Nanos) -> Result<Nanos, Away> {
        let micros = |nanos: Nanos| nanos.div_ceil(1000);
        let mut asked = self.0.settle.key(key(cell));
        let asked = asked.arg(micros(debt * quota.each())).arg(micros(floor));
        let level: u64 = self.0.redis.script(asked).await?;
        Ok(level.saturating_mul(1000))
    }
}

/// The part in braces keeps a bucket's keys on one node of a cluster.
fn key(cell: &Cell) -> String {
    let (what, id) = match cell.holder {
        Holder::Account(id) => ("account", id),
        Holder::Workspace(id) => ("workspace", id),
        Holder::Rest(id) => ("rest", id),
        Holder::Key(id) => ("key", id),
    };
    let kind = match cell.kind {
        Kind::Requests => "requests",
        Kind::Items => "items",
    };
    format!("prefecture:limit:{{{}}}:{what}:{kind}", id.simple())
}
