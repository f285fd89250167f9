//! Three replicas: one serves, one is struck, and one takes over.

use std::sync::{Arc, Mutex};

use tests::{Builder, Cluster, Database, Network, Proxy, Server, eventually};

use super::scene::Scene;
use super::trap::Trap;

pub struct Ground {
    pub database: Database,
    /// Without services.
    pub serving: Server,
    /// Behind the proxy.
    pub struck: Server,
    pub other: Server,
    pub proxy: Proxy,
    pub trap: Arc<Trap>,
}

static GROUND: Mutex<Option<Ground>> = Mutex::new(None);

impl Ground {
    /// The scenes take turns on it. One that failed leaves it in any state, and the next is given another.
    pub fn with<T>(play: impl FnOnce(&mut Ground) -> T) -> T {
        let mut ground = GROUND.lock().unwrap_or_else(|poisoned| {
            let mut ground = poisoned.into_inner();
            *ground = None;
            GROUND.clear_poison();
            ground
        });
        play(ground.get_or_insert_with(Ground::new))
    }

    fn new() -> Ground {
        let cluster = Cluster::shared();
        let database = cluster.database();
        let (trap, proxy) = Trap::before(cluster.port());
        let url = database.url_through(proxy.port());
        let serving = replica(&database).env("PREFECTURE_SERVICES", "off").env("PREFECTURE_POLL_HOLD", "0s").start();
        let struck = replica(&database).env("PREFECTURE_DATABASE_URL", &url).start();
        let other = replica(&database).start();
        Ground { database, serving, struck, other, proxy, trap }
    }

    /// Waits until nobody works on the workspace, and nobody has a transaction open.
    pub fn settle(&self, scene: &Scene) {
        eventually("replicas come to rest", || {
            let open = "select count(*) from pg_stat_activity where datname = current_database() and xact_start is not null \
                and backend_type = 'client backend' and pid <> pg_backend_pid()";
            let (claimed, open) = (scene.claimed(), self.database.sql(open));
            if !claimed && open == "0" { Ok(()) } else { Err(format!("claimed: {claimed}, {open} transactions")) }
        });
    }

    pub fn let_network_be(&self) {
        self.proxy.set(Network::Good);
    }
}

fn replica(database: &Database) -> Builder {
    Server::builder()
        .database(database)
        .env("PREFECTURE_LATE_AFTER", "1s")
        .env("PREFECTURE_SERVICES_POLL", "100ms")
        .env("PREFECTURE_KEEP_RUNS", "10d")
        // What a replica that stands still has locked is let go soon.
        .env("PREFECTURE_IDLE_TRANSACTION", "1s")
}
