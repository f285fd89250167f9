//! How much of one workspace is in work at once.

use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Account, Api, Held, Server, Tenant, eventually};

use crate::{assert_is_refusal, create, list, put_on_plan, read, until_refused};

#[test]
fn one_too_many_of_a_workspace_is_refused_after_a_while_and_its_neighbour_is_served() {
    // Two in hand of all workspaces: who waits is none of them.
    let server =
        Server::builder().env("PREFECTURE_WORKSPACE_REQUESTS", "1").env("PREFECTURE_MAX_REQUESTS", "2").start();
    let (tenant, neighbour) = (Tenant::on(&server), Tenant::on(&server));
    assert_eq!(list(&tenant.api()).status, 200);
    let held = hold_flows(&server, &tenant);
    std::thread::scope(|scope| {
        let in_work = scope.spawn(|| list(&tenant.api()));
        held.until_waiting(1);
        let one_too_many = scope.spawn(|| {
            let begun = Instant::now();
            assert_is_refusal(&read(&tenant.api()), "requests-in-work");
            assert!(begun.elapsed() >= Duration::from_secs(1), "told at once, it would ask again at once");
        });
        until_waiting(&server, &one_too_many);
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

#[test]
fn a_key_that_is_revoked_while_its_request_waits_does_nothing_more() {
    let server = Server::builder().env("PREFECTURE_WORKSPACE_REQUESTS", "1").start();
    let tenant = Tenant::on(&server);
    let bot = tenant.bot("Developer");
    assert_eq!(create(&tenant.with_key(&bot.key).api()).status, 201);
    let held = hold_flows(&server, &tenant);
    std::thread::scope(|scope| {
        let in_work = scope.spawn(|| list(&tenant.api()));
        held.until_waiting(1);
        let waits = scope.spawn(|| create(&tenant.with_key(&bot.key).api()));
        until_waiting(&server, &waits);
        let key = format!("/bots/{}/delete_bot_api_key/{}", bot.id, bot.key_id);
        drop(tenant.account.api().delete(&key).expect(204));
        drop(held);
        assert_eq!(in_work.join().expect("an answer").status, 200);
        // 429 where all of this took longer than it waits.
        let status = waits.join().expect("an answer").status;
        assert!(matches!(status, 401 | 429), "{status}");
    });
    let flows = tenant.api().post("/flows/filter", &json!({})).expect(200);
    assert_eq!(flows.as_array().map(Vec::len), Some(1), "{flows}");
}

#[test]
fn who_asks_too_often_does_not_stand_in_line() {
    let server = Server::builder().env("PREFECTURE_WORKSPACE_REQUESTS", "1").start();
    let account = Account::create(&server);
    let (tenant, other) = (account.workspace(), account.workspace());
    put_on_plan(&server, &account, &["--requests", "20", "--burst-seconds", "60"]);
    let held = hold_flows(&server, &tenant);
    std::thread::scope(|scope| {
        let in_work = scope.spawn(|| list(&tenant.api()));
        held.until_waiting(1);
        until_refused(|| create(&other.api()));
        assert_is_refusal(&read(&tenant.api()), "requests");
        drop(held);
        assert_eq!(in_work.join().expect("an answer").status, 200);
    });
}

fn hold_flows(server: &Server, tenant: &Tenant) -> Held {
    let of = format!("select schema_name from control.workspace where id = '{}'", tenant.workspace_id);
    Held::table(server.database(), &format!("\"{}\".flow", server.database().sql(&of)))
}

fn until_waiting<T>(server: &Server, request: &ScopedJoinHandle<'_, T>) {
    eventually("one waits", || match waiting(server) {
        0 if !request.is_finished() => Err("not yet"),
        _ => Ok(()),
    });
}

fn waiting(server: &Server) -> u64 {
    let metrics = Api::new(&server.metrics_url(), None).get("").body;
    let text = metrics.as_str().unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("prefecture_requests_waiting "));
    line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no such metric in {text}"))
}
