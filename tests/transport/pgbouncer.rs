//! PgBouncer in transaction mode between the server and Postgres: each transaction on another connection.

use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::json;
use tests::flow::runs_whole;
use tests::{Client, Cluster, Database, Folder, Running, Server, Tenant, eventually, free_port, unprivileged};

use crate::nginx::program;

/// Ended when dropped.
struct PgBouncer {
    _running: Running,
    port: u16,
    _folder: Folder,
}

impl PgBouncer {
    /// With few connections to the server, so that clients must share them.
    fn before(cluster: &Cluster) -> PgBouncer {
        let (folder, port) = (Folder::new("pgbouncer"), free_port());
        let (conf, users) = (folder.path().join("pgbouncer.ini"), folder.path().join("users.txt"));
        std::fs::write(&users, "\"prefecture_serve\" \"\"\n").expect("the folder is ours");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 3\n\
             max_client_conn = 200\n",
            cluster.port(),
            users.display()
        );
        std::fs::write(&conf, text).expect("the folder is ours");
        let mut pgbouncer = Command::new(program("pgbouncer"));
        pgbouncer.arg(&conf);
        if folder.is_roots() {
            let (uid, gid) = unprivileged();
            pgbouncer.uid(uid).gid(gid);
        }
        let mut running = Running::start("pgbouncer", pgbouncer, &folder.path().join("pgbouncer.log"), "QUIT");
        eventually("pgbouncer listens", || {
            assert!(running.ended().is_none(), "pgbouncer did not start:\n{}", running.log());
            std::net::TcpStream::connect(("127.0.0.1", port)).map(drop)
        });
        PgBouncer { _running: running, port, _folder: folder }
    }

    fn server(&self, database: &Database) -> Server {
        Server::builder()
            .database(database)
            .env("PREFECTURE_DATABASE_URL", &database.url_through(self.port))
            .env("PREFECTURE_DATABASE_POOLER", "transaction")
            .start()
    }
}

#[test]
fn the_sdk_runs_a_flow_and_nothing_stays_prepared() {
    let cluster = Cluster::shared();
    let pgbouncer = PgBouncer::before(cluster);
    let database = cluster.database();
    let server = pgbouncer.server(&database);
    let tenant = Tenant::on(&server);
    runs_whole(&tenant, Client::of(&tenant));

    // Two replicas and two workspaces, so that connections go from hand to hand.
    let replica = pgbouncer.server(&database);
    let second = Tenant::on(&server);
    std::thread::scope(|scope| {
        for nth in 0..8 {
            let tenant = if nth % 2 == 0 { &tenant } else { &second };
            let at = if nth < 4 { &server } else { &replica };
            let api = tenant.api().at(&tenant.api_url().replace(server.url(), at.url()));
            scope.spawn(move || {
                for n in 0..20 {
                    let flow = api.post("/flows/", &json!({"name": format!("{nth} {n}")})).expect(201);
                    let run = api.post("/flow_runs/", &json!({"flow_id": flow["id"]})).expect(201);
                    let path = format!("/flow_runs/{}", run["id"].as_str().unwrap_or_default());
                    assert_eq!(api.get(&path).expect(200)["flow_id"], flow["id"]);
                }
            });
        }
    });
    for tenant in [&tenant, &second] {
        let named =
            |prefix: usize| json!({"flows": {"name": {"any_": [format!("{prefix} 0"), format!("{} 0", prefix + 1)]}}});
        let found = tenant.api().post("/flows/filter", &named(0)).expect(200);
        assert_eq!(found.as_array().map(Vec::len), Some(1), "each workspace has its own: {found}");
    }
    let logs = [server.log(), replica.log()].concat();
    assert!(!logs.contains("prepared statement"), "{logs}");
}

#[test]
fn the_owner_must_go_past_it() {
    let database = Cluster::shared().database();
    let refused = Server::builder()
        .database(&database)
        .env("PREFECTURE_DATABASE_POOLER", "transaction")
        .env("PREFECTURE_OWNER_DATABASE_URL", "")
        .refused();
    assert!(refused.err.contains("PREFECTURE_OWNER_DATABASE_URL"), "{}", refused.err);
}
