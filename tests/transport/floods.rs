//! Floods of HTTP/2: the connection is closed, memory stays bounded, and neighbours are served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use tests::{Server, eventually};

use crate::idle::resident;
use crate::raw::Raw;

/// Kinds of frames (RFC 9113, 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The length of a window, among the settings.
const INITIAL_WINDOW: u16 = 4;

/// What a flood sends at most, in bytes: far more than any bound.
const MOST: usize = 256 << 20;
/// By how much it may make the server grow, in kilobytes.
const GROWTH: u64 = 48 * 1024;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is small").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A GET in HPACK (RFC 7541): method and scheme from the table, path and authority in letters.
fn get(path: &str) -> Vec<u8> {
    assert!(path.len() < 127, "longer ones are written otherwise");
    let mut head = vec![0x82, 0x86, 0x04, path.len() as u8];
    head.extend(path.as_bytes());
    head.extend([0x01, 1, b'x']);
    head
}

/// A connection whose server has been greeted.
fn greet(server: &Server, settings: &[u8]) -> Raw {
    let mut raw = Raw::open(server);
    assert!(raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") && raw.send(frame(SETTINGS, 0, 0, settings)));
    raw
}

fn setting(name: u16, value: u32) -> Vec<u8> {
    [name.to_be_bytes().as_slice(), value.to_be_bytes().as_slice()].concat()
}

/// Sends what `next` makes until the server closes the connection. Meanwhile the server grows little and serves others.
fn is_ended(server: &Server, raw: &Raw, reads: bool, mut next: impl FnMut() -> Vec<u8>) {
    let before = resident(server);
    let reader = reads.then(|| drain(raw.stream().try_clone().expect("a second handle")));
    let mut stream = raw.stream();
    stream.set_write_timeout(Some(Duration::from_secs(20))).expect("it is not zero");
    let (mut sent, mut asked) = (0, Instant::now());
    let why = loop {
        let bytes = next();
        if let Err(error) = stream.write_all(&bytes) {
            break error.kind();
        }
        sent += bytes.len();
        assert!(sent < MOST, "{sent} bytes were taken, and nobody minds");
        if asked.elapsed() > Duration::from_millis(100) {
            server.api().get("/api/health").expect(200);
            let grown = resident(server).saturating_sub(before);
            assert!(grown < GROWTH, "{grown} kB more after {sent} bytes");
            asked = Instant::now();
        }
    };
    assert!(!matches!(why, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "it is kept: {why:?}");
    reader.map(|reader| reader.join().expect("it only reads"));
    server.api().get("/api/health").expect(200);
    let grown = resident(server).saturating_sub(before);
    assert!(grown < GROWTH, "{grown} kB more");
}

fn drain(mut stream: TcpStream) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let (mut kinds, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            kinds.truncate(64 * 1024);
            kinds.extend_from_slice(&buffer[..read]);
        }
        kinds
    })
}

/// Of its own: what the others do to its memory is not to be seen.
fn server() -> Server {
    let server = Server::builder().env("PREFECTURE_WRITE_TIMEOUT", "2s").env("PREFECTURE_IDLE_TIMEOUT", "3s").start();
    server.api().get("/api/health").expect(200);
    server
}

/// The requests of a number without end.
fn streams() -> impl Iterator<Item = u32> {
    (0..).map(|nth| 2 * nth + 1)
}

#[test]
fn who_asks_and_takes_it_back_is_ended() {
    let server = server();
    for path in ["/api/health", "/api/me/workspaces", "/docs/swagger-ui-bundle.js"] {
        let (raw, mut streams) = (greet(&server, &[]), streams());
        is_ended(&server, &raw, true, || {
            let stream = streams.next().expect("they do not end");
            let mut both = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get(path));
            both.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            both
        });
    }
}

#[test]
fn a_head_that_goes_on_for_ever_is_ended() {
    let server = server();
    for piece in [&b""[..], &[0; 1], &[0x82; 8000]] {
        let mut raw = greet(&server, &[]);
        raw.send(frame(HEADERS, END_STREAM, 1, &get("/api/health")));
        is_ended(&server, &raw, true, || frame(CONTINUATION, 0, 1, piece).repeat(16));
    }
}

#[test]
fn who_pings_or_sets_and_reads_no_answer_is_ended() {
    let server = server();
    for flood in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &setting(INITIAL_WINDOW, 65_535))] {
        let raw = greet(&server, &[]);
        is_ended(&server, &raw, false, || flood.repeat(1000));
    }
}

#[test]
fn empty_pieces_of_a_body_without_end_are_ended() {
    let server = server();
    let mut raw = greet(&server, &[]);
    raw.send(frame(HEADERS, END_HEADERS, 1, &get("/api/health")));
    is_ended(&server, &raw, true, || frame(DATA, 0, 1, &[]).repeat(1000));
}

/// The answers are large, and their takers say that they have no room; their pings they send.
#[test]
fn who_opens_no_window_is_ended_and_holds_little() {
    let server = server();
    for window in [0, 1] {
        let mut raw = greet(&server, &setting(INITIAL_WINDOW, window));
        let before = resident(&server);
        for stream in streams().take(100) {
            raw.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/docs/swagger-ui-bundle.js")));
        }
        let reader = drain(raw.stream().try_clone().expect("a second handle"));
        eventually("the connection is ended", || {
            let grown = resident(&server).saturating_sub(before);
            assert!(grown < GROWTH, "{grown} kB more");
            server.api().get("/api/health").expect(200);
            let ping = raw.send(frame(PING, 0, 0, &[0; 8]));
            if !ping || reader.is_finished() { Ok(()) } else { Err("it is open") }
        });
    }
}

#[test]
fn who_is_told_to_go_is_told_why() {
    let server = server();
    let mut raw = greet(&server, &[]);
    // A frame larger than any may be.
    raw.send(frame(DATA, 0, 1, &[0; 20_000]));
    let said = drain(raw.stream().try_clone().expect("a second handle")).join().expect("it only reads");
    assert!(said.windows(9).any(|head| head[3] == GOAWAY && head[5..] == [0; 4]), "{said:?}");
}
