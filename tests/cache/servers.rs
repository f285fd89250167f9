//! Every kind of Redis that may be named: two replicas share what they keep through it.

use serde_json::json;
use tests::{Builder, Flavour, Redis, RedisCluster, Server, Tenant, eventually};

use crate::{get, kept};

/// What one replica keeps the other answers, and what one writes the other tells.
fn shared_through(builder: impl Fn() -> Builder) {
    let builder = || builder().env("PREFECTURE_REDIS_TIMEOUT", "1s");
    let one = builder().start();
    let two = builder().database(one.database()).start();
    assert!(is_up(&one) && is_up(&two), "{}{}", one.log(), two.log());
    let mut shared = 0;
    for _ in 0..5 {
        let tenant = Tenant::on(&one);
        let flow = tenant.api().post("/flows/", &json!({"name": "f"})).expect(201);
        let path = format!("/flows/{}", flow["id"].as_str().expect("an id"));
        kept(&tenant.api(), &path);
        let elsewhere = tenant.at(&two).api();
        let (_, status) = get(&elsewhere, &path);
        // Nobody waits until it is kept, so the other may come too early.
        shared += usize::from(status.ends_with("; hit"));
        elsewhere.patch(&path, &json!({"tags": ["new"]})).expect(204);
        let (answer, _) = get(&tenant.api(), &path);
        assert_eq!(answer.body["tags"], json!(["new"]), "written at the other replica");
    }
    assert!(shared > 0, "what one replica keeps the other answers");
    for server in [one, two] {
        assert!(!server.log().contains("redis refused a command"), "{}", server.log());
    }
}

fn is_up(server: &Server) -> bool {
    let metrics = server.api().at(&server.metrics_url()).get("").body;
    metrics.as_str().is_some_and(|text| text.lines().any(|line| line == "prefecture_redis_up 1"))
}

fn shared_through_a(flavour: Flavour) {
    let redis = Redis::start_as(flavour);
    shared_through(|| Server::builder().redis(&redis));
}

#[test]
fn a_redis_with_a_password() {
    shared_through_a(Flavour::Password);
}

/// The user may touch no key but the program's, and do nothing that administers Redis.
#[test]
fn a_redis_with_a_user_of_few_rights() {
    shared_through_a(Flavour::User);
}

#[test]
fn a_valkey() {
    shared_through_a(Flavour::Valkey);
}

#[test]
fn a_cluster_of_three() {
    let cluster = RedisCluster::start(3);
    shared_through(|| Server::builder().env("PREFECTURE_REDIS_URL", &cluster.url()));
    let keys = cluster.keys();
    assert!(keys.iter().filter(|count| **count > 0).count() >= 2, "workspaces are on several nodes: {keys:?}");
}

#[test]
fn a_redis_behind_tls_whose_authority_is_known() {
    let redis = Redis::start_as(Flavour::Tls);
    let authority = redis.authority();
    let authority = authority.to_str().expect("UTF-8");
    shared_through(|| Server::builder().redis(&redis).env("SSL_CERT_FILE", authority));
}

#[test]
fn a_redis_that_proves_nothing_is_not_used() {
    let tls = Redis::start_as(Flavour::Tls);
    let plain = Redis::start_as(Flavour::Password);
    let wrong_password = plain.url().replace("hunter2", "hunter3");
    for url in [tls.url(), wrong_password] {
        let server = Server::builder().env("PREFECTURE_REDIS_URL", &url).start();
        eventually("it was tried", || if server.log().contains("redis is away") { Ok(()) } else { Err(server.log()) });
        assert!(!is_up(&server));
        assert!(!server.log().contains("hunter"), "{}", server.log());
        let tenant = Tenant::on(&server);
        tenant.api().post("/flows/", &json!({"name": "f"})).expect(201);
    }
}
