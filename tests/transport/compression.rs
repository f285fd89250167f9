//! Answers that are worth it come compressed to those who ask for it.

use serde_json::json;
use tests::{Server, Tenant};

use crate::curl::{Got, curl};

fn get(tenant: &Tenant, path: &str, more: &[&str]) -> Got {
    let (url, key) = (format!("{}{path}", tenant.api_url()), format!("authorization: Bearer {}", tenant.key));
    curl(&[&["--header", &key, &url][..], more].concat())
}

#[test]
fn long_answers_are_compressed_and_short_ones_are_not() {
    let tenant = Tenant::fresh();
    let plain = get(&tenant, "/openapi.json", &[]);
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
    for encoding in ["gzip", "br"] {
        let accept = format!("accept-encoding: {encoding}");
        let packed = get(&tenant, "/openapi.json", &["--header", &accept, "--compressed"]);
        assert_eq!((packed.status, packed.header("content-encoding")), (200, Some(encoding)));
        assert!(packed.size * 3 < plain.size, "{encoding}: {} of {} bytes", packed.size, plain.size);
        assert!(packed.body == plain.body, "{encoding}: what is unpacked is what was packed");
        assert!(packed.all("vary").to_lowercase().contains("accept-encoding"), "{}", packed.all("vary"));
    }
    let flow = tenant.api().post("/flows/", &json!({"name": "short"})).expect(201);
    let path = format!("/flows/{}", flow["id"].as_str().unwrap_or_default());
    let short = get(&tenant, &path, &["--compressed"]);
    assert_eq!((short.status, short.header("content-encoding")), (200, None));
}

/// What the library would answer 406, after the operation has had its effect.
#[test]
fn who_refuses_encodings_gets_the_plain_answer() {
    let tenant = Tenant::fresh();
    for accept in ["identity;q=0", "*;q=0", "gzip;q=0, *;q=0"] {
        let headers = [("accept-encoding", accept), ("content-type", "application/json")];
        let name = format!("made in spite of {accept}");
        let body = json!({"name": name}).to_string().into_bytes();
        let made = tenant.api().request("POST", "/flows/", &headers, Some(body));
        assert_eq!((made.status, made.header("content-encoding")), (201, None), "{accept}: {}", made.body);
    }
}

/// Who refuses the plain answer and takes one of ours gets that one.
#[test]
fn a_refusal_of_the_plain_answer_does_not_turn_compression_off() {
    let tenant = Tenant::fresh();
    for (accept, encoding) in
        [("gzip, identity;q=0", "gzip"), ("gzip;q=1.0, *;q=0", "gzip"), ("br;q=1.0, gzip;q=0.5, *;q=0", "br")]
    {
        let accept = format!("accept-encoding: {accept}");
        let packed = get(&tenant, "/openapi.json", &["--header", &accept, "--compressed"]);
        assert_eq!((packed.status, packed.header("content-encoding")), (200, Some(encoding)), "{accept}");
    }
}

#[test]
fn it_can_be_turned_off() {
    let server = Server::builder().env("PREFECTURE_COMPRESSION", "off").start();
    let answer = get(&Tenant::on(&server), "/openapi.json", &["--compressed"]);
    assert_eq!((answer.status, answer.header("content-encoding")), (200, None));
}
