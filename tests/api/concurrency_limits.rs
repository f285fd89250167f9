//! Concurrency limits under contention: no slot above the limit, none lost, whatever the number of callers and replicas.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tests::{Account, Api, Server, Tenant, eventually, truth};

const CALLERS: usize = 32;
const TURNS: usize = 12;

/// Takes a slot of all of these names, if it can now.
fn take(api: &Api, names: &[&str]) -> Option<String> {
    let body = json!({"names": names, "slots": 1, "lease_duration": 3600});
    let answer = api.post("/v2/concurrency_limits/increment-with-lease", &body);
    match answer.status {
        200 => answer.expect(200)["lease_id"].as_str().map(str::to_owned),
        423 => {
            let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse::<f64>().ok());
            assert!(seconds.is_some_and(|seconds| (0.0..=39.0).contains(&seconds)), "{seconds:?}");
            None
        }
        other => panic!("{other}: {:?}", answer),
    }
}

fn give_back(api: &Api, lease: &str) {
    api.post("/v2/concurrency_limits/decrement-with-lease", &json!({"lease_id": lease})).expect(204);
}

fn in_use(api: &Api, name: &str) -> Value {
    api.get(&format!("/v2/concurrency_limits/{name}")).expect(200)["active_slots"].clone()
}

#[test]
fn no_slot_is_above_the_limit_under_32_callers_and_two_replicas() {
    let first = Server::builder().start();
    let second = Server::builder().database(first.database()).start();
    let tenant = Account::create(&first).workspace();
    let api = tenant.api();
    api.post("/v2/concurrency_limits/", &json!({"name": "narrow", "limit": 3})).expect(201);
    api.post("/v2/concurrency_limits/", &json!({"name": "wide", "limit": 5})).expect(201);
    // Some ask for both, in either order; none may wait for another that waits for it.
    let ways: [(&[&str], bool, bool); 4] = [
        (&["narrow", "wide"], true, true),
        (&["wide", "narrow"], true, true),
        (&["narrow"], true, false),
        (&["wide"], false, true),
    ];
    let (narrow, wide, granted) = (AtomicI64::new(0), AtomicI64::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (tenant, narrow, wide, granted) = (&tenant, &narrow, &wide, &granted);
            let replica = if caller % 2 == 0 { &first } else { &second };
            scope.spawn(move || {
                let api = tenant.at(replica).api();
                for turn in 0..TURNS {
                    let (names, takes_narrow, takes_wide) = ways[(caller + turn) % ways.len()];
                    let Some(lease) = take(&api, names) else { continue };
                    granted.fetch_add(1, Ordering::Relaxed);
                    // Counted after it was granted and before it is given back: never more than really are held.
                    for (counts, held, limit) in [(takes_narrow, narrow, 3), (takes_wide, wide, 5)] {
                        if counts {
                            assert!(held.fetch_add(1, Ordering::SeqCst) < limit, "more are held than there are");
                        }
                    }
                    for (counts, held) in [(takes_narrow, narrow), (takes_wide, wide)] {
                        if counts {
                            held.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                    give_back(&api, &lease);
                }
            });
        }
    });
    assert!(granted.load(Ordering::Relaxed) >= CALLERS, "some were granted");
    assert_eq!((in_use(&api, "narrow"), in_use(&api, "wide")), (json!(0), json!(0)));
    for name in ["narrow", "wide"] {
        let taken: Vec<_> = std::iter::from_fn(|| take(&api, &[name])).collect();
        assert_eq!(taken.len(), if name == "narrow" { 3 } else { 5 }, "all of them can be had again");
        taken.iter().for_each(|lease| give_back(&api, lease));
    }
}

