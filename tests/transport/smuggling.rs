//! One request must be one request, for us and for whatever stands in front: raw bytes, and how many answers they get.

use tests::{Server, Tenant};

use crate::raw::{Raw, Said};

/// What an attacker would have taken for a request of its own.
const SMUGGLED: &str = "GET /api/admin/version HTTP/1.1\r\nhost: x\r\nx-smuggled: 1\r\n\r\n";

/// What is said until the server closes, which it must do by itself.
fn ask(bytes: impl AsRef<[u8]>) -> Said {
    let mut raw = Raw::open(Server::shared());
    raw.send(bytes);
    raw.rest()
}

/// A request to a filter, with a key, so that its body is read.
fn filter(tenant: &Tenant, headers: &str, body: &str) -> String {
    let at = tenant.api_url().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
    let key = &tenant.key;
    format!("POST /{at}/flows/filter HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{headers}\r\n{body}")
}

#[test]
fn a_length_and_chunks_together_are_one_request_and_the_last() {
    let tenant = Tenant::fresh();
    let chunked = format!("2\r\n{{}}\r\n0\r\n\r\n{SMUGGLED}");
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 500\r\n",
    ] {
        let said = ask(filter(&tenant, headers, &chunked));
        assert_eq!(said.statuses, [200], "{headers}{}", said.text);
    }
}

#[test]
fn lengths_that_are_not_one_number_are_refused() {
    let tenant = Tenant::fresh();
    for headers in [
        "content-length: 2\r\ncontent-length: 7\r\n",
        "content-length: 2, 2\r\n",
        "content-length: 2, 7\r\n",
        "content-length: +2\r\n",
        "content-length: -2\r\n",
        "content-length: 0x2\r\n",
        "content-length: 2 2\r\n",
        "content-length: \r\n",
        "content-length: 99999999999999999999\r\n",
        "content-length : 2\r\n",
    ] {
        let said = ask(filter(&tenant, headers, &format!("{{}}{SMUGGLED}")));
        assert_eq!(said.statuses, [400], "{headers}{}", said.text);
    }
    // The same number again is the same number.
    let said = ask(filter(&tenant, "connection: close\r\ncontent-length: 2\r\ncontent-length: 2\r\n", "{}"));
    assert_eq!(said.statuses, [200], "{}", said.text);
}

#[test]
fn encodings_that_are_not_chunked_are_refused() {
    let tenant = Tenant::fresh();
    let body = format!("2\r\n{{}}\r\n0\r\n\r\n{SMUGGLED}");
    for headers in [
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: chunked\x0b\r\n",
        "transfer-encoding : chunked\r\n",
        "transfer-encoding: gzip\r\ncontent-length: 2\r\n",
    ] {
        let said = ask(filter(&tenant, headers, &body));
        assert_eq!(said.statuses, [400], "{headers:?} {}", said.text);
    }
    let old = filter(&tenant, "transfer-encoding: chunked\r\n", &body).replacen("HTTP/1.1", "HTTP/1.0", 1);
    assert_eq!(ask(old).statuses, [400]);
}

#[test]
fn broken_chunks_end_the_connection() {
    let tenant = Tenant::fresh();
    for body in [
        "0x2\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "fffffffffffffffff\r\n{}\r\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
    ] {
        let said = ask(filter(&tenant, "transfer-encoding: chunked\r\n", &format!("{body}{SMUGGLED}")));
        assert_eq!(said.statuses, [400], "{body:?} {}", said.text);
    }
}

#[test]
fn heads_that_can_be_read_in_two_ways_are_refused() {
    for head in [
        "GET /api/health HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c: d\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nhost: x\r\nx-a: b\rcontent-length: 5\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nhost: x\r\nx-a: b\0c\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nhost: x\r\nx a: b\r\n\r\n",
        "GET /api/health HTTP/1.1\r\nhost: x\r\n: b\r\n\r\n",
        "GET /api/health HTTP/1.1\r\n host: x\r\n\r\n",
        "GET  /api/health HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /api/health  HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /api/he\x01alth HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /api/health HTTP/1.2\r\nhost: x\r\n\r\n",
        "GET /api/health HTTP/3.0\r\nhost: x\r\n\r\n",
        "GET /api/health\r\n\r\n",
        "G\0T /api/health HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let said = ask(head);
        assert_eq!(said.statuses, [400], "{head:?} {}", said.text);
    }
}

#[test]
fn a_request_names_one_host() {
    for hosts in ["", "host: x\r\nhost: x\r\n", "host: x\r\nhost: y\r\n"] {
        let said = ask(format!("GET /api/health HTTP/1.1\r\n{hosts}connection: close\r\n\r\n"));
        assert_eq!(said.statuses, [400], "{hosts:?} {}", said.text);
    }
    // HTTP/1.0 has none.
    assert_eq!(ask("GET /api/health HTTP/1.0\r\n\r\n").text.split(' ').nth(1), Some("200"));
}

/// A line feed alone ends a line, as RFC 9112 (2.2) allows; it does not begin a request within one.
#[test]
fn a_bare_line_feed_hides_nothing() {
    let said = ask("GET /api/health HTTP/1.1\nhost: x\nconnection: close\n\n");
    assert_eq!(said.statuses, [200], "{}", said.text);
    let tenant = Tenant::fresh();
    let said = ask(filter(&tenant, "x-a: b\ncontent-length: 2\r\nconnection: close\r\n", "{}"));
    assert_eq!(said.statuses, [200], "{}", said.text);
}

