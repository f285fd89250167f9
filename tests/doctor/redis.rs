//! Redis.

use std::time::Duration;

use tests::{Flavour, Network, Proxy, Redis, Server};

use super::Found;

#[test]
fn redis_is_looked_at() {
    let mut redis = Redis::start();
    let url = redis.url();
    let arguments = ["--redis-url", url.as_str()];
    let found = Found::on(Server::shared(), &arguments);
    found.is("redis version", "good", "");
    found.is("redis role", "good", "");
    found.is("redis mode", "good", "");
    found.is("clock of redis", "good", "");
    found.is("redis memory", "warning", "no limit");
    found.is("redis eviction", "warning", "noeviction");

    redis.command("CONFIG SET maxmemory 64mb");
    redis.command("CONFIG SET maxmemory-policy volatile-lru");
    let found = Found::on(Server::shared(), &arguments);
    found.is("redis memory", "good", "64 MB");
    found.is("redis eviction", "good", "volatile-lru");

    let cluster = url.replace("redis://", "redis+cluster://");
    Found::on(Server::shared(), &["--redis-url", &cluster]).is("redis mode", "bad", "no cluster");

    redis.command("REPLICAOF 127.0.0.1 1");
    Found::on(Server::shared(), &arguments).is("redis role", "bad", "takes no writes");

    redis.kill9();
    Found::on(Server::shared(), &arguments).is("redis", "bad", "refused");
}

#[test]
fn each_node_of_a_cluster_that_is_named_is_looked_at() {
    let redis = Redis::start_as(Flavour::Cluster);
    let found = Found::on(Server::shared(), &["--redis-url", &redis.url()]);
    found.is("redis version", "good", "");
    found.is("redis role", "good", "");
}

#[test]
fn a_redis_that_is_too_far_away_is_seen() {
    let redis = Redis::start();
    let proxy = Proxy::to(redis.port());
    proxy.set(Network::Slow { latency: Duration::from_millis(30), jitter: Duration::ZERO });
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    Found::on(Server::shared(), &["--redis-url", &url]).is("redis", "bad", "nobody waits longer than 25ms");
    Found::on(Server::shared(), &["--redis-url", &url, "--redis-timeout", "1s"]).is("redis", "good", "");
    proxy.set(Network::BlackHole);
    Found::on(Server::shared(), &["--redis-url", &url]).is("redis", "bad", "");
}

#[test]
fn a_login_that_may_not_look_is_a_finding_and_no_password_is_said() {
    let redis = Redis::start_as(Flavour::Password);
    let wrong = redis.url().replace("hunter2", "hunter3");
    let found = Found::on(Server::shared(), &["--redis-url", &wrong]);
    found.is("redis", "bad", "");
    found.says_nothing_of("hunter3");
    redis.command("ACL SETUSER default -info");
    let found = Found::on(Server::shared(), &["--redis-url", &redis.url()]);
    found.is("redis", "bad", "");
    found.says_nothing_of("hunter2");
}
