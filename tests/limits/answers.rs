//! Answers that would take much memory, and clients that read theirs slowly.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use tests::{Server, Tenant, eventually};

const MIB: usize = 1 << 20;

/// Runs with that much in each.
fn runs(tenant: &Tenant, count: usize, bytes: usize) {
    let api = tenant.api();
    let flow = api.post("/flows/", &json!({"name": "f"})).expect(201);
    for _ in 0..count {
        let run = json!({"flow_id": flow["id"], "job_variables": {"a": "z".repeat(bytes)}});
        api.post("/flow_runs/", &run).expect(201);
    }
}

#[test]
fn who_asks_for_too_much_at_once_is_told_to_ask_for_less() {
    let server = Server::builder().env("PREFECTURE_ANSWER_LIMIT", &MIB.to_string()).start();
    let tenant = Tenant::on(&server);
    runs(&tenant, 3, MIB / 2);
    let api = tenant.api();
    let refused = api.post("/flow_runs/filter", &json!({}));
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(refused.body["detail"].as_str().is_some_and(|why| why.contains("smaller limit")), "{}", refused.body);
    let one = api.post("/flow_runs/filter", &json!({"limit": 1})).expect(200);
    assert_eq!(one[0]["job_variables"]["a"].as_str().map(str::len), Some(MIB / 2));
    assert_eq!(api.post("/flow_runs/count", &json!({})).expect(200), 3);
}

#[test]
fn answers_that_nobody_reads_do_not_pile_up() {
    let settings = [("PREFECTURE_ANSWER_LIMIT", 32 * MIB), ("PREFECTURE_ANSWERS_MEMORY", 64 * MIB)];
    let builder = settings.iter().fold(Server::builder(), |to, (name, bytes)| to.env(name, &bytes.to_string()));
    let server = builder.env("PREFECTURE_COMPRESSION", "off").start();
    let tenant = Tenant::on(&server);
    runs(&tenant, 5, 4 * MIB);
    // Each of these answers takes 20 MiB, more than the kernel takes over: three have room, and a fourth has not.
    let (address, path) = tenant
        .api_url()
        .trim_start_matches("http://")
        .split_once('/')
        .map(|(a, p)| (a.to_owned(), p.to_owned()))
        .expect("a path");
    let ask = || {
        let mut stream = TcpStream::connect(&address).expect("the server listens");
        let head = format!(
            "POST /{path}/flow_runs/filter HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}",
            tenant.key
        );
        stream.write_all(head.as_bytes()).expect("the server reads");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("the server answers");
        (stream, String::from_utf8_lossy(&status).into_owned())
    };
    let slow: Vec<(TcpStream, String)> = (0..3).map(|_| ask()).collect();
    assert!(slow.iter().all(|(_, status)| status.ends_with("200")), "{slow:?}");
    assert!(ask().1.ends_with("503"));
    // What is small is answered as ever, and so is what has had its effect.
    let api = tenant.api();
    api.post("/flow_runs/count", &json!({})).expect(200);
    let flow = api.post("/flows/", &json!({"name": "f"})).expect(200);
    let run = json!({"flow_id": flow["id"], "job_variables": {"a": "z".repeat(MIB)}});
    api.post("/flow_runs/", &run).expect(201);
    drop(slow);
    eventually("there is room again", || match ask().1 {
        status if status.ends_with("200") => Ok(()),
        status => Err(status),
    });
}
