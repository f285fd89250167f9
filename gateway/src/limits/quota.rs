//! The arithmetic of a limit (GCRA). Pure: times are nanoseconds of one monotonic clock, given as a parameter.
//!
//! A bucket is one number, the time at which it would be empty again. What is taken moves it on; a taking is refused when it
//! would move further ahead of now than the burst allows.

/// Nanoseconds since the program began.
pub type Nanos = u64;

const MINUTE: Nanos = 60_000_000_000;

/// So much a minute, and so much at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub per_minute: u32,
    /// At least 1.
    pub burst: u32,
}

impl Quota {
    /// A part of it, in percent; never nothing.
    pub fn part(self, percent: u32) -> Self {
        let part = |whole: u32| ((u64::from(whole) * u64::from(percent) / 100) as u32).max(1);
        Self { per_minute: part(self.per_minute), burst: part(self.burst) }
    }

    /// The time in which one comes back.
    pub fn each(self) -> Nanos {
        MINUTE / u64::from(self.per_minute.max(1))
    }

    /// The time in which the whole burst comes back.
    pub fn whole(self) -> Nanos {
        self.each() * u64::from(self.burst)
    }
}

/// Who is refused first when little is left: lists and what only observes, then other calls; state changes and heartbeats
/// may take the last. A run that is refused its lists waits; one that is refused its states is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    First,
    Then,
    Last,
}

impl Rank {
    /// The part of the burst that this rank may use, in percent.
    fn share(self) -> u64 {
        match self {
            Rank::First => 70,
            Rank::Then => 85,
            Rank::Last => 100,
        }
    }
}

/// How a replica stands to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The only one: the bucket is its own.
    Alone,
    /// One of `replicas`, and Redis has the bucket. Half of the burst is kept there; the other half is on lease, a part for
    /// each replica, which spends its part at once and settles behind the request.
    Leased { replicas: u32 },
    /// One of `replicas`, without Redis: what it takes counts as often as there are replicas.
    Apart { replicas: u32 },
}

impl Standing {
    /// How far ahead the bucket may be.
    pub fn tolerance(self, quota: Quota) -> Nanos {
        match self {
            Standing::Alone => quota.whole(),
            Standing::Leased { .. } | Standing::Apart { .. } => (quota.whole() / 2).max(quota.each()),
        }
    }

    /// What may be spent before it is settled.
    fn lease(self, quota: Quota) -> u64 {
        match self {
            Standing::Leased { replicas } => (u64::from(quota.burst) / 2 / u64::from(replicas.max(1))).max(1),
            Standing::Alone | Standing::Apart { .. } => u64::MAX,
        }
    }
}

/// A bucket as this replica sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// When it would be empty again.
    empty_at: Nanos,
    /// Spent, and not yet told to Redis.
    pub unsettled: u64,
}

impl Bucket {
    /// How far ahead of now it is.
    pub fn level(&self, now: Nanos) -> Nanos {
        self.empty_at.saturating_sub(now)
    }

    /// The level without what is not settled: what Redis must have heard already, also if it forgot.
    pub fn settled_level(&self, quota: Quota, now: Nanos) -> Nanos {
        self.level(now).saturating_sub(self.unsettled * quota.each())
    }

    /// Whether `cost` may be taken, else how long until it may. What is larger than the burst passes when there is as much
    /// room as there can be, and is paid for afterwards: refused, it could never pass.
    pub fn check(&self, quota: Quota, standing: Standing, rank: Rank, cost: u64, now: Nanos) -> Result<(), Nanos> {
        let room = (standing.tolerance(quota) / 100 * rank.share()).max(quota.each());
        let wanted = cost.saturating_mul(quota.each()).min(room);
        let ahead = self.level(now).saturating_add(wanted);
        if ahead > room {
            return Err(ahead - room);
        }
        match self.unsettled > 0 && self.unsettled.saturating_add(cost) > standing.lease(quota) {
            true => Err(quota.each()),
            false => Ok(()),
        }
    }

    /// Takes it, checked or not.
    pub fn take(&mut self, quota: Quota, standing: Standing, cost: u64, now: Nanos) {
        let weight = match standing {
            Standing::Apart { replicas } => u64::from(replicas.max(1)),
            Standing::Leased { .. } => {
                self.unsettled += cost;
                1
            }
            Standing::Alone => 1,
        };
        let taken = cost.saturating_mul(quota.each()).saturating_mul(weight);
        self.empty_at = self.empty_at.max(now).saturating_add(taken);
    }

    /// Redis has taken `debt` and says the level.
    pub fn settled(&mut self, quota: Quota, debt: u64, level: Nanos, now: Nanos) {
        self.unsettled = self.unsettled.saturating_sub(debt);
        self.empty_at = now.saturating_add(level).saturating_add(self.unsettled * quota.each());
    }

    /// Redis went away: from now on the view is this replica's own, and what was not settled is part of it.
    pub fn parted(&mut self) {
        self.unsettled = 0;
    }

