//! Brings events over a socket as the SDK does: what a pong has not confirmed when the socket is lost is sent again on the
//! next one. Loses sockets on purpose.

use rand::Rng;
use rand::rngs::StdRng;
use tests::{Incoming, Socket, Tenant};

/// Events between two pings, at most.
const AT_ONCE: usize = 12;

pub struct Courier {
    tenant: Tenant,
    random: StdRng,
    /// How many sockets it will lose yet.
    cuts: usize,
}

impl Courier {
    pub fn new(tenant: Tenant, random: StdRng, cuts: usize) -> Courier {
        Courier { tenant, random, cuts }
    }

    /// Returns when everything is confirmed.
    pub fn deliver(&mut self, events: &[String]) {
        let mut unconfirmed = events;
        while !unconfirmed.is_empty() {
            let mut socket = open(&self.tenant);
            while !unconfirmed.is_empty() {
                let (now, later) = unconfirmed.split_at(self.random.random_range(1..=unconfirmed.len().min(AT_ONCE)));
                now.iter().for_each(|event| socket.send_raw(event));
                if self.cuts > 0 && self.random.random_bool(0.5) {
                    self.cuts -= 1;
                    self.cut(socket, later.first());
                    break;
                }
                confirm(&mut socket);
                unconfirmed = later;
            }
        }
    }

    fn cut(&mut self, mut socket: Socket, next: Option<&String>) {
        match (self.random.random_range(0..3), next) {
            (0, Some(next)) => socket.cut_within(next),
            // The pong may be on its way, and nobody will have seen it.
            (1, _) => socket.ping(b"unheard"),
            _ => drop(socket),
        }
    }
}

/// A socket of the workspace that has said who it is.
pub fn open(tenant: &Tenant) -> Socket {
    let mut socket = tenant.socket("/events/in");
    let said = socket.authenticate(Some(&tenant.key));
    assert!(matches!(&said, Incoming::Json(said) if said["type"] == "auth_success"), "{said:?}");
    socket
}

/// Returns when everything sent so far is confirmed.
pub fn confirm(socket: &mut Socket) {
    socket.ping(b"confirm");
    let said = socket.receive();
    assert_eq!(said, Incoming::Pong(b"confirm".to_vec()));
}
