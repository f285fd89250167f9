//! Ten thousand connections that do nothing.

use std::net::Ipv4Addr;

use tests::{Server, eventually};

use crate::raw::Raw;

const MANY: usize = 10_000;

/// In kilobytes.
pub fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn ten_thousand_idle_connections_take_little_and_hinder_nobody() {
    let files = rlimit::increase_nofile_limit(u64::MAX).expect("the limit can be read");
    // Where the system allows fewer files, as many as it does.
    let many = MANY.min((files as usize).saturating_sub(500));
    let server = Server::builder().start();
    server.api().get("/api/ready").expect(200);
    let before = resident(&server);
    let connections: Vec<Raw> = (0..many)
        .map(|nth| {
            let mut raw = Raw::from(&server, Ipv4Addr::new(127, 0, 1, (nth / 1000) as u8 + 1));
            // Every other has asked something and stays; the rest has not said a word.
            if nth % 2 == 0 {
                raw.send("GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n");
                assert!(String::from_utf8_lossy(&raw.some()).starts_with("HTTP/1.1 200"));
            }
            raw
        })
        .collect();
    let each = (resident(&server) - before) as f64 / many as f64;
    eprintln!("{many} connections, {each:.1} kB each");
    assert!(each < 32.0, "{each:.1} kB each");
    server.api().get("/api/ready").expect(200);
    drop(connections);
    server.api().get("/api/ready").expect(200);
}

#[test]
fn there_is_a_last_place_and_who_finds_none_is_told() {
    let server = Server::builder().env("PREFECTURE_MAX_CONNECTIONS", "20").start();
    let mut taken: Vec<Raw> = (0..40).map(|_| Raw::open(&server)).collect();
    let told = eventually("some are turned away", || {
        let text = server.api().at(&server.metrics_url()).get("").body.as_str().unwrap_or_default().to_owned();
        let full = "prefecture_connections_refused_total{why=\"full\"} ";
        let count = text.lines().find_map(|line| line.strip_prefix(full)?.parse::<u64>().ok());
        count.filter(|count| *count >= 20).ok_or(count)
    });
    assert!(told >= 20);
    // The first came in, the last did not.
    let mut last = taken.pop().expect("there are forty");
    last.send("GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n");
    let said = last.rest();
    assert_eq!(said.statuses, [503], "{}", said.text);
    assert!(said.text.contains("retry-after: "), "{}", said.text);
    taken[0].send("GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(taken[0].rest().statuses, [200]);
    drop(taken);
    eventually("there is room again", || {
        let mut raw = Raw::open(&server);
        raw.send("GET /api/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let statuses = raw.rest().statuses;
        if statuses == [200] { Ok(()) } else { Err(statuses) }
    });
}