#[test]
fn a_request_that_is_cut_loses_no_slot() {
    let server = Server::builder().start();
    let tenant = Account::create(&server).workspace();
    tenant.api().post("/v2/concurrency_limits/", &json!({"name": "cut", "limit": 1000})).expect(201);
    let schema = truth::schema_of(&server, &tenant);
    let body = json!({"names": ["cut"], "slots": 1}).to_string();
    let url = tenant.api_url();
    let (host, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
    for nth in 0..200 {
        let request = format!(
            "POST /{path}/v2/concurrency_limits/increment-with-lease HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            tenant.key,
            body.len()
        );
        // The client goes in the middle of the body, when all was sent, or when the answer begins.
        let sent = if nth % 3 == 0 { request.len() - 3 } else { request.len() };
        let mut socket = TcpStream::connect(host).expect("the server listens");
        let _ = socket.write_all(&request.as_bytes()[..sent]);
        if nth % 3 == 2 {
            let _ = socket.read(&mut [0]);
        }
    }
    let sql = |what: &str| {
        server
            .database()
            .sql(&format!("select {what}"))
            .trim()
            .parse::<f64>()
            .unwrap_or_else(|why| panic!("{what}: {why}"))
    };
    eventually("what is held is what leases say", || {
        let held = sql(&format!("active_slots from {schema}.concurrency_limit where name = 'cut'"));
        let leased = sql(&format!("count(*) from {schema}.concurrency_lease"));
        if held == leased && leased > 0.0 { Ok(()) } else { Err(format!("{held} held, {leased} leased")) }
    });
}

#[test]
fn a_rate_is_kept_and_no_part_of_the_decay_is_lost() {
    let api = Tenant::fresh().api();
    let limit = json!({"name": "rate", "limit": 4, "slot_decay_per_second": 20});
    api.post("/v2/concurrency_limits/", &limit).expect(201);
    let body = json!({"names": ["rate"], "slots": 1, "mode": "rate_limit"});
    let began = std::time::Instant::now();
    // Each refusal is written too, and takes nothing from the decay.
    let mut granted = 0;
    while granted < 44 {
        match api.post("/v2/concurrency_limits/increment", &body).status {
            200 => granted += 1,
            423 => {}
            other => panic!("{other}"),
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    assert!(seconds > 1.9, "44 of 4 at once and 20 a second after {seconds} s");
    assert!(seconds < 20.0, "the rate is had: {seconds} s");
}

#[test]
fn a_worker_takes_slots_and_makes_no_limits() {
    let tenant = Tenant::fresh();
    let limit = json!({"name": "role", "limit": 5});
    tenant.api().post("/v2/concurrency_limits/", &limit).expect(201);
    for (role, takes, makes) in [("Worker", 200, 403), ("Viewer", 403, 403), ("Developer", 200, 201)] {
        let api = tenant.with_key(&tenant.bot(role).key).api();
        eventually(role, || match api.get("/v2/concurrency_limits/role").status {
            200 => Ok(()),
            status => Err(status.to_string()),
        });
        let slots = json!({"names": ["role"], "slots": 1});
        assert_eq!(api.post("/v2/concurrency_limits/increment", &slots).status, takes, "{role}");
        let new = json!({"name": format!("by {role}"), "limit": 1});
        assert_eq!(api.post("/v2/concurrency_limits/", &new).status, makes, "{role}");
    }
}

#[test]
fn a_reset_ends_what_is_held_of_other_limits_too() {
    let api = Tenant::fresh().api();
    for tag in ["a", "b"] {
        api.post("/concurrency_limits/", &json!({"tag": tag, "concurrency_limit": 2})).expect(201);
    }
    let run = "11111111-1111-4111-8111-111111111111";
    api.post("/concurrency_limits/increment", &json!({"names": ["a", "b"], "task_run_id": run})).expect(200);
    assert_eq!(api.get("/concurrency_limits/tag/b").expect(200)["active_slots"], json!([run]));
    api.post("/concurrency_limits/tag/a/reset", &json!({})).expect(200);
    // The lease held slots of both, and it is gone.
    assert_eq!((in_use(&api, "tag:a"), in_use(&api, "tag:b")), (json!(0), json!(0)));
    let others = ["22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333", run];
    api.post("/concurrency_limits/tag/a/reset", &json!({"slot_override": others})).expect(200);
    assert_eq!(in_use(&api, "tag:a"), json!(3), "by hand there may be more than the limit");
    for run in others {
        api.post("/concurrency_limits/decrement", &json!({"names": ["a"], "task_run_id": run})).expect(200);
    }
    assert_eq!(in_use(&api, "tag:a"), json!(0));
}

#[test]
fn slots_come_back_when_a_lease_ends_unaided() {
    let server = Server::builder().start();
    let tenant = Account::create(&server).workspace();
    let api = tenant.api();
    api.post("/v2/concurrency_limits/", &json!({"name": "reaped", "limit": 1})).expect(201);
    let body = json!({"names": ["reaped"], "slots": 1, "lease_duration": 60});
    let lease = api.post("/v2/concurrency_limits/increment-with-lease", &body).expect(200)["lease_id"].clone();
    assert_eq!(in_use(&api, "reaped"), json!(1));
    // A minute passes for the lease.
    let schema = truth::schema_of(&server, &tenant);
    server
        .database()
        .sql(&format!("update {schema}.concurrency_lease set expires_at = now() - interval '1 s' returning 1"));
    server.database().sql("update cell.tick set due = now(), hinted = now() returning 1");
    eventually("the slot comes back", || match in_use(&api, "reaped") {
        slots if slots == json!(0) => Ok(()),
        slots => Err(slots),
    });
    let renewed =
        api.post(&format!("/v2/concurrency_limits/leases/{}/renew", lease.as_str().expect("an id")), &json!({}));
    assert_eq!(renewed.status, 410);
}

/// What a run held is free when the run is deleted, however that was done.
#[test]
fn what_a_deleted_run_held_is_free() {
    let api = Tenant::fresh().api();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let delete = |path: &str| drop(api.delete(path).expect(204));
    type Deletes<'d> = &'d dyn Fn(&str, &str);
    let ways: [(&str, Deletes<'_>); 3] = [
        ("by id", &|_, run| delete(&format!("/flow_runs/{run}"))),
        ("with others", &|_, run| {
            let chosen = json!({"flow_runs": {"id": {"any_": [run]}}});
            api.post("/flow_runs/bulk_delete", &chosen).expect(200);
        }),
        ("with its flow", &|flow, _| delete(&format!("/flows/{flow}"))),
    ];
    for (way, deletes) in ways {
        for states in [&["PENDING"][..], &["PENDING", "RUNNING"], &["PENDING", "RUNNING", "CANCELLING"]] {
            let flow = text(&api.post("/flows/", &json!({"name": format!("{way} {states:?}")})).expect(201)["id"]);
            let body = json!({"name": "d", "flow_id": flow, "concurrency_limit": 1});
            let made = api.post("/deployments/", &body).expect(201);
            let limit = text(&made["global_concurrency_limit"]["id"]);
            let run = api.post(&format!("/deployments/{}/create_flow_run", text(&made["id"])), &json!({})).expect(201);
            let run = text(&run["id"]);
            for state in states {
                let answer = api.post(&format!("/flow_runs/{run}/set_state"), &json!({"state": {"type": state}}));
                assert_eq!(answer.expect(201)["status"], "ACCEPT");
            }
            assert_eq!(in_use(&api, &limit), 1, "{way} {states:?}");
            deletes(&flow, &run);
            let left = api.get(&format!("/v2/concurrency_limits/{limit}"));
            assert!(left.status == 404 || left.body["active_slots"] == 0, "{way} {states:?}: {}", left.body);
        }
    }
}

/// The same of the slots of tags that task runs hold.
#[test]
fn what_a_deleted_task_run_held_is_free() {
    let api = Tenant::fresh().api();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    api.post("/concurrency_limits/", &json!({"tag": "one", "concurrency_limit": 1})).expect(201);
    let flow = text(&api.post("/flows/", &json!({"name": "f"})).expect(201)["id"]);
    for of_flow_run in [false, true] {
        let run = json!({"flow_id": flow, "state": {"type": "RUNNING"}});
        let flow_run = text(&api.post("/flow_runs/", &run).expect(201)["id"]);
        let task = json!({"flow_run_id": flow_run, "task_key": "t", "dynamic_key": "0", "tags": ["one"], "state": {"type": "PENDING"}});
        let task = text(&api.post("/task_runs/", &task).expect(201)["id"]);
        let answer =
            api.post(&format!("/task_runs/{task}/set_state"), &json!({"state": {"type": "RUNNING"}})).expect(201);
        assert_eq!(answer["status"], "ACCEPT", "{answer}");
        let holders = || api.get("/concurrency_limits/tag/one").expect(200)["active_slots"].clone();
        assert_eq!(holders(), json!([task]));
        let gone = if of_flow_run { format!("/flow_runs/{flow_run}") } else { format!("/task_runs/{task}") };
        api.delete(&gone).expect(204);
        assert_eq!(holders(), json!([]), "{gone}");
        assert_eq!(in_use(&api, "tag:one"), 0, "{gone}");
    }
}