#[test]
fn names_with_underscores_are_other_names() {
    let tenant = Tenant::fresh();
    let headers = "content-length: 2\r\ncontent_length: 200\r\ntransfer_encoding: chunked\r\n";
    let next = "GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let said = ask(filter(&tenant, headers, &format!("{{}}{next}")));
    assert_eq!(said.statuses, [200, 200], "{}", said.text);
    let nobody =
        filter(&tenant, "content-length: 2\r\nconnection: close\r\n", "{}").replace("authorization", "authorization_");
    assert_eq!(ask(nobody).statuses, [401]);
}

#[test]
fn two_keys_are_none() {
    let tenant = Tenant::fresh();
    let headers = format!("authorization: Bearer {}\r\ncontent-length: 2\r\nconnection: close\r\n", tenant.key);
    assert_eq!(ask(filter(&tenant, &headers, "{}")).statuses, [401]);
}

#[test]
fn a_web_socket_is_of_the_one_version_and_has_a_key() {
    let tenant = Tenant::fresh();
    let at = tenant.api_url().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let shake = |headers: &str| {
        let authorization = format!("authorization: Bearer {}\r\n", tenant.key);
        let mut raw = Raw::open(Server::shared());
        raw.send(format!(
            "GET /{at}/events/in HTTP/1.1\r\nhost: x\r\n{authorization}connection: upgrade\r\nupgrade: websocket\r\n{headers}\r\n"
        ));
        String::from_utf8_lossy(&raw.some()).to_lowercase()
    };
    assert!(shake(&format!("sec-websocket-version: 13\r\n{key}")).starts_with("http/1.1 101"));
    for version in ["sec-websocket-version: 12\r\n", "sec-websocket-version: \r\n", ""] {
        let said = shake(&format!("{version}{key}"));
        assert!(said.starts_with("http/1.1 426") && said.contains("sec-websocket-version: 13"), "{version}: {said}");
    }
    let said = shake("sec-websocket-version: 13\r\nsec-websocket-key: abc\r\n");
    assert!(said.starts_with("http/1.1 400"), "{said}");
}

#[test]
fn a_body_where_none_belongs_is_no_request() {
    let body = SMUGGLED;
    let next = "GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let said =
        ask(format!("GET /api/health HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}{next}", body.len()));
    assert_eq!(said.statuses, [200, 200], "{}", said.text);
    // Refused before its body was read.
    let said =
        ask(format!("POST /api/nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}{next}", body.len()));
    assert_eq!(said.statuses, [404, 200], "{}", said.text);
}

#[test]
fn the_whole_address_in_the_request_line_means_its_path() {
    let tenant = Tenant::fresh();
    let said = ask("GET http://elsewhere.example/api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(said.statuses, [200], "{}", said.text);
    let line = |line: String| format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let whole = format!("GET {}/flows/filter", tenant.api_url());
    assert_eq!(ask(line(whole)).statuses, [405], "known, by another method");
    for odd in ["GET *", "GET api/health", "CONNECT elsewhere.example:443", "GET elsewhere.example:443"] {
        let said = ask(line(odd.into()));
        assert!(matches!(said.statuses[..], [400 | 404 | 405]), "{odd}: {}", said.text);
    }
}

/// With a key that is good in one workspace, no spelling of an address leads into another, or in by a side door.
#[test]
fn tricks_in_the_part_that_names_the_tenant_lead_nowhere() {
    let (mine, other) = (Tenant::fresh(), tests::Account::create(Server::shared()).workspace());
    let (a, w) = (&mine.account.id, &mine.workspace_id);
    let (b, v) = (&other.account.id, &other.workspace_id);
    let encoded = w.replacen('-', "%2d", 1);
    for path in [
        format!("//api/accounts/{a}/workspaces/{w}/flows/filter"),
        format!("/api//accounts/{a}/workspaces/{w}/flows/filter"),
        format!("/api/accounts//{a}/workspaces/{w}/flows/filter"),
        format!("/api/accounts/{a}//workspaces/{w}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{w}//flows/filter"),
        format!("/api/accounts%2f{a}/workspaces/{w}/flows/filter"),
        format!("/api/accounts/{a}%2fworkspaces%2f{w}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{encoded}/flows/filter"),
        format!("/api/%61ccounts/{a}/workspaces/{w}/flows/filter"),
        format!("/api/./accounts/{a}/workspaces/{w}/flows/filter"),
        format!("/x/../api/accounts/{a}/workspaces/{w}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{w}/../{v}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{w}/..%2f{v}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{w}/%2e%2e/{v}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{w}/../../../{b}/workspaces/{v}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{w};{v}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{w}/workspaces/{v}/flows/filter"),
        format!("/api/accounts/{a}/workspaces/{v}/flows/filter"),
        format!("/api/accounts/{b}/workspaces/{w}/flows/filter"),
    ] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}",
            mine.key
        );
        assert_eq!(ask(request).statuses, [404], "{path}");
    }
}
