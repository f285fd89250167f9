//! The public address, through proxies that do one thing wrong.

use std::time::Duration;

use tests::{Server, free_port};

use super::Found;
use super::front::{Front, Harm};

const ALL: [&str; 7] = [
    "public address",
    "trailing slashes",
    "headers",
    "web sockets",
    "quiet connections",
    "authorization",
    "large bodies",
];

/// Looks through a proxy; all but the checks named must be good.
fn through(harm: Harm, ill: &[(&str, &str, &str)]) {
    let server = Server::shared();
    let proxy = Front::start(server.url(), harm);
    let found = Found::on(server, &["--public-url", &proxy.url()]);
    for (check, verdict, said) in ill {
        found.is(check, verdict, said);
    }
    for check in ALL.iter().filter(|check| ill.iter().all(|(named, ..)| named != *check)) {
        found.is(check, "good", "");
    }
}

#[test]
fn a_proxy_that_hands_everything_on_is_well() {
    through(Harm::None, &[]);
}

#[test]
fn a_proxy_that_takes_the_key_away_is_seen() {
    through(Harm::Drops("authorization"), &[("authorization", "bad", "101 in place of 401")]);
}

#[test]
fn a_proxy_that_hands_no_upgrade_on_is_seen() {
    let ill = [
        ("web sockets", "bad", "an upgrade is answered 405"),
        ("quiet connections", "skipped", ""),
        ("authorization", "bad", "405 in place of 401"),
    ];
    through(Harm::Drops("upgrade"), &ill);
}

#[test]
fn a_proxy_that_drops_headers_is_seen() {
    through(Harm::Drops("x-prefect-api-version"), &[("headers", "bad", "answered 200")]);
}

#[test]
fn a_proxy_with_a_small_limit_is_seen() {
    through(Harm::Limits(1 << 20), &[("large bodies", "bad", "too many")]);
}

#[test]
fn a_proxy_that_cuts_silence_short_is_seen() {
    through(Harm::Cuts(Duration::from_secs(2)), &[("quiet connections", "bad", "cut after")]);
}

#[test]
fn a_proxy_that_redirects_is_seen() {
    through(Harm::Redirects, &[("trailing slashes", "bad", "200 and 307")]);
}

#[test]
fn an_address_at_which_nobody_or_somebody_else_answers_is_seen() {
    let server = Server::shared();
    for (url, said) in [
        (format!("http://127.0.0.1:{}", free_port()), "no answer"),
        ("ftp://example.org".to_owned(), "neither http nor https"),
        ("https://me:hunter2@example.org".to_owned(), "a user, a password"),
        (server.metrics_url(), "404"),
    ] {
        let found = Found::on(server, &["--public-url", &url]);
        found.is("public address", "bad", said);
        found.says_nothing_of("hunter2");
    }
    let other = tests::Issuer::start();
    other.instead("/api/health", "200 OK", "true");
    let found = Found::on(server, &["--public-url", other.url()]);
    found.is("public address", "bad", "by something else");
    found.is("web sockets", "skipped", "");
}
