//! How much of one workspace is in work at once.

use std::time::{Duration, Instant};

use tests::{Api, Held, Server, Tenant, eventually};

use crate::{assert_is_refusal, list, read};

#[test]
fn one_too_many_of_a_workspace_is_refused_after_a_while_and_its_neighbour_is_served() {
    // Two in hand of all workspaces: who waits is none of them.
    let server =
        Server::builder().env("PREFECTURE_WORKSPACE_REQUESTS", "1").env("PREFECTURE_MAX_REQUESTS", "2").start();
    let (tenant, neighbour) = (Tenant::on(&server), Tenant::on(&server));
    assert_eq!(list(&tenant.api()).status, 200);
    let schema = server
        .database()
        .sql(&format!("select schema_name from control.workspace where id = '{}'", tenant.workspace_id));
    let held = Held::table(server.database(), &format!("\"{schema}\".flow"));
    std::thread::scope(|scope| {
        let in_work = scope.spawn(|| list(&tenant.api()));
        held.until_waiting(1);
        let one_too_many = scope.spawn(|| {
            let begun = Instant::now();
            assert_is_refusal(&read(&tenant.api()), "requests-in-work");
            assert!(begun.elapsed() >= Duration::from_secs(1), "told at once, it would ask again at once");
        });
        eventually("one waits", || match waiting(&server) {
            0 if !one_too_many.is_finished() => Err("not yet"),
            _ => Ok(()),
        });
        assert_eq!(list(&neighbour.api()).status, 200);
        one_too_many.join().expect("a refusal");
        drop(held);
        assert_eq!(in_work.join().expect("an answer").status, 200);
    });
    assert_eq!(list(&tenant.api()).status, 200, "its place is free again");
}

#[test]
fn many_at_once_of_a_workspace_take_turns() {
    let server = Server::builder().env("PREFECTURE_WORKSPACE_REQUESTS", "1").start();
    let tenant = Tenant::on(&server);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let api = tenant.api();
                for _ in 0..10 {
                    assert_eq!(list(&api).status, 200);
                }
            });
        }
    });
    assert_eq!(waiting(&server), 0);
}

fn waiting(server: &Server) -> u64 {
    let metrics = Api::new(&server.metrics_url(), None).get("").body;
    let text = metrics.as_str().unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("prefecture_requests_waiting "));
    line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no such metric in {text}"))
}
