//! The answer to a COMMIT is lost. The program asks what became of the transaction and says so: done if it was done, try
//! again if it was not. It never claims what a crash has taken back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tests::{Account, Cluster, Database, Held, Server, Tenant, eventually, truth};

/// Stands between the program and Postgres. When armed, it ends a connection in place of the next answer to a COMMIT.
struct Proxy {
    port: u16,
    armed: Arc<AtomicBool>,
}

impl Proxy {
    fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
        let proxy = Proxy { port: listener.local_addr().expect("it is bound").port(), armed: Arc::default() };
        let armed = proxy.armed.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (mut asks, mut to) = (clone(&client), clone(&server));
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut asks, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
                let armed = armed.clone();
                std::thread::spawn(move || {
                    answers(&server, &client, &armed);
                    for end in [server, client] {
                        let _ = end.shutdown(Shutdown::Both);
                    }
                });
            }
        });
        proxy
    }
}

/// Copies what Postgres says, message by message: a letter, a length that counts itself, and the rest.
fn answers(mut from: &TcpStream, mut to: &TcpStream, armed: &AtomicBool) {
    let mut head = [0; 5];
    while from.read_exact(&mut head).is_ok() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut rest = vec![0; length.saturating_sub(4)];
        if from.read_exact(&mut rest).is_err() {
            return;
        }
        if head[0] == b'C' && rest.starts_with(b"COMMIT") && armed.swap(false, Ordering::AcqRel) {
            return;
        }
        if to.write_all(&[&head, &rest[..]].concat()).is_err() {
            return;
        }
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a socket can be held twice")
}

#[test]
fn a_commit_whose_answer_is_lost_is_resolved() {
    let database = Cluster::shared().database();
    let proxy = Proxy::to(Cluster::shared().port());
    let server =
        Server::builder().database(&database).env("PREFECTURE_DATABASE_URL", &database.url_through(proxy.port)).start();
    let tenant = Account::create(&server).workspace();
    let schema = truth::schema_of(&server, &tenant);
    let flow = tenant.api().post("/flows/", &json!({"name": "first"})).expect(201);
    let run = |name: String| tenant.api().post("/flow_runs/", &json!({"flow_id": flow["id"], "name": name}));
    // Two connections at once: the one that stays open can tell that Postgres did not crash meanwhile.
    let held = Held::table(&database, &format!("{schema}.flow_run"));
    std::thread::scope(|scope| {
        for nth in 0..3 {
            let run = &run;
            scope.spawn(move || run(format!("at once {nth}")).expect(201));
        }
        held.until_waiting(3);
        held.let_go();
    });
    for nth in 0..2 {
        // The key is remembered for a moment, so the next COMMIT is the write's own.
        run(format!("before {nth}")).expect(201);
        proxy.armed.store(true, Ordering::Release);
        let name = format!("lost-{nth}");
        let answer = run(name.clone());
        let there = database.sql(&format!("select count(*) from {schema}.flow_run where name = '{name}'"));
        assert!(!proxy.armed.load(Ordering::Acquire), "no COMMIT passed");
        assert_eq!((answer.status, there.as_str()), (201, "1"), "{}", answer.body);
    }
}

#[test]
fn a_commit_lost_in_a_crash_is_not_acknowledged() {
    let cluster = Cluster::own();
    let database = cluster.database();
    // What is not committed stays out of the log of Postgres for as long as this test needs.
    database.sql("alter system set wal_writer_delay = '10s'");
    database.sql("alter system set autovacuum = off");
    database.sql("select pg_reload_conf()");
    let server = Server::builder().database(&database).env("PREFECTURE_SPARE_SCHEMAS", "0").start();
    let tenant = Account::create(&server).workspace();
    let schema = truth::schema_of(&server, &tenant);
    database.sql(
        "create function public.at_commit() returns trigger language plpgsql
         as $$ begin perform pg_sleep(600); return null; end $$",
    );
    // A log that was written for another reason keeps the number from being given again; that is rare.
    let given_again = (0..5).any(|nth| crash_at_commit(cluster, &database, &server, &tenant, &schema, nth));
    assert!(given_again, "no number of a lost transaction was given again, so nothing was shown");
}

/// Postgres dies with a transaction in its COMMIT, and its number passes to another before the program can ask. Whether it
/// did.
fn crash_at_commit(
    cluster: &Cluster,
    database: &Database,
    server: &Server,
    tenant: &Tenant,
    schema: &str,
    nth: usize,
) -> bool {
    let name = format!("lost-{nth}");
    tenant.api().post("/flows/", &json!({"name": format!("warm-{nth}")})).expect(201);
    database.sql(&format!(
        "create constraint trigger at_commit after insert on {schema}.flow deferrable initially deferred
         for each row execute function public.at_commit()"
    ));
    let (answer, status) = std::thread::scope(|scope| {
        let asked = scope.spawn(|| tenant.api().post("/flows/", &json!({"name": name})));
        let waiting =
            "select backend_xid from pg_stat_activity where wait_event = 'PgSleep' and backend_xid is not null";
        let xid = eventually("the transaction waits in its COMMIT", || match database.sql(waiting) {
            none if none.is_empty() => Err("not yet"),
            xid => Ok(xid),
        });
        server.signal("STOP");
        cluster.kill9();
        cluster.start_postgres();
        database.sql(&format!("drop trigger at_commit on {schema}.flow"));
        database.sql("do $$ begin for i in 1..200 loop perform pg_current_xact_id(); commit; end loop; end $$");
        let status = database.sql(&format!("select pg_xact_status('{xid}'::xid8)"));
        server.signal("CONT");
        (asked.join().expect("it is answered"), status)
    });
    let there = database.sql(&format!("select count(*) from {schema}.flow where name = '{name}'"));
    assert_eq!(there, "0");
    assert_eq!(answer.status, 503, "acknowledged, and gone: {}", answer.body);
    let ready = || match server.api().get("/api/ready").status {
        200 => Ok(()),
        other => Err(other),
    };
    eventually("the server is ready again", ready);
    status == "committed"
}
