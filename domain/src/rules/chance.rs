//! Randomness from a seed, so that a decision can be made twice.

use uuid::Uuid;
use wire::Time;

use crate::ids::{LeaseId, StateId};

/// SplitMix64 (Steele, Lea, Flood 2014). Good enough to spread retries and to fill ids; nothing here guards a secret.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly from 0 up to, but without, 1.
    fn fraction(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn bytes(&mut self) -> [u8; 16] {
        (u128::from(self.number()) << 64 | u128::from(self.number())).to_be_bytes()
    }

    /// A random UUID (version 4).
    pub fn uuid(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// The id of a state made at a time (UUID version 7).
    pub fn state_id(&mut self, now: Time) -> StateId {
        let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0);
        let mut tail = [0; 10];
        tail.copy_from_slice(&self.bytes()[..10]);
        StateId(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }

    pub fn lease_id(&mut self) -> LeaseId {
        LeaseId(self.uuid())
    }

    /// Seconds until the next arrival of a Poisson process, held below `average * (1 + factor)` and above a bound that
    /// leaves the mean about where it was. 0 for an average of 0 or less.
    ///
    /// The lower bound is the one for which as much probability lies between it and the median as between the median and
    /// the upper bound, as in the reference's `clamped_poisson_interval`.
    pub fn clamped_poisson(&mut self, average: f64, factor: f64) -> f64 {
        if average <= 0.0 {
            return 0.0;
        }
        let upper = 1.0 + factor.max(0.0);
        // From here the bound is 0 to any precision, and the power would overflow.
        let lower = if upper >= 50.0 { 0.0 } else { (upper.exp2() / (upper.exp2() - 1.0)).log2().max(0.0) };
        let share_below = |multiple: f64| 1.0 - (-multiple).exp();
        let (from, to) = (share_below(lower), share_below(upper));
        let share = from + (to - from) * self.fraction();
        -(1.0 - share).max(1e-10).ln() * average
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;
    use wire::Time;

    #[test]
    fn intervals_stay_within_their_bounds_and_keep_their_mean() {
        let mut chance = Chance::new(7);
        for (factor, tolerance) in [(0.3, 0.1), (1.0, 0.1), (60.0, 0.1)] {
            let drawn: Vec<f64> = (0..20_000).map(|_| chance.clamped_poisson(10.0, factor)).collect();
            assert!(drawn.iter().all(|s| (0.0..=10.0 * (1.0 + factor) + 1e-9).contains(s)));
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            assert!((mean / 10.0 - 1.0).abs() < tolerance, "mean {mean} at factor {factor}");
        }
        assert_eq!(chance.clamped_poisson(0.0, 0.3), 0.0);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let now = Time::from_micros(1_700_000_000_000_000);
        let (mut a, mut b) = (Chance::new(1), Chance::new(1));
        assert_eq!((a.uuid(), a.state_id(now)), (b.uuid(), b.state_id(now)));
        assert_eq!(a.uuid().get_version_num(), 4);
        assert_eq!(a.state_id(now).0.get_version_num(), 7);
    }
}
