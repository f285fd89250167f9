//! A database that is away, in each way in which it can be: known keys still count, whatever needs data is refused with 503
//! and `Retry-After` in about two seconds at most, and about two seconds after its return all is well, with nothing lost and
//! no more connections than are allowed.

use std::time::{Duration, Instant};

use tests::{Cluster, Network, eventually};

use crate::ground::{Ground, in_time};
use crate::hung::Stopped;

#[test]
fn a_database_that_is_stopped_and_started() {
    let cluster = Cluster::own();
    let ground = Ground::on(cluster);
    let (kept, answer) = ground.write();
    answer.expect(201);
    cluster.kill9();
    ground.is_refused();
    cluster.start_postgres();
    ground.recovers();
    ground.are_there(&[kept]);
}

#[test]
fn a_database_that_hangs() {
    let ground = Ground::on(Cluster::own());
    let stopped = Stopped::all_of(&ground.database);
    ground.is_refused();
    drop(stopped);
    ground.recovers();
}

#[test]
fn a_network_that_swallows_everything() {
    let ground = Ground::on(Cluster::shared());
    ground.proxy.set(Network::BlackHole);
    ground.is_refused();
    ground.proxy.set(Network::Good);
    ground.recovers();
}

#[test]
fn a_database_that_refuses_connections() {
    let ground = Ground::on(Cluster::shared());
    ground.proxy.set(Network::Refusing);
    ground.proxy.reset();
    ground.is_refused();
    ground.proxy.set(Network::Good);
    ground.recovers();
}

#[test]
fn a_database_without_room_for_connections() {
    let cluster = Cluster::own();
    let ground = Ground::on(cluster);
    ground.database.sql("alter role prefecture_serve connection limit 0");
    ground.database.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'prefecture_serve'");
    ground.is_refused();
    ground.database.sql("alter role prefecture_serve connection limit -1");
    ground.recovers();
}

#[test]
fn a_database_that_only_reads() {
    let ground = Ground::on(Cluster::own());
    let set = |value: &str| {
        ground.database.sql(&format!("alter system set default_transaction_read_only = {value}"));
        ground.database.sql("select pg_reload_conf()");
    };
    set("on");
    eventually("writes are refused", || match ground.write().1.status {
        503 => Ok(()),
        other => Err(other),
    });
    for _ in 0..10 {
        let (name, answer) = ground.write();
        assert_eq!(answer.status, 503, "{name}: {}", answer.body);
        assert!(answer.header("retry-after").is_some());
        ground.tenant.api().get(&ground.flow).expect(200);
    }
    ground.database.sql("alter system reset default_transaction_read_only");
    ground.database.sql("select pg_reload_conf()");
    ground.recovers();
}

#[test]
fn connections_that_are_reset() {
    let ground = Ground::on(Cluster::shared());
    for _ in 0..5 {
        ground.proxy.reset();
        let (_, answer) = ground.write();
        assert!(matches!(answer.status, 201 | 503), "{} {}", answer.status, answer.body);
        ground.recovers();
    }
}

#[test]
fn connections_whose_other_end_is_gone() {
    let ground = Ground::on(Cluster::shared());
    ground.proxy.half_open();
    let asked = Instant::now();
    let (_, answer) = ground.write();
    assert!(matches!(answer.status, 201 | 503), "{} {}", answer.status, answer.body);
    in_time(asked);
    ground.recovers();
}

#[test]
fn a_slow_network_is_slow_and_no_more() {
    let ground = Ground::on(Cluster::shared());
    let (latency, jitter) = (Duration::from_millis(40), Duration::from_millis(30));
    for network in [Network::Slow { latency, jitter }, Network::Throttled(200_000)] {
        ground.proxy.set(network);
        for _ in 0..5 {
            ground.is_well().unwrap_or_else(|why| panic!("{network:?}: {why}"));
        }
        ground.holds();
    }
}
