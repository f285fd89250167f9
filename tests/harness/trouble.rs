//! A Redis behind a proxy, and everything that can befall the two.

use std::time::Duration;

use crate::proxy::{Network, Proxy};
use crate::redis::Redis;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Killed, with all that was in it.
    Stopped,
    /// Its process stands still.
    Hung,
    /// It refuses whatever would take memory, and still reads.
    OutOfMemory,
    /// It runs on, empty.
    LostKeys,
    /// The network swallows everything.
    BlackHole,
    /// New connections are reset, as the old ones were.
    Refusing,
    /// Connections lead nowhere, and the program is not told.
    HalfOpen,
    /// Some answers come in time and some do not.
    Slow,
    /// Hardly anything gets through.
    Throttled,
}

impl Trouble {
    pub const ALL: [Trouble; 9] = [
        Trouble::Stopped,
        Trouble::Hung,
        Trouble::OutOfMemory,
        Trouble::LostKeys,
        Trouble::BlackHole,
        Trouble::Refusing,
        Trouble::HalfOpen,
        Trouble::Slow,
        Trouble::Throttled,
    ];
}

#[derive(Debug)]
pub struct Troubled {
    redis: Redis,
    proxy: Proxy,
}

impl Troubled {
    pub fn start() -> Troubled {
        let redis = Redis::start();
        let proxy = Proxy::to(redis.port());
        Troubled { redis, proxy }
    }

    /// Through the proxy.
    pub fn url(&self) -> String {
        self.redis.url_through(self.proxy.port())
    }

    pub fn befall(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Stopped => self.redis.kill9(),
            Trouble::Hung => self.redis.signal("STOP"),
            Trouble::OutOfMemory => drop(self.redis.command("CONFIG SET maxmemory 1")),
            Trouble::LostKeys => {
                self.redis.command("FLUSHALL");
                self.redis.command("SCRIPT FLUSH");
            }
            Trouble::BlackHole => self.proxy.set(Network::BlackHole),
            Trouble::Refusing => {
                self.proxy.set(Network::Refusing);
                self.proxy.reset();
            }
            Trouble::HalfOpen => self.proxy.half_open(),
            Trouble::Slow => {
                let (latency, jitter) = (Duration::from_millis(10), Duration::from_millis(10));
                self.proxy.set(Network::Slow { latency, jitter });
            }
            Trouble::Throttled => self.proxy.set(Network::Throttled(20_000)),
        }
    }

    pub fn heal(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Stopped => self.redis.start_again(),
            Trouble::Hung => self.redis.signal("CONT"),
            Trouble::OutOfMemory => drop(self.redis.command("CONFIG SET maxmemory 0")),
            // What is lost stays lost, and what leads nowhere is made anew by the program.
            Trouble::LostKeys | Trouble::HalfOpen => {}
            Trouble::BlackHole | Trouble::Refusing | Trouble::Slow | Trouble::Throttled => {
                self.proxy.set(Network::Good);
            }
        }
    }
}
