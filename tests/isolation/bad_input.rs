//! What no client should send is a clear refusal: never a 5xx, never a hang, never half a write, for every operation.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use tests::operations::Operation;
use tests::operations::schema::Takes;

use crate::attack::{Arena, Place, Target, in_parallel, none, targets, thorough};

/// Bytes that stand where JSON should, for any field.
pub fn anything() -> Vec<(&'static str, Vec<u8>)> {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(200), close.repeat(200)).into_bytes();
    vec![
        ("NUL", br#""a\u0000b""#.to_vec()),
        ("NUL alone", br#""\u0000""#.to_vec()),
        ("a raw NUL", b"\"a\x00b\"".to_vec()),
        ("200 arrays", deep("[", "]")),
        ("200 objects", deep("{\"a\":", "}")),
        ("200 filters", deep("{\"and_\":[", "]}")),
        ("half a surrogate pair", br#""\ud800""#.to_vec()),
        ("surrogates the wrong way round", br#""\udc00\ud800""#.to_vec()),
        ("invalid UTF-8", b"\"\xff\xfe\"".to_vec()),
        ("an overlong NUL", b"\"\xc0\x80\"".to_vec()),
        ("2^63", b"9223372036854775808".to_vec()),
        ("-2^63-1", b"-9223372036854775809".to_vec()),
        ("2^64", b"18446744073709551616".to_vec()),
        ("1e400", b"1e400".to_vec()),
        ("-1e400", b"-1e400".to_vec()),
        ("1e-400", b"1e-400".to_vec()),
        ("a number of 5,000 digits", "9".repeat(5000).into_bytes()),
        ("a number of 5,000 digits as text", format!("\"{}\"", "9".repeat(5000)).into_bytes()),
        ("2^63 as text", br#""9223372036854775808""#.to_vec()),
        ("NaN", b"NaN".to_vec()),
        ("Infinity", b"Infinity".to_vec()),
        ("NaN as text", br#""NaN""#.to_vec()),
        ("a long text", format!("\"{}\"", "x".repeat(300_000)).into_bytes()),
        ("nothing", b"".to_vec()),
        ("null", b"null".to_vec()),
        ("an empty list", b"[]".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("a list of 20,000", format!("[{}0]", "0,".repeat(20_000)).into_bytes()),
        ("a key with NUL", br#"{"a\u0000b": 1}"#.to_vec()),
        ("the same key twice", br#"{"a": 1, "a": 2}"#.to_vec()),
        ("2^31", b"2147483648".to_vec()),
        ("-1", b"-1".to_vec()),
        ("a fraction", b"0.5".to_vec()),
        ("a lone bracket", b"]".to_vec()),
    ]
}

/// For fields that take a time.
fn times() -> Vec<(&'static str, Vec<u8>)> {
    let texts = [
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999-23:59",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "294277-01-01T00:00:00Z",
        "-4714-01-01T00:00:00Z",
        "0000-00-00",
        "2024-02-30",
        "2024-12-31T23:59:60Z",
        "2024-01-01T25:00:00Z",
        "2024-01-01T00:00:00.1234567890123Z",
        "infinity",
        "-infinity",
        "now",
        "epoch",
    ];
    let numbers = ["253402300800", "-62135596801", "9e15", "1e18", "-1e18", "1e308", "9223372036854775807", "0"];
    let mut all: Vec<_> = texts.iter().map(|text| (*text, json!(text).to_string().into_bytes())).collect();
    all.extend(numbers.iter().map(|number| (*number, number.as_bytes().to_vec())));
    all
}

#[test]
fn no_value_in_any_field_is_a_defect_of_ours() {
    let arena = Arena::new();
    let (anything, times) = (anything(), times());
    let all: Vec<Target<'_>> = targets(&arena.operations);
    let numbered: Vec<(usize, &Target<'_>)> = all.iter().enumerate().collect();
    let (document, valid) = (arena.operations.document(), arena.all_valid());
    let findings = in_parallel(&numbered, |(nth, target)| {
        let (api, filled) = &valid[target.operation.id.as_str()];
        let mut findings = Vec::new();
        let mut attempt = |values: &[(&str, Vec<u8>)], each: usize| {
            let each = if thorough() { values.len() } else { each.min(values.len()) };
            for shift in 0..each {
                let (what, raw) = &values[(nth * each + shift) % values.len()];
                // In an address there are no quotes to take off, and a long one is refused for its length.
                let inner = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")).unwrap_or(raw);
                let raw = if matches!(target.place, Place::Body(_)) { raw } else { &inner[..inner.len().min(2000)] };
                let answer = target.ask(document, api, filled, raw);
                if answer.status >= 500 {
                    findings.push(format!("{}: {what} is answered {} {}", target.name(), answer.status, answer.body));
                }
            }
        };
        attempt(&anything, 3);
        if target.takes == Takes::Time {
            attempt(&times, 5);
        }
        findings
    });
    arena.was_attacked();
    none(findings);
}

/// Bodies that are wrong as a whole.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = anything();
    all.extend([
        ("text", br#""text""#.to_vec()),
        ("half an object", br#"{"name": "#.to_vec()),
        ("an object and more", b"{} {}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("UTF-16", b"\xff\xfe{\x00}\x00".to_vec()),
        ("a comment", b"{/* */}".to_vec()),
        ("100,000 brackets", "[".repeat(100_000).into_bytes()),
        ("100,000 objects", "{\"a\":".repeat(100_000).into_bytes()),
        ("gzip", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
        ("zeroes", vec![0; 1000]),
    ]);
    all
}

#[test]
fn no_body_of_any_operation_is_a_defect_of_ours() {
    let arena = Arena::new();
    let operations: Vec<&Operation> = arena.operations.http().collect();
    let bodies = bodies();
    let valid = arena.all_valid();
    let findings = in_parallel(&operations, |operation| {
        let (api, filled) = &valid[operation.id.as_str()];
        // What ends the caller or takes no body is asked without it anyway; with one it must do no harm either.
        let mut findings = Vec::new();
        for (what, body) in &bodies {
            for content_type in ["application/json", "text/plain"] {
                let headers = [("content-type", content_type)];
                let answer = api.request(&operation.method, &filled.path, &headers, Some(body.clone()));
                if answer.status >= 500 {
                    findings.push(format!(
                        "{}: {what} is answered {} {}",
                        operation.name(),
                        answer.status,
                        answer.body
                    ));
                }
            }
        }
        findings
    });
    arena.was_attacked();
    none(findings);
}

#[test]
fn a_body_of_ten_megabytes_is_413_for_every_operation() {
    let arena = Arena::new();
    let operations: Vec<&Operation> = arena.operations.http().collect();
    let spaces = vec![b' '; 10 << 20];
    let valid = arena.all_valid();
    let findings = in_parallel(&operations, |operation| {
        let (api, filled) = &valid[operation.id.as_str()];
        let headers = [("content-type", "application/json")];
        let mut findings = Vec::new();
        for attempt in 0..2 {
            match api.try_request(&operation.method, &filled.path, &headers, Some(spaces.clone())) {
                Ok(answer) if answer.status == 413 => {}
                Ok(answer) => findings.push(format!("{}: {} {}", operation.name(), answer.status, answer.body)),
                Err(why) => findings.push(format!("{} the {attempt}th time: {why}", operation.name())),
            }
        }
        findings
    });
    arena.was_attacked();
    none(findings);
}

/// HTTP that is broken below the level of operations. The answer is a refusal or the end of the connection, and the server
/// serves on.
#[test]
fn broken_http_is_refused_and_harms_nobody() {
    let arena = Arena::new();
    let path = arena.attacker.api_url().replace(arena.server.url(), "");
    let host = arena.server.url().trim_start_matches("http://").to_owned();
    let head =
        format!("POST {path}/flows/ HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n", arena.attacker.key);
    let long = "x".repeat(100_000);
    let requests = [
        format!("{head}content-length: abc\r\n\r\n{{}}"),
        format!("{head}content-length: -1\r\n\r\n{{}}"),
        format!("{head}content-length: 99999999999999999999\r\n\r\n{{}}"),
        format!("{head}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"),
        format!("{head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n"),
        format!("{head}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{{}}\r\n0\r\n\r\n"),
        format!("{head}transfer-encoding: gzip\r\n\r\n"),
        format!("{head}x-long: {long}\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("{head}{}content-length: 2\r\n\r\n{{}}", "x-many: 1\r\n".repeat(500)),
        format!("{head}x-bad\u{7f}: 1\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("GET {path}/flows/{long} HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        format!(
            "GET {path}/flows/%zz%00%ff HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n",
            arena.attacker.key
        ),
        format!(
            "GET {path}/flows/?limit=%zz&offset=%00&sort=%ff HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n",
            arena.attacker.key
        ),
        format!("GET {path}/flows/ HTTP/9.9\r\nhost: {host}\r\n\r\n"),
        format!("G\u{0}T {path}/flows/ HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        "\r\n\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u{0}\u{0}\u{0}\u{ff}".to_owned(),
    ];
    for request in &requests {
        let shown: String = request.chars().skip(head.len().min(request.len()) / 2).take(120).collect();
        let mut stream = TcpStream::connect(&host).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout is set");
        // The server may have ended the connection before all was sent.
        let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.starts_with("HTTP/1.1 5"), "{shown:?} is answered {said}");
        assert!(!said.starts_with("HTTP/1.1 2"), "{shown:?} is answered {said}");
    }
    arena.attacker.api().post("/flows/filter", &json!({})).expect(200);
}

/// Refusals leave nothing behind, also where the first half of a request would have been fine.
#[test]
fn what_is_refused_writes_nothing() {
    let arena = Arena::new();
    let schema = tests::truth::schema_of(&arena.server, &arena.attacker);
    let before = tests::truth::checksums(&arena.server, &schema);
    let api = arena.attacker.api();
    let absent = uuid::Uuid::new_v4().to_string();
    let requests = [
        ("/flows/", json!({"name": "good", "tags": ["fine", "a\u{0}b"]})),
        ("/flows/", json!({"name": "good", "labels": {"a": "b\u{0}"}})),
        ("/flow_runs/", json!({"flow_id": absent, "name": "good"})),
        ("/flow_runs/", json!({"flow_id": absent, "name": "a\u{0}"})),
        ("/task_runs/", json!({"flow_run_id": absent, "task_key": "a", "dynamic_key": "0"})),
    ];
    for (path, body) in requests {
        let answer = api.post(path, &body);
        assert!((400..500).contains(&answer.status), "{path} {body} is answered {} {}", answer.status, answer.body);
    }
    assert_eq!(before, tests::truth::checksums(&arena.server, &schema));
}
