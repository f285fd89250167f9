//! Clients that hang up in the middle of a write: no transaction stays open, no connection is poisoned, nothing is half
//! written.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tests::{Account, Held, Server, Tenant, eventually, truth};

use crate::whole::halves;

const WRITES: usize = 10_000;
const CLIENTS: usize = 8;
/// The program's own default.
const POOL: usize = 16;
/// The share of the pool that one workspace may have for its writes.
const OF_ONE_WORKSPACE: usize = POOL * 3 / 4;

/// Where in a request its client hangs up.
#[derive(Debug, Clone, Copy)]
enum Cut {
    InTheHead,
    InTheBody,
    /// All was sent.
    AtOnce,
    /// The first byte of the answer has come.
    InTheAnswer,
}

#[test]
fn ten_thousand_hang_ups_leave_nothing_behind() {
    let server = Server::builder().start();
    let account = Account::create(&server);
    let (tenant, other) = (account.workspace(), account.workspace());
    let schema = truth::schema_of(&server, &tenant);
    let flow = id(&tenant.api().post("/flows/", &json!({"name": "hung up on"})).expect(201));

    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut run = None;
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= WRITES {
                        return;
                    }
                    if nth % 100 < CLIENTS || run.is_none() {
                        let body = json!({"flow_id": flow, "state": {"type": "PENDING"}});
                        run = Some(id(&tenant.api().post("/flow_runs/", &body).expect(201)));
                    }
                    let run = run.as_deref().unwrap_or_default();
                    hang_up(&server, &tenant, nth, &flow, run);
                }
            });
        }
    });

    let activity = |what: &str| {
        let sql = format!(
            "select count(*) from pg_stat_activity where datname = '{}' and usename = 'prefecture_serve' and {what}",
            server.database().name
        );
        server.database().sql(&sql)
    };
    eventually("every transaction has ended", || match activity("xact_start is not null").as_str() {
        "0" => Ok(()),
        open => Err(open.to_owned()),
    });

    the_pool_serves_at_full_size(&server, [&tenant, &other]);
    let findings = halves(server.database(), &schema);
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

fn hang_up(server: &Server, tenant: &Tenant, nth: usize, flow: &str, run: &str) {
    let state = |name: &str| json!({"state": {"type": name}});
    let (method, path, body) = match nth % 7 {
        0 => ("POST", "/flows/".to_owned(), json!({"name": format!("flow-{nth}"), "tags": ["a", "b"]})),
        1 => (
            "POST",
            "/flow_runs/".to_owned(),
            json!({"flow_id": flow, "name": format!("run-{nth}"), "state": {"type": "PENDING"}}),
        ),
        2 => ("POST", format!("/flow_runs/{run}/set_state"), state("RUNNING")),
        3 => ("PATCH", format!("/flow_runs/{run}"), json!({"tags": [format!("tag-{nth}")]})),
        4 => (
            "POST",
            "/task_runs/".to_owned(),
            json!({"flow_run_id": run, "task_key": format!("task-{nth}"), "dynamic_key": "0", "state": {"type": "PENDING"}}),
        ),
        5 => ("POST", "/logs/".to_owned(), lines(nth)),
        _ => ("PATCH", format!("/flow_runs/{run}/labels"), json!({format!("label-{nth}"): nth})),
    };
    let cut = [Cut::AtOnce, Cut::InTheBody, Cut::AtOnce, Cut::InTheAnswer, Cut::AtOnce, Cut::InTheHead][nth % 6];
    let body = body.to_string();
    let address = server.url().trim_start_matches("http://");
    let path = format!("{}{path}", tenant.api_url().replace(server.url(), ""));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        tenant.key,
        body.len()
    );
    let whole = format!("{head}{body}");
    let sent = match cut {
        Cut::InTheHead => head.len() / 2,
        Cut::InTheBody => head.len() + body.len() / 2,
        Cut::AtOnce | Cut::InTheAnswer => whole.len(),
    };
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    stream.write_all(&whole.as_bytes()[..sent]).expect("the server reads");
    if let Cut::InTheAnswer = cut {
        let _ = stream.read(&mut [0; 1]);
    }
}

fn lines(nth: usize) -> Value {
    let batch = uuid::Uuid::from_u128(nth as u128);
    let line = |at: usize| json!({"name": "hung up", "level": 20, "message": format!("line-{batch}-{at}"), "timestamp": "2030-01-01T00:00:00Z", "flow_run_id": null});
    (0..5).map(line).collect()
}

/// As many requests as the pool has connections are in Postgres at once, and all are answered.
fn the_pool_serves_at_full_size(server: &Server, tenants: [&Tenant; 2]) {
    let schemas = tenants.map(|tenant| truth::schema_of(server, tenant));
    let held = schemas.map(|schema| Held::table(server.database(), &format!("{schema}.flow")));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..POOL)
            .map(|nth| {
                let tenant = if nth < OF_ONE_WORKSPACE { tenants[0] } else { tenants[1] };
                scope.spawn(move || tenant.api().post("/flows/", &json!({"name": format!("full-{nth}")})).expect(201))
            })
            .collect();
        held[0].until_waiting(POOL);
        held.into_iter().for_each(Held::let_go);
        threads.into_iter().for_each(|thread| drop(thread.join().expect("it is answered")));
    });
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}
