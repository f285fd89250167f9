//! The caller's address: the peer's, unless a proxy that settings name says otherwise.

use std::net::Ipv4Addr;

use tests::{Builder, Server, eventually};

use crate::raw::Raw;

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);

fn server() -> Builder {
    Server::builder().env("PREFECTURE_LOG", "info,access=debug").env("PREFECTURE_LOG_FORMAT", "json")
}

/// A request with these bytes before and these headers in it; its status, and whose it is by the log.
fn caller(server: &Server, source: Ipv4Addr, before: &[u8], headers: &str) -> (Vec<u16>, String) {
    let id = uuid::Uuid::new_v4().simple().to_string();
    let mut raw = Raw::from(server, source);
    raw.send(before);
    raw.send(format!(
        "GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: {id}\r\n{headers}\r\n"
    ));
    let said = raw.rest();
    if said.statuses != [200] {
        return (said.statuses, String::new());
    }
    let line = eventually("the request is in the log", || {
        server
            .log()
            .lines()
            .find(|line| line.contains(&id) && line.contains("client"))
            .map(str::to_owned)
            .ok_or("not yet")
    });
    let line: serde_json::Value = serde_json::from_str(&line).expect("lines are JSON");
    (said.statuses, line["client"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn forwarding_headers_are_believed_of_trusted_proxies_alone() {
    let server = server().env("PREFECTURE_TRUSTED_PROXIES", "127.0.0.7, 10.0.0.0/8").start();
    for (source, headers, client) in [
        (PROXY, "x-forwarded-for: 192.0.2.1\r\n", "192.0.2.1"),
        (PROXY, "x-forwarded-for: 6.6.6.6, 192.0.2.1, 10.1.2.3\r\n", "192.0.2.1"),
        (PROXY, "x-forwarded-for: 6.6.6.6\r\nx-forwarded-for: 192.0.2.1\r\n", "192.0.2.1"),
        (PROXY, "", "127.0.0.7"),
        // Written by the client and passed on by a proxy that knows only the other header.
        (PROXY, "forwarded: for=6.6.6.6\r\n", "127.0.0.7"),
        (STRANGER, "x-forwarded-for: 192.0.2.1\r\nforwarded: for=192.0.2.1\r\n", "127.0.0.8"),
    ] {
        assert_eq!(caller(&server, source, b"", headers), (vec![200], client.to_owned()), "{source} {headers}");
    }
}

#[test]
fn the_header_of_rfc_7239_is_read_where_the_proxies_write_it() {
    let server = server()
        .env("PREFECTURE_TRUSTED_PROXIES", "127.0.0.7")
        .env("PREFECTURE_FORWARDING_HEADER", "forwarded")
        .start();
    let headers = "forwarded: for=6.6.6.6, for=\"[2001:db8::7]:4711\";proto=https\r\nx-forwarded-for: 192.0.2.1\r\n";
    assert_eq!(caller(&server, PROXY, b"", headers), (vec![200], "2001:db8::7".to_owned()));
}

#[test]
fn a_proxy_header_is_asked_of_the_proxies_that_send_it_and_taken_from_nobody_else() {
    let server = server().env("PREFECTURE_PROXY_PROTOCOL", "127.0.0.7/32").start();
    let text = b"PROXY TCP4 192.0.2.1 127.0.0.1 5000 4200\r\n";
    let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
    binary.extend([192, 0, 2, 2, 127, 0, 0, 1, 19, 136, 16, 104]);
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    let ok = |client: &str| (vec![200], client.to_owned());
    assert_eq!(caller(&server, PROXY, text, ""), ok("192.0.2.1"));
    assert_eq!(caller(&server, PROXY, &binary, ""), ok("192.0.2.2"));
    assert_eq!(caller(&server, PROXY, local, ""), ok("127.0.0.7"));
    // One behind the other is a request that nobody understands; none at all is a connection that is closed.
    assert_eq!(caller(&server, PROXY, &[&text[..], text].concat(), "").0, [400]);
    assert_eq!(caller(&server, PROXY, b"", "").0, [0; 0]);
    assert_eq!(caller(&server, STRANGER, b"", ""), ok("127.0.0.8"));
    assert_eq!(caller(&server, STRANGER, text, "").0, [400]);
    let metrics = server.api().at(&server.metrics_url()).get("").body;
    let refused = "prefecture_connections_refused_total{why=\"proxy_protocol\"} 1";
    assert!(metrics.as_str().is_some_and(|text| text.contains(refused)), "{metrics}");
}

#[test]
fn both_together_a_balancer_before_a_trusted_proxy() {
    let server =
        server().env("PREFECTURE_PROXY_PROTOCOL", "127.0.0.7").env("PREFECTURE_TRUSTED_PROXIES", "10.0.0.0/8").start();
    let through = b"PROXY TCP4 10.0.0.5 127.0.0.1 5000 4200\r\n";
    let answer = caller(&server, PROXY, through, "x-forwarded-for: 192.0.2.1\r\n");
    assert_eq!(answer, (vec![200], "192.0.2.1".to_owned()));
}

#[test]
fn what_is_no_network_is_refused_at_the_start() {
    for name in ["PREFECTURE_TRUSTED_PROXIES", "PREFECTURE_PROXY_PROTOCOL"] {
        let refused = Server::builder().env(name, "proxy.internal").refused();
        let flag = name.trim_start_matches("PREFECTURE_").to_lowercase().replace('_', "-");
        assert!(refused.err.contains(&flag) && refused.err.contains("10.0.0.0/8"), "{}", refused.err);
    }
}
