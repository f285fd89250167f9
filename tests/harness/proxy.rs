//! A network that can be made bad: stands between the program and a database, and does to the connections what it is told.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// What happens to bytes on their way, in both directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Network {
    Good,
    /// Each piece takes this long, give or take the jitter.
    Slow {
        latency: Duration,
        jitter: Duration,
    },
    /// So many bytes a second.
    Throttled(usize),
    /// Nothing arrives, and nobody is told; what was sent arrives when the network is good again. New connections open, and
    /// stay silent.
    BlackHole,
    /// New connections are reset at once.
    Refusing,
}

/// Where a piece goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ToServer,
    ToClient,
}

/// Told of each piece before it goes on, with the number of its connection. From a piece on at which it answers true the
/// network is a black hole.
pub type Ear = Box<dyn Fn(usize, Way, &[u8]) -> bool + Send + Sync>;

/// Listens until the process ends.
#[derive(Debug, Clone)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    ear: Option<Ear>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.state.fmt(f)
    }
}

#[derive(Debug)]
struct State {
    network: Network,
    /// Both ends of each open connection: the program's, the database's.
    open: Vec<Arc<Ends>>,
    /// How many connections there were.
    opened: usize,
    /// For the jitter.
    dice: u32,
}

#[derive(Debug)]
struct Ends {
    /// Counted from 1.
    number: usize,
    client: TcpStream,
    server: TcpStream,
    /// What ends at one end is not told to the other.
    quiet: AtomicBool,
}

impl Proxy {
    pub fn to(port: u16) -> Proxy {
        Proxy::start(port, None)
    }

    /// One that tells of what goes through it.
    pub fn heard_by(port: u16, ear: Ear) -> Proxy {
        Proxy::start(port, Some(ear))
    }

    fn start(port: u16, ear: Option<Ear>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
        let state = State { network: Network::Good, open: Vec::new(), opened: 0, dice: 1 };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), ear });
        let proxy = Proxy { port: listener.local_addr().expect("it is bound").port(), shared };
        let accepting = proxy.shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.accept(client, SocketAddr::from(([127, 0, 0, 1], port)));
            }
        });
        proxy
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn set(&self, network: Network) {
        self.shared.state().network = network;
        self.shared.changed.notify_all();
    }

    /// How many connections were opened until now.
    pub fn opened(&self) -> usize {
        self.shared.state().opened
    }

    /// Ends every open connection with a reset, for both sides.
    pub fn reset(&self) {
        for ends in self.shared.state().open.drain(..) {
            ends.quiet.store(true, Ordering::Release);
            for stream in [&ends.client, &ends.server] {
                // The copies see an end and let go, and what is let go last is reset.
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                let _ = stream.shutdown(Shutdown::Read);
            }
        }
    }

    /// The database's end of every open connection is gone, and the program is never told: what it sends leads nowhere.
    pub fn half_open(&self) {
        for ends in &self.shared.state().open {
            ends.quiet.store(true, Ordering::Release);
            let _ = ends.server.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, client: TcpStream, to: SocketAddr) {
        let number = {
            let mut state = self.state();
            state.opened += 1;
            state.opened
        };
        // A database that is away refuses, and so does this.
        let refusing = self.state().network == Network::Refusing;
        let Some(server) = (!refusing).then(|| TcpStream::connect(to).ok()).flatten() else {
            let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
            return;
        };
        for stream in [&client, &server] {
            let _ = stream.set_nodelay(true);
        }
        let ends = Arc::new(Ends { number, client, server, quiet: AtomicBool::new(false) });
        self.state().open.push(ends.clone());
        let (shared, forth) = (self.clone(), ends.clone());
        std::thread::spawn(move || shared.copy(&forth, Way::ToServer));
        let shared = self.clone();
        std::thread::spawn(move || shared.copy(&ends, Way::ToClient));
    }

    fn copy(&self, ends: &Ends, way: Way) {
        let (mut from, mut to) = match way {
            Way::ToServer => (&ends.client, &ends.server),
            Way::ToClient => (&ends.server, &ends.client),
        };
        let mut piece = [0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut piece) {
            if self.ear.as_ref().is_some_and(|ear| ear(ends.number, way, &piece[..length])) {
                self.state().network = Network::BlackHole;
            }
            self.delay(length);
            // Where nobody is told, what leads nowhere is swallowed.
            if to.write_all(&piece[..length]).is_err() && !ends.quiet.load(Ordering::Acquire) {
                break;
            }
        }
        if !ends.quiet.load(Ordering::Acquire) {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            self.state().open.retain(|one| !std::ptr::eq(one.as_ref(), ends));
        }
    }

    /// Returns when a piece of this length has had its time on the way.
    fn delay(&self, length: usize) {
        let mut state = self.state();
        let begun = Instant::now();
        loop {
            let due = match state.network {
                Network::Good | Network::Refusing => return,
                Network::Slow { latency, jitter } => {
                    state.dice = state.dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let share = f64::from(state.dice) / f64::from(u32::MAX);
                    begun + (latency + jitter.mul_f64(2.0 * share)).saturating_sub(jitter)
                }
                Network::Throttled(rate) => begun + Duration::from_secs_f64(length as f64 / rate as f64),
                Network::BlackHole => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { return };
            let waited = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            if waited.1.timed_out() {
                return;
            }
        }
    }
}
