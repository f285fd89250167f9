//! What replicas share through Redis: the level of each bucket, and how many replicas there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

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
/// is. The clock is Redis's alone, and may be set while it runs: what is kept is how full the bucket was and when, so that a
/// clock that is set back drains nothing for a moment, and one that is set forward drains what the caller knows better.
const SETTLE: &str = r"
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local level, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
level = level and level - math.max(now - at, 0) or 0
level = math.max(level, tonumber(ARGV[2]), 0) + tonumber(ARGV[1])
if level > 0 then
    redis.call('SET', KEYS[1], string.format('%.0f %.0f', level, now), 'PX', math.ceil(level / 1000) + 1000)
end
return math.ceil(level)
";

/// Says that a replica lives, and answers how many do. Who lives by a clock that was set back since speaks again within a
/// beat, and the dead do not.
const LIVE: &str = r"
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + tonumber(ARGV[2]), '+inf')
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
    /// Whether this replica was ready once: from then on it serves, whatever becomes of Redis.
    was_ready: AtomicBool,
    beats: Beats,
}

/// Beats for which there must have been fewer replicas.
const FEWER: u32 = 5;
/// With the third beat of a replica, every other has beaten since its first, and has counted it.
const SETTLED_IN: u32 = 3;
/// A replica that was not heard of for so long, because it stood still or Redis did not hear it, is about to be counted no
/// more by the others, and settles in anew.
const LATE: Duration = Duration::from_secs(5);
/// Until then it takes a lease as small as among so many.
const NEWCOMER: u32 = 1_000_000;
/// A replica that has begun does not wait for longer to be counted, and not for a Redis that takes nothing down.
const NEW_FOR: Duration = Duration::from_secs(15);
const MISSED: u32 = 2;

impl Shared {
    /// Begins to count replicas, in a task that lives as long as the runtime.
    pub fn start(redis: Redis) -> Self {
        let shared = Self(Arc::new(Inner {
            redis,
            settle: Script::new(SETTLE),
            counted: AtomicU32::new(0),
            was_ready: AtomicBool::new(false),
            beats: Beats::begun(Instant::now()),
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
        match self.0.beats.are_regular(Instant::now()) {
            true => self.replicas(),
            false => NEWCOMER,
        }
    }

    /// Whether this replica has just begun, and is not counted by every other: until it is, it has a lease of one token for
    /// each bucket, and of two requests at once it refuses one. Never again after it was not.
    pub fn is_new(&self) -> bool {
        if self.0.was_ready.load(Ordering::Relaxed) {
            return false;
        }
        let new = !self.is_away() && self.0.beats.are_new(Instant::now());
        self.0.was_ready.store(!new, Ordering::Relaxed);
        new
    }

    async fn count(&self) {
        let (live, me) = (Script::new(LIVE), Uuid::new_v4().simple().to_string());
        let mut fewer = 0;
        loop {
            let mut asked = live.key(REPLICAS);
            let counted: Result<u32, Away> = self.0.redis.script(asked.arg(&me).arg(DEAD.as_secs())).await;
            match counted {
                Ok(replicas) => {
                    // A Redis that forgot counts too few for a moment: fewer are believed when they have been fewer for long.
                    fewer = if replicas < self.replicas() { fewer + 1 } else { 0 };
                    if fewer == 0 || fewer > FEWER {
                        self.0.counted.store(replicas, Ordering::Relaxed);
                    }
                    self.0.beats.beat(Instant::now());
                }
                Err(Away) => self.0.beats.miss(),
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

/// What this replica said of itself in succession, never late.
struct Beats {
    begun: Instant,
    /// Milliseconds after `begun`.
    last: AtomicU64,
    count: AtomicU32,
    /// In succession, that Redis did not take down.
    missed: AtomicU32,
}

impl Beats {
    fn begun(now: Instant) -> Self {
        Self { begun: now, last: AtomicU64::new(0), count: AtomicU32::new(0), missed: AtomicU32::new(0) }
    }

    fn beat(&self, now: Instant) {
        if self.is_late(now) {
            self.count.store(0, Ordering::Relaxed);
        }
        self.last.store(self.millis(now), Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.missed.store(0, Ordering::Relaxed);
    }

    fn miss(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the others count this replica, for certain.
    fn are_regular(&self, now: Instant) -> bool {
        self.count.load(Ordering::Relaxed) >= SETTLED_IN && !self.is_late(now)
    }

    /// Only ever after the begin: one that stood still serves meanwhile.
    fn are_new(&self, now: Instant) -> bool {
        let waits = now.saturating_duration_since(self.begun) < NEW_FOR && self.missed.load(Ordering::Relaxed) < MISSED;
        !self.are_regular(now) && waits
    }

    fn is_late(&self, now: Instant) -> bool {
        self.millis(now) > self.last.load(Ordering::Relaxed) + LATE.as_millis() as u64
    }

    /// 584 million years.
    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_millis() as u64
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_stood_still_settles_in_anew() {
        let now = Instant::now();
        let beats = Beats::begun(now);
        let at = |seconds: u32| now + BEAT * seconds;
        for (second, regular) in [(0, false), (1, false), (2, true), (3, true)] {
            beats.beat(at(second));
            assert_eq!(beats.are_regular(at(second)), regular, "{second}");
            assert_eq!(beats.are_new(at(second)), !regular, "{second}");
        }
        assert!(beats.are_regular(at(8)));
        assert!(!beats.are_regular(at(9)), "before it has beaten again");
        for (second, regular) in [(33, false), (34, false), (35, true)] {
            beats.beat(at(second));
            assert_eq!(beats.are_regular(at(second)), regular, "{second}");
            assert!(!beats.are_new(at(second)), "{second}: it serves meanwhile");
        }
    }

    #[test]
    fn a_replica_that_nobody_counts_is_not_new_for_ever() {
        let now = Instant::now();
        let beats = Beats::begun(now);
        assert!(beats.are_new(now + BEAT));
        assert!(!beats.are_new(now + NEW_FOR));
        beats.miss();
        assert!(beats.are_new(now + BEAT));
        beats.miss();
        assert!(!beats.are_new(now + BEAT), "Redis takes nothing down");
    }
}
