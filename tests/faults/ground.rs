//! A server whose database is behind a proxy, and what is promised of it while the database is away and when it returns.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Account, Answer, Cluster, Database, Proxy, Server, Tenant, eventually, truth};

/// In which a request is refused, and in which all is well again.
const IN_TIME: Duration = Duration::from_secs(2);
/// Longer than a verified key lives by itself, and than the program takes to notice.
const OUTAGE: Duration = Duration::from_secs(4);
const CLIENTS: usize = 6;
/// What the program may open: its pool, the control plane's, and a few for readiness and looking after both.
const CONNECTIONS: usize = 16 + 4 + 6;

/// Connections that may be tried in an outage, however many clients there are: two pools ask four times a second whether the
/// database is there, and as often for room.
const TRIED: usize = 2 * 2 * 4 * (OUTAGE.as_secs() as usize + 3) + CONNECTIONS;

pub struct Ground {
    pub database: Database,
    pub proxy: Proxy,
    pub server: Server,
    pub tenant: Tenant,
    schema: String,
    /// Its path.
    pub flow: String,
    next: AtomicUsize,
    /// How many connections there had been when this was counted last.
    opened: AtomicUsize,
}

impl Ground {
    pub fn on(cluster: &'static Cluster) -> Ground {
        let database = cluster.database();
        let proxy = Proxy::to(cluster.port());
        let url = database.url_through(proxy.port());
        let server = Server::builder().database(&database).env("PREFECTURE_DATABASE_URL", &url).start();
        let tenant = Account::create(&server).workspace();
        let schema = truth::schema_of(&server, &tenant);
        let flow = tenant.api().post("/flows/", &json!({"name": "there"})).expect(201);
        let flow = format!("/flows/{}", flow["id"].as_str().expect("an id"));
        let ground = Ground {
            database,
            proxy,
            server,
            tenant,
            schema,
            flow,
            next: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
        };
        ground.is_well().expect("nothing is wrong yet");
        ground.opened();
        ground
    }

    /// A write of its own.
    pub fn write(&self) -> (String, Answer) {
        let name = format!("flow-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let answer = self.tenant.api().post("/flows/", &json!({"name": name}));
        (name, answer)
    }

    /// A write that takes some pages.
    pub fn fat_write(&self) -> (String, Answer) {
        let name = format!("flow-{}", self.next.fetch_add(1, Ordering::Relaxed));
        // Not to be compressed.
        let labels: String = (0..200).map(|_| uuid::Uuid::new_v4().to_string()).collect();
        let answer = self.tenant.api().post("/flows/", &json!({"name": name, "labels": {"fat": labels}}));
        (name, answer)
    }

    fn scopes(&self) -> Answer {
        self.tenant.api().at(&self.tenant.cloud_api_url()).get("/workspace_scopes")
    }

    pub fn is_well(&self) -> Result<(), String> {
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
    pub fn is_refused(&self) {
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
        let tried = self.opened();
        assert!(tried <= TRIED, "{tried} connections were tried while the database was away");
    }

    /// How many connections were opened since this was asked last.
    fn opened(&self) -> usize {
        let now = self.proxy.opened();
        now - self.opened.swap(now, Ordering::Relaxed)
    }

    /// All is well in time, and stays so for all who come back at once.
    pub fn recovers(&self) {
        let healed = Instant::now();
        eventually("all is well again", || self.is_well());
        in_time(healed);
        self.holds();
        let opened = self.opened();
        assert!(opened <= CONNECTIONS, "{opened} connections were opened at its return");
    }

    /// What is acknowledged under load is there; connections are within their bounds, and none is left in a transaction.
    pub fn holds(&self) {
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

    pub fn are_there(&self, names: &[String]) {
        let there = self.database.sql(&format!("select name from {}.flow", self.schema));
        let there: Vec<&str> = there.lines().collect();
        let lost: Vec<&String> = names.iter().filter(|name| !there.contains(&name.as_str())).collect();
        assert!(lost.is_empty(), "acknowledged and gone: {lost:?}");
    }
}

#[track_caller]
pub fn in_time(since: Instant) {
    assert!(since.elapsed() < IN_TIME, "it took {:?}", since.elapsed());
}
