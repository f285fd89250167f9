//! Clients that send or read slowly, or too much: each is refused in words, or left.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Server, Tenant, eventually};

use crate::idle::resident;
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

/// What the head alone decides is said at once to who waits to be asked for the body, and to who announces no end of it.
#[test]
fn a_body_that_is_refused_by_its_head_is_not_asked_for() {
    let server = Server::shared();
    let tenant = Tenant::on(server);
    let expect = "expect: 100-continue\r\n";
    for (headers, status) in [
        (format!("{expect}content-length: 6000000\r\n"), 413),
        (format!("{expect}content-length: 10\r\ncontent-encoding: gzip\r\n"), 415),
        (format!("{expect}transfer-encoding: gzip, chunked\r\n"), 501),
        ("content-length: 60000000000\r\n".to_owned(), 413),
    ] {
        let mut raw = Raw::open(server);
        // Far less than it would wait for the body.
        raw.stream().set_read_timeout(Some(Duration::from_secs(8))).expect("it is not zero");
        raw.send(post(&tenant, "/flows/", &headers));
        assert_eq!(raw.rest().statuses, [status], "{headers}");
    }
    let mut raw = Raw::open(server);
    raw.send(post(&tenant, "/flows/", &format!("{expect}connection: close\r\ncontent-length: 17\r\n")));
    assert!(String::from_utf8_lossy(&raw.some()).starts_with("HTTP/1.1 100"), "a body that is wanted is asked for");
    raw.send("{\"name\": \"asked\"}");
    assert_eq!(raw.rest().statuses, [201]);
}

/// Each stops shortly before its end, so that all that is there is in hand at once.
#[test]
fn bodies_in_hand_share_a_bounded_memory_and_small_ones_still_find_room() {
    const SENT: usize = 900_000;
    const LENGTH: usize = 1_000_000;
    const MANY: usize = 40;
    let server = Server::builder()
        .env("PREFECTURE_BODY_LIMIT", "1048576")
        .env("PREFECTURE_BODIES_MEMORY", "4194304")
        .env("PREFECTURE_BODY_TIMEOUT", "120s")
        .start();
    let tenant = Tenant::on(&server);
    tenant.api().post("/flows/", &json!({"name": "before"})).expect(201);
    let before = resident(&server);

    let head = post(&tenant, "/flows/", &format!("content-length: {LENGTH}\r\n"));
    let body = format!("{{\"name\": \"f\", \"x\": \"{}\"}}", "a".repeat(LENGTH - 22));
    assert_eq!(body.len(), LENGTH);
    let mut waiting: Vec<Raw> = (0..MANY)
        .map(|_| {
            let mut raw = Raw::open(&server);
            raw.send(&head);
            // Who is refused meanwhile is read on for a while, and then left.
            raw.send(&body[..SENT]);
            raw
        })
        .collect();
    eventually("all but four are refused", || {
        for mut raw in std::mem::take(&mut waiting) {
            match is_answered(&raw) {
                true => {
                    let said = String::from_utf8_lossy(&raw.some()).to_lowercase();
                    assert!(said.starts_with("http/1.1 503") && said.contains("retry-after: "), "{said}");
                }
                false => waiting.push(raw),
            }
        }
        if waiting.len() == 4 { Ok(()) } else { Err(waiting.len()) }
    });
    let mut held = waiting;
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} kB more for four bodies in hand and 36 that were refused");
    tenant.api().get("/flows/name/before").expect(200);
    tenant.api().post("/flows/", &json!({"name": "small"})).expect(201);

    let mut first = held.pop().expect("there are four");
    first.send(&body[SENT..]);
    let said = String::from_utf8_lossy(&first.some()).into_owned();
    assert!(said.starts_with("HTTP/1.1 201") || said.starts_with("HTTP/1.1 422"), "{said}");
    drop((first, held));
    // What the others had is given back.
    eventually("a large body finds room again", || {
        let answer = tenant.api().request("POST", "/flows/", &JSON, Some(body.clone().into_bytes()));
        if answer.status == 503 { Err(answer.body) } else { Ok(()) }
    });
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Whether there is something to read; asks and does not wait.
fn is_answered(raw: &Raw) -> bool {
    let stream = raw.stream();
    stream.set_nonblocking(true).expect("a socket");
    let there = !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    stream.set_nonblocking(false).expect("a socket");
    there
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