    /// What the last rank could take at once now: of what remains, what may be spent before it is settled.
    pub fn room(&self, quota: Quota, standing: Standing, now: Nanos) -> u64 {
        self.remaining(quota, standing, now).min(standing.lease(quota).saturating_sub(self.unsettled))
    }

    /// What is left for the last rank.
    pub fn remaining(&self, quota: Quota, standing: Standing, now: Nanos) -> u64 {
        standing.tolerance(quota).saturating_sub(self.level(now)) / quota.each()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    /// One a second, ten at once.
    const QUOTA: Quota = Quota { per_minute: 60, burst: 10 };

    /// Takes one as often as it may at one moment.
    fn taken(bucket: &mut Bucket, standing: Standing, rank: Rank, now: Nanos) -> u64 {
        let mut count = 0;
        while bucket.check(QUOTA, standing, rank, 1, now).is_ok() {
            bucket.take(QUOTA, standing, 1, now);
            count += 1;
        }
        count
    }

    #[test]
    fn the_burst_at_once_and_then_the_rate() {
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, Standing::Alone, Rank::Last, 0), 10);
        assert_eq!(bucket.check(QUOTA, Standing::Alone, Rank::Last, 1, 0), Err(SECOND));
        assert_eq!(bucket.remaining(QUOTA, Standing::Alone, 0), 0);
        for second in 1..100 {
            assert_eq!(taken(&mut bucket, Standing::Alone, Rank::Last, second * SECOND), 1, "{second}");
        }
        assert_eq!(taken(&mut bucket, Standing::Alone, Rank::Last, 1000 * SECOND), 10, "and never more than the burst");
    }

    #[test]
    fn lists_are_refused_first_and_state_changes_last() {
        let mut bucket = Bucket::default();
        assert_eq!(taken(&mut bucket, Standing::Alone, Rank::First, 0), 7);
        assert_eq!(taken(&mut bucket, Standing::Alone, Rank::Then, 0), 1);
        assert_eq!(taken(&mut bucket, Standing::Alone, Rank::Last, 0), 2);
        // At the rate, what comes back is the last rank's as long as it takes it.
        assert!(bucket.check(QUOTA, Standing::Alone, Rank::First, 1, SECOND).is_err());
        assert!(bucket.check(QUOTA, Standing::Alone, Rank::Last, 1, SECOND).is_ok());
    }

    #[test]
    fn what_is_larger_than_the_burst_passes_once_and_is_paid_for() {
        let mut bucket = Bucket::default();
        assert!(bucket.check(QUOTA, Standing::Alone, Rank::First, 500, 0).is_ok());
        bucket.take(QUOTA, Standing::Alone, 500, 0);
        assert!(bucket.check(QUOTA, Standing::Alone, Rank::Last, 1, 490 * SECOND).is_err());
        assert!(bucket.check(QUOTA, Standing::Alone, Rank::Last, 1, 491 * SECOND).is_ok());
    }

    #[test]
    fn replicas_together_never_take_more_than_burst_and_rate() {
        for replicas in 1..=5_u32 {
            let standing = Standing::Leased { replicas };
            let (mut shared, mut views) = (Bucket::default(), vec![Bucket::default(); replicas as usize]);
            let mut total = 0;
            for step in 0..600 {
                let now = step * SECOND / 10;
                // The worst case: all spend what they have on lease before anyone settles.
                total += views.iter_mut().map(|view| taken(view, standing, Rank::Last, now)).sum::<u64>();
                for view in &mut views {
                    let debt = view.unsettled;
                    shared.take(QUOTA, Standing::Alone, debt, now);
                    view.settled(QUOTA, debt, shared.level(now), now);
                }
                let most = u64::from(QUOTA.burst) + now / QUOTA.each() + 1;
                assert!(total <= most, "{replicas} replicas took {total} of {most} in {now}");
            }
            assert!(total >= 60, "{replicas} replicas got no more than {total}");
        }
    }

    #[test]
    fn without_redis_each_replica_has_its_part() {
        let standing = Standing::Apart { replicas: 5 };
        let mut bucket = Bucket::default();
        let first = taken(&mut bucket, standing, Rank::Last, 0);
        assert_eq!(first, 1);
        let later: u64 = (1..=60).map(|second| taken(&mut bucket, standing, Rank::Last, second * SECOND)).sum();
        assert!((11..=12).contains(&later), "a fifth of sixty: {later}");
    }

    #[test]
    fn a_redis_that_forgot_is_told_the_level() {
        let standing = Standing::Leased { replicas: 1 };
        let mut bucket = Bucket::default();
        bucket.settled(QUOTA, 0, 4 * SECOND, 0);
        bucket.take(QUOTA, standing, 2, 0);
        assert_eq!((bucket.settled_level(QUOTA, 0), bucket.unsettled), (4 * SECOND, 2));
        bucket.parted();
        assert_eq!(bucket.settled_level(QUOTA, 0), 6 * SECOND);
    }

    #[test]
    fn a_part_is_never_nothing() {
        assert_eq!(QUOTA.part(25), Quota { per_minute: 15, burst: 2 });
        assert_eq!(QUOTA.part(1), Quota { per_minute: 1, burst: 1 });
    }
}
