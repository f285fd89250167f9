//! How often an address may come with a key that lets nobody in. Beyond, it is refused before its key is looked at, until a
//! moment has passed; a caller whose key was good a moment ago is not made to pay for a neighbour behind the same address.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;

/// How long an address that guessed too often is refused.
const REFUSED: Duration = Duration::from_secs(5);
/// Addresses refused at once, at most.
const MOST: u64 = 100_000;
/// After so many failures, those that are forgiven are forgotten, too.
const SWEEP: u32 = 10_000;

pub struct Guesses {
    /// `None` is no limit.
    failures: Option<DefaultKeyedRateLimiter<IpAddr>>,
    /// Hashed by what cannot be guessed, unlike the tables of what we name ourselves: addresses are chosen by who comes.
    refused: Cache<IpAddr, ()>,
    since_sweep: AtomicU32,
}

impl Guesses {
    /// 0 is no limit.
    pub fn new(per_minute: u32) -> Self {
        Self {
            failures: NonZeroU32::new(per_minute).map(|limit| RateLimiter::keyed(Quota::per_minute(limit))),
            refused: Cache::builder().max_capacity(MOST).time_to_live(REFUSED).build(),
            since_sweep: AtomicU32::new(0),
        }
    }

    /// Whether an address has guessed too often just now.
    pub fn refuses(&self, address: IpAddr) -> bool {
        self.failures.is_some() && self.refused.contains_key(&network(address))
    }

    /// A key of this address let nobody in.
    pub fn failed(&self, address: IpAddr) {
        let Some(failures) = &self.failures else { return };
        let network = network(address);
        if failures.check_key(&network).is_err() {
            self.refused.insert(network, ());
        }
        if self.since_sweep.fetch_add(1, Ordering::Relaxed) >= SWEEP {
            self.since_sweep.store(0, Ordering::Relaxed);
            failures.retain_recent();
        }
    }
}

/// What one caller has: an IPv4 address, or a network of 64 bits of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_that_guesses_too_often_is_refused_and_no_other() {
        // The fourth within a minute; the first is forgiven after twenty seconds.
        let guesses = Guesses::new(3);
        for _ in 0..3 {
            guesses.failed(address("192.0.2.1"));
            assert!(!guesses.refuses(address("192.0.2.1")));
        }
        guesses.failed(address("192.0.2.1"));
        assert!(guesses.refuses(address("192.0.2.1")) && !guesses.refuses(address("192.0.2.2")));
        (0..4).for_each(|host| guesses.failed(address(&format!("2001:db8::{host}"))));
        assert!(guesses.refuses(address("2001:db8::ffff")) && !guesses.refuses(address("2001:db8:0:1::1")));
    }

    #[test]
    fn no_limit_refuses_nobody() {
        let guesses = Guesses::new(0);
        (0..1000).for_each(|_| guesses.failed(address("192.0.2.1")));
        assert!(!guesses.refuses(address("192.0.2.1")));
    }
}
