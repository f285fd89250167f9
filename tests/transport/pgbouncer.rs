//! PgBouncer in transaction mode between the server and Postgres: each transaction on another connection.

use serde_json::json;
use tests::flow::runs_whole;
use tests::{Client, Cluster, Database, PgBouncer, Server, Tenant};

fn behind(pgbouncer: &PgBouncer, database: &Database) -> Server {
    Server::builder()
        .database(database)
        .env("PREFECTURE_DATABASE_URL", &database.url_through(pgbouncer.port()))
        .env("PREFECTURE_DATABASE_POOLER", "transaction")
        .start()
}

#[test]
fn the_sdk_runs_a_flow_and_nothing_stays_prepared() {
    let cluster = Cluster::shared();
    let pgbouncer = PgBouncer::before(cluster, "transaction");
    let database = cluster.database();
    let server = behind(&pgbouncer, &database);
    let tenant = Tenant::on(&server);
    runs_whole(&tenant, Client::of(&tenant));

    // Two replicas and two workspaces, so that connections go from hand to hand.
    let replica = behind(&pgbouncer, &database);
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
