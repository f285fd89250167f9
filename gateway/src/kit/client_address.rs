//! Where a request comes from. The listener says it of every request; what limits or records callers by address reads it.

use std::net::IpAddr;

use http::Extensions;

/// The caller's address: the peer's, or what a trusted proxy says of it. An IPv4 address is one, also where the socket
/// wrote it as IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// Of a request, by its extensions.
    ///
    /// # Panics
    /// When the request came by no listener.
    pub fn of(extensions: &Extensions) -> Self {
        // The listener inserts it before the stack is called.
        *extensions.get().expect("the listener says where a request comes from")
    }

    pub fn ip(self) -> IpAddr {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        let written = |text: &str| ClientAddress::new(text.parse().unwrap());
        assert_eq!(written("::ffff:192.0.2.1"), written("192.0.2.1"));
        assert_ne!(written("::1"), written("127.0.0.1"));
    }
}
