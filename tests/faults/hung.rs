//! A database that does not answer: requests are refused with 503 and `Retry-After` in time, never 500, never a hang; when
//! it goes on, so does everything, and what was refused is not done later.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Account, Cluster, Database, Server, eventually, truth};

/// Stops every process of a Postgres where it stands, and lets them go on when dropped.
pub struct Stopped(Vec<String>);

impl Stopped {
    pub fn all_of(database: &Database) -> Stopped {
        let postmaster = database.sql("select pg_read_file('postmaster.pid')");
        let postmaster = postmaster.lines().next().expect("a pid").to_owned();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &postmaster]).output().expect("ps is there");
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        let mut pids = vec![postmaster];
        pids.extend(children.split_whitespace().map(str::to_owned));
        let stopped = Stopped(pids);
        stopped.signal("STOP");
        stopped
    }

    fn signal(&self, name: &str) {
        // A backend that has ended meanwhile is no failure.
        let _ = Command::new("sh").args(["-c", &format!("kill -s {name} {} 2>/dev/null", self.0.join(" "))]).status();
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

#[test]
fn a_database_that_hangs_is_503_in_time_and_then_over() {
    let database = Cluster::own().database();
    let server = Server::builder()
        .database(&database)
        .env("PREFECTURE_REQUEST_TIMEOUT", "2s")
        .env("PREFECTURE_POOL_WAIT", "1s")
        .start();
    let tenant = Account::create(&server).workspace();
    let schema = truth::schema_of(&server, &tenant);
    let flow = tenant.api().post("/flows/", &json!({"name": "there"})).expect(201);
    let flow = format!("/flows/{}", flow["id"].as_str().expect("an id"));

    let stopped = Stopped::all_of(&database);
    std::thread::scope(|scope| {
        for nth in 0..40 {
            let (tenant, flow) = (&tenant, &flow);
            scope.spawn(move || {
                let asked = Instant::now();
                let answer = match nth % 4 {
                    0 => tenant.api().get(flow),
                    1 => tenant.api().post("/flows/", &json!({"name": format!("refused {nth}")})),
                    2 => tenant.api().post("/flows/filter", &json!({})),
                    _ => tenant.api().with_key(Some("pnu_nobody")).get(flow),
                };
                let expected: &[u16] = if nth % 4 == 3 { &[401, 503] } else { &[503] };
                assert!(expected.contains(&answer.status), "{} {}", answer.status, answer.body);
                if answer.status == 503 {
                    assert!(
                        answer.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()),
                        "{:?}",
                        answer.headers
                    );
                }
                assert!(asked.elapsed() < Duration::from_secs(10), "answered after {:?}", asked.elapsed());
            });
        }
    });
    // What needs no database answers meanwhile, and says that the server is not ready.
    assert_eq!(server.api().get("/api/health").status, 200);
    assert_eq!(server.api().get("/api/ready").status, 503);
    drop(stopped);

    eventually("the server is ready again", || match server.api().get("/api/ready").status {
        200 => Ok(()),
        other => Err(other),
    });
    tenant.api().get(&flow).expect(200);
    let open = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and usename = 'prefecture_serve' and xact_start is not null",
        database.name
    );
    eventually("no transaction is open", || match database.sql(&open).as_str() {
        "0" => Ok(()),
        open => Err(open.to_owned()),
    });
    // A refused write may have been under way; it is there once or not at all, and no half of it.
    let twice = database.sql(&format!("select name from {schema}.flow group by 1 having count(*) > 1"));
    assert_eq!(twice, "");
}
