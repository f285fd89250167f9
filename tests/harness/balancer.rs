//! A load balancer as stands in front of most deployments: it passes TCP on, asks each replica every moment whether it is
//! ready, sends new connections to those that are, and leaves open ones alone.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::api::Api;
use crate::server::Server;
use crate::wait::{eventually, pause};

#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    replicas: Vec<Replica>,
    next: AtomicUsize,
    stopped: AtomicBool,
}

#[derive(Debug)]
struct Replica {
    address: SocketAddr,
    ready: AtomicBool,
}

impl Balancer {
    /// In front of these; returns when it knows all of them as ready.
    pub fn before(servers: &[&Server]) -> Balancer {
        let replica = |server: &&Server| Replica {
            address: server.url().trim_start_matches("http://").parse().expect("a server has an address"),
            ready: AtomicBool::new(false),
        };
        let shared = Shared {
            replicas: servers.iter().map(replica).collect(),
            next: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        };
        let (shared, listener) =
            (Arc::new(shared), TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"));
        let address = listener.local_addr().expect("it is bound");
        let mut threads: Vec<_> = (0..servers.len()).map(|nth| spawn(&shared, move |all| all.watch(nth))).collect();
        threads.push(spawn(&shared, move |all| all.accept(&listener)));
        let balancer = Balancer { address, shared, threads };
        (0..servers.len()).for_each(|nth| balancer.until_ready(nth));
        balancer
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until it sends new connections to this one.
    pub fn until_ready(&self, nth: usize) {
        eventually("the balancer knows the replica as ready", || {
            if self.shared.replicas[nth].ready.load(Ordering::Relaxed) { Ok(()) } else { Err("not yet") }
        });
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the one that accepts.
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn spawn(shared: &Arc<Shared>, work: impl FnOnce(&Shared) + Send + 'static) -> JoinHandle<()> {
    let shared = shared.clone();
    thread::spawn(move || work(&shared))
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    /// The health check.
    fn watch(&self, nth: usize) {
        let replica = &self.replicas[nth];
        let api = Api::new(&format!("http://{}", replica.address), None);
        while self.goes_on() {
            let answer = api.try_request("GET", "/api/ready", &[], None);
            replica.ready.store(answer.is_ok_and(|answer| answer.status == 200), Ordering::Relaxed);
            (0..10).for_each(|_| pause());
        }
    }

    fn accept(&self, listener: &TcpListener) {
        while let Ok((client, _)) = listener.accept() {
            if !self.goes_on() {
                return;
            }
            // Without a replica the client sees its connection closed, and says so.
            if let Some(replica) = self.connect() {
                thread::spawn(move || pass(&client, &replica));
            }
        }
    }

    /// To the next that is ready, and past one that has just gone.
    fn connect(&self) -> Option<TcpStream> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.replicas.len();
        (0..count)
            .map(|nth| &self.replicas[(first + nth) % count])
            .filter(|replica| replica.ready.load(Ordering::Relaxed))
            .find_map(|replica| TcpStream::connect_timeout(&replica.address, Duration::from_secs(1)).ok())
    }
}

/// Both ways, each to its end.
fn pass(client: &TcpStream, replica: &TcpStream) {
    let _ = (client.set_nodelay(true), replica.set_nodelay(true));
    let one_way = |mut from: &TcpStream, mut to: &TcpStream| {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    thread::scope(|scope| {
        scope.spawn(|| one_way(client, replica));
        one_way(replica, client);
        // What the replica has closed can carry nothing more in the other direction.
        let _ = client.shutdown(Shutdown::Read);
    });
}
