//! Settings that `prefecture serve` would refuse.

use tests::Server;

use super::Found;

#[test]
fn every_setting_that_would_be_refused_is_named_and_no_secret_repeated() {
    let arguments = [
        "--database-url",
        "postgres://serve:hunter2@nowhere:port/",
        "--redis-url",
        "redis://:hunter2@h:port",
        "--otlp-endpoint",
        "ftp://u:hunter2@h",
        "--max-connections",
        "0",
    ];
    let found = Found::on(Server::shared(), &arguments);
    for setting in
        ["PREFECTURE_DATABASE_URL", "PREFECTURE_REDIS_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "PREFECTURE_MAX_CONNECTIONS"]
    {
        let named = found.all.iter().filter(|found| found["check"] == "settings" && found["verdict"] == "bad");
        let named = named.filter(|found| found["found"].as_str().is_some_and(|found| found.contains(setting)));
        assert_eq!(named.count(), 1, "{setting}: {:?}", found.all);
    }
    found.is("encryption keys", "good", "'tests'");
    found.is("postgres", "skipped", "");
    found.is("redis", "skipped", "");
    found.says_nothing_of("hunter2");
}
