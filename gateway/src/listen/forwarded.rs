//! The caller's address, behind the proxies that are trusted.
//!
//! Each proxy adds the address that it saw to the end of the header. So it is read from its end: as long as the address is
//! a trusted proxy's, what stands before it was written by that proxy and is true; the first other address is the caller's.
//! What stands further ahead may be anything.
//!
//! The scheme and the host that a proxy forwards are believed for one thing: the address of a next page, which goes back to
//! whoever sent them.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::config::{ForwardingHeader, ProxySettings};
use crate::kit::ClientAddress;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who is trusted, and which header they write. Cheap to clone.
#[derive(Clone)]
pub struct Forwarding {
    trusted: Arc<[IpNet]>,
    header: ForwardingHeader,
}

impl Forwarding {
    pub fn new(settings: &ProxySettings) -> Self {
        Self { trusted: settings.trusted_proxies.clone().into(), header: settings.forwarding_header }
    }

    /// Pure: the caller's address, of the peer's and the headers of a request.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let is_trusted = |address: &IpAddr| self.trusted.iter().any(|network| network.contains(address));
        let mut nearest = peer.to_canonical();
        if !is_trusted(&nearest) {
            return ClientAddress::new(nearest);
        }
        let name = match self.header {
            ForwardingHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardingHeader::Forwarded => FORWARDED,
        };
        // Several headers of a name are one list.
        let lists = headers.get_all(name).iter().rev().map(|value| value.to_str().unwrap_or("unreadable"));
        for hop in lists.flat_map(|list| list.rsplit(',')) {
            if !is_trusted(&nearest) {
                break;
            }
            let named = match self.header {
                ForwardingHeader::XForwardedFor => Some(hop),
                ForwardingHeader::Forwarded => named(hop),
            };
            // A hop that is hidden or unreadable hides what is before it.
            let Some(address) = named.and_then(address) else { break };
            nearest = address;
        }
        ClientAddress::new(nearest)
    }
}

/// The `for` of one element of RFC 7239: `for="[2001:db8::7]:4711";proto=https`.
fn named(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(header: ForwardingHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let trusted = Arc::from(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        Forwarding { trusted, header }.client(peer.parse().unwrap(), &headers).ip().to_string()
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxy_is_the_callers() {
        let header = "x-forwarded-for";
        for (peer, value, caller) in [
            ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "6.6.6.6, 192.0.2.7", "192.0.2.7"),
            ("10.0.0.1", "6.6.6.6, 192.0.2.7, 10.0.0.2", "192.0.2.7"),
            ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "192.0.2.7:4711", "192.0.2.7"),
            ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
            ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
            ("::ffff:10.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
            ("fd00::1", "192.0.2.7", "192.0.2.7"),
            // Nobody to believe, and nothing to be believed.
            ("192.0.2.9", "192.0.2.7", "192.0.2.9"),
            ("10.0.0.1", "192.0.2.7, unknown", "10.0.0.1"),
            ("10.0.0.1", "192.0.2.7, unknown, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "[::1", "10.0.0.1"),
        ] {
            assert_eq!(client(ForwardingHeader::XForwardedFor, peer, &[(header, value)]), caller, "{peer} {value}");
        }
        let lines = [(header, "6.6.6.6"), (header, "192.0.2.7"), (header, "10.0.0.2")];
        assert_eq!(client(ForwardingHeader::XForwardedFor, "10.0.0.1", &lines), "192.0.2.7");
    }

    #[test]
    fn rfc_7239() {
        for (value, caller) in [
            ("for=192.0.2.7", "192.0.2.7"),
            (r#"proto=https; For="[2001:db8::7]:4711";by=10.0.0.1"#, "2001:db8::7"),
            ("for=6.6.6.6, for=192.0.2.7;proto=http, for=10.0.0.2", "192.0.2.7"),
            ("for=192.0.2.7, for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(client(ForwardingHeader::Forwarded, "10.0.0.1", &[("forwarded", value)]), caller, "{value}");
        }
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_is_not_read() {
        let lines = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client(ForwardingHeader::XForwardedFor, "10.0.0.1", &lines), "192.0.2.7");
        assert_eq!(client(ForwardingHeader::Forwarded, "10.0.0.1", &lines), "6.6.6.6");
        assert_eq!(client(ForwardingHeader::Forwarded, "10.0.0.1", &lines[1..]), "10.0.0.1");
    }
}
