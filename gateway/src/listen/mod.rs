//! From a socket to the stack: accepts connections, takes off what stands around HTTP (PROXY protocol, TLS), says where a
//! request comes from, and bounds what one client can hold.
//!
//! ```text
//! accept ─ max connections ─ PROXY header, of named proxies ─ TLS ─ patience (idle, slow head, slow reader) ─ hyper
//! ```
//!
//! * [`Listener`]: the loop
//! * [`proxy_protocol`]: the header that a proxy puts before everything else
//! * [`tls`]: certificate and key, taken up anew when the files change
//! * [`patience`]: ends a connection that holds its place without using it
//! * [`forwarded`]: the caller's address, behind the proxies that are trusted

mod accept;
mod forwarded;
mod http;
mod patience;
mod proxy_protocol;
mod tls;

pub use accept::Listener;
