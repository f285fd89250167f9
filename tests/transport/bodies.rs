//! Clients that send or read slowly, or too much: each is refused in words, or left.

use std::time::{Duration, Instant};

use serde_json::json;
use socket2::SockRef;
use tests::{Server, Tenant, eventually};

use crate::raw::Raw;

fn post(tenant: &Tenant, path: &str, headers: &str) -> String {
    let at = tenant.api_url().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
    format!("POST /{at}{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{headers}\r\n", tenant.key)
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let server = Server::shared();
    let get = "GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    let long = |length: usize| format!("x-long: {}\r\n", "a".repeat(length));
    for (headers, status) in [(many(90), 200), (many(101), 431), (long(16_000), 200), (long(40_000), 431)] {
        let mut raw = Raw::open(server);
        raw.send(format!("{get}{headers}\r\n"));
        assert_eq!(raw.rest().statuses, [status], "{} bytes of headers", headers.len());
    }
    let mut raw = Raw::open(server);
    raw.send(format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(40_000)));
    assert!(matches!(raw.rest().statuses[..], [414 | 431]));
}

#[test]
fn a_head_that_does_not_end_is_not_awaited() {
    let server = Server::builder().env("PREFECTURE_HEAD_TIMEOUT", "500ms").start();
    let mut raw = Raw::open(&server);
    let begun = Instant::now();
    raw.send("GET /api/health HTTP/1.1\r\n");
    eventually("the server gives up", || {
        // A byte now and then does not win time.
        let open = raw.send("x: ") && raw.stream().peek(&mut [0]).is_err();
        if open { Err("it is open") } else { Ok(()) }
    });
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_connection_is_kept_between_requests_and_not_for_ever() {
    let server = Server::builder().env("PREFECTURE_HEAD_TIMEOUT", "200ms").env("PREFECTURE_IDLE_TIMEOUT", "3s").start();
    let mut raw = Raw::open(&server);
    let mut begun = Instant::now();
    for _ in 0..2 {
        begun = Instant::now();
        raw.send("GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n");
        assert!(String::from_utf8_lossy(&raw.some()).starts_with("HTTP/1.1 200"));
        // Longer than a head may take.
        raw.stream().set_read_timeout(Some(Duration::from_millis(800))).expect("it is not zero");
        assert!(raw.stream().peek(&mut [0]).is_err(), "closed though it was idle for a moment only");
        raw.stream().set_read_timeout(Some(Duration::from_secs(30))).expect("it is not zero");
    }
    assert!(raw.some().is_empty(), "the server closes");
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_body_that_comes_too_slowly_is_refused_in_words() {
    let server = Server::builder().env("PREFECTURE_BODY_TIMEOUT", "500ms").start();
    let tenant = Tenant::on(&server);
    let mut raw = Raw::open(&server);
    raw.send(post(&tenant, "/flows/", "content-length: 100\r\n") + "{\"name\": ");
    let said = raw.rest();
    assert_eq!(said.statuses, [408], "{}", said.text);
    assert!(said.text.to_lowercase().contains("connection: close"), "{}", said.text);
}

#[test]
fn compressed_bodies_are_refused_before_they_are_read() {
    let tenant = Tenant::fresh();
    for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
        let headers = [("content-encoding", encoding), ("content-type", "application/json")];
        let answer = tenant.api().request("POST", "/flows/", &headers, Some(vec![0; 1000]));
        assert_eq!(answer.status, 415, "{encoding}: {}", answer.body);
        assert_eq!(answer.header("accept-encoding"), Some("identity"));
    }
    let headers = [("content-encoding", "identity"), ("content-type", "application/json")];
    let body = json!({"name": "as it is"}).to_string().into_bytes();
    assert_eq!(tenant.api().request("POST", "/flows/", &headers, Some(body)).status, 201);
}

/// Asks for much and reads nothing.
#[test]
fn who_does_not_read_is_left() {
    const ASKED: usize = 200;
    let server = Server::builder().env("PREFECTURE_WRITE_TIMEOUT", "500ms").start();
    let mut raw = Raw::open(&server);
    SockRef::from(raw.stream()).set_recv_buffer_size(4096).expect("a small window");
    // More than all buffers between the two can hold.
    raw.send("GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(ASKED));
    eventually("the server gives up on it", || match open(&server) {
        Some(0) => Ok(()),
        open => Err(open),
    });
    // It did not wait until everything was taken.
    let answers = raw.rest().statuses.len();
    assert!((1..ASKED).contains(&answers), "{answers}");
}

/// Connections.
fn open(server: &Server) -> Option<u64> {
    let metrics = server.api().at(&server.metrics_url()).get("").body;
    let text = metrics.as_str().unwrap_or_default().to_owned();
    text.lines().find_map(|line| line.strip_prefix("prefecture_connections_open ")?.parse().ok())
}
