//! A database that is away, in each way in which it can be: known keys still count, whatever needs data is refused with 503
//! and `Retry-After` in about two seconds at most, and about two seconds after its return all is well, with nothing lost and
//! no more connections than are allowed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Account, Answer, Cluster, Database, Network, Proxy, Server, Tenant, eventually, truth};

use crate::hung::Stopped;

/// The promise is two seconds; a machine that is busy with other tests gets twice that.
const IN_TIME: Duration = Duration::from_secs(4);
/// Longer than a verified key lives by itself, and than the program takes to notice.
const OUTAGE: Duration = Duration::from_secs(4);
const CLIENTS: usize = 6;
/// What the program may open: its pool, the control plane's, and a few for readiness and looking after both.
const CONNECTIONS: usize = 16 + 4 + 4;

struct Ground {
    database: Database,
    proxy: Proxy,
    server: Server,
    tenant: Tenant,
    schema: String,
    flow: String,
    next: AtomicUsize,
}

impl Ground {
    fn on(cluster: &'static Cluster) -> Ground {
        let database = cluster.database();
        let proxy = Proxy::to(cluster.port());
        let url = database.url_through(proxy.port());
        let server = Server::builder().database(&database).env("PREFECTURE_DATABASE_URL", &url).start();
        let tenant = Account::create(&server).workspace();
        let schema = truth::schema_of(&server, &tenant);
        let flow = tenant.api().post("/flows/", &json!({"name": "there"})).expect(201);
        let flow = format!("/flows/{}", flow["id"].as_str().expect("an id"));
        let ground = Ground { database, proxy, server, tenant, schema, flow, next: AtomicUsize::new(0) };
        ground.is_well().expect("nothing is wrong yet");
        ground
    }

    /// A write of its own.
    fn write(&self) -> (String, Answer) {
        let name = format!("flow-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let answer = self.tenant.api().post("/flows/", &json!({"name": name}));
        (name, answer)
    }

    fn scopes(&self) -> Answer {
        self.tenant.api().at(&self.tenant.cloud_api_url()).get("/workspace_scopes")
    }

    fn is_well(&self) -> Result<(), String> {
        let answers = [
            self.tenant.api().get(&self.flow),
            self.write().1,
            self.tenant.api().post("/flows/filter", &json!({})),
            self.scopes(),
            self.server.api().get("/api/ready"),
        ];
        match answers.iter().find(|answer| answer.status >= 300) {
            None => Ok(()),
            Some(answer) => Err(format!("{} {}", answer.status, answer.body)),
        }
    }

    /// Many clients while the database is away.
    fn is_refused(&self) {
        let until = Instant::now() + OUTAGE;
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                scope.spawn(move || {
                    for nth in client.. {
                        let asked = Instant::now();
                        if asked > until {
                            return;
                        }
                        let answer = match nth % 4 {
                            0 => self.tenant.api().get(&self.flow),
                            1 => self.write().1,
                            2 => self.tenant.api().post("/flows/filter", &json!({})),
                            _ => self.server.api().get("/api/ready"),
                        };
                        in_time(asked);
                        assert_eq!(answer.status, 503, "{}", answer.body);
                        let after = answer.header("retry-after").and_then(|after| after.parse::<u32>().ok());
                        assert!(after.is_some(), "{:?}", answer.headers);
                    }
                });
            }
            // Nobody is told that a key is bad, and what needs the key alone goes on.
            while Instant::now() < until {
                let asked = Instant::now();
                self.scopes().expect(200);
                self.server.api().get("/api/health").expect(200);
                in_time(asked);
            }
        });
    }

    /// All is well in time, and stays so for all who come back at once.
    fn recovers(&self) {
        let healed = Instant::now();
        eventually("all is well again", || self.is_well());
        in_time(healed);
        self.holds();
    }

    /// What is acknowledged under load is there; connections are within their bounds, and none is left in a transaction.
    fn holds(&self) {
        let acknowledged: Vec<String> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..4 * CLIENTS)
                .map(|_| {
                    scope.spawn(|| {
                        let (name, answer) = self.write();
                        answer.expect(201);
                        name
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().expect("it is answered")).collect()
        });
        self.are_there(&acknowledged);
        let of_program =
            format!("from pg_stat_activity where datname = '{}' and usename = 'prefecture_serve'", self.database.name);
        let connections: usize = self.database.sql(&format!("select count(*) {of_program}")).parse().expect("a number");
        assert!(connections <= CONNECTIONS, "{connections} connections");
        eventually("no transaction is open", || {
            match self.database.sql(&format!("select count(*) {of_program} and xact_start is not null")).as_str() {
                "0" => Ok(()),
                open => Err(open.to_owned()),
            }
        });
    }

    fn are_there(&self, names: &[String]) {
        let there = self.database.sql(&format!("select name from {}.flow", self.schema));
        let there: Vec<&str> = there.lines().collect();
        let lost: Vec<&String> = names.iter().filter(|name| !there.contains(&name.as_str())).collect();
        assert!(lost.is_empty(), "acknowledged and gone: {lost:?}");
    }
}

fn in_time(since: Instant) {
    assert!(since.elapsed() < IN_TIME, "it took {:?}", since.elapsed());
}

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
    let before = ground.proxy.opened();
    ground.proxy.set(Network::Good);
    ground.recovers();
    let opened = ground.proxy.opened() - before;
    assert!(opened <= 2 * CONNECTIONS, "{opened} connections were opened at its return");
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
