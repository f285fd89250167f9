//! Background tasks and those who run them, by the protocol of their socket.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Account, Cluster, Incoming, Server, Socket, Tenant, eventually};

use super::ground::{id, quick};

const PATH: &str = "/task_runs/subscriptions/scheduled";

fn delayed(api: &tests::Api, key: &str) -> String {
    let body = json!({
        "task_key": key, "dynamic_key": uuid::Uuid::new_v4().to_string(),
        "state": {"type": "SCHEDULED", "state_details": {"deferred": true, "task_parameters_id": uuid::Uuid::nil()}},
    });
    id(&api.post("/task_runs/", &body).expect(201))
}

/// A worker that has said who it is and what it runs.
fn worker(tenant: &Tenant, name: &str, keys: &[&str]) -> Socket {
    let mut socket = tenant.socket(PATH);
    socket.send(&json!({"type": "subscribe", "keys": keys, "client_id": name}));
    socket
}

fn given(socket: &mut Socket) -> String {
    let run = socket.json();
    socket.send(&json!({"type": "ack"}));
    id(&run)
}

fn nothing(socket: &mut Socket) {
    let more = socket.receive_within(Duration::from_millis(300));
    assert!(!matches!(more, Some(Incoming::Json(_))), "{more:?}");
}

#[test]
fn a_task_is_given_to_one_worker_in_order_and_once() {
    let tenant = Tenant::on(quick());
    let api = tenant.api();
    let expected: Vec<String> = (0..6).map(|_| delayed(&api, "k")).collect();
    let other = delayed(&api, "other");
    let mut first = worker(&tenant, "a-1", &["k"]);
    let mut got: Vec<String> = (0..3).map(|_| given(&mut first)).collect();
    let mut second = worker(&tenant, "a-2", &["k", "nobody's"]);
    // Each waits for its acknowledgement; who is the quicker gets more.
    let mut more = Vec::new();
    eventually("three more are given", || {
        for socket in [&mut first, &mut second] {
            if let Some(Incoming::Json(run)) = socket.receive_within(Duration::from_millis(50)) {
                socket.send(&json!({"type": "ack"}));
                more.push(id(&run));
            }
        }
        if more.len() == 3 { Ok(()) } else { Err(more.len()) }
    });
    got.extend(more);
    let mut sorted = got.clone();
    sorted.sort();
    let mut all = expected.clone();
    all.sort();
    assert_eq!(sorted, all);
    assert_eq!(got[..3], expected[..3], "in the order in which they came");
    nothing(&mut first);
    nothing(&mut second);
    // One that comes while a worker waits is given at once.
    let fresh = delayed(&api, "other");
    let mut third = worker(&tenant, "a-3", &["other"]);
    assert_eq!([given(&mut third), given(&mut third)], [other, fresh]);
    let woken = delayed(&api, "other");
    assert_eq!(given(&mut third), woken);
}

#[test]
fn what_was_not_acknowledged_goes_to_another_worker_first() {
    let tenant = Tenant::on(quick());
    let api = tenant.api();
    let (one, two) = (delayed(&api, "k"), delayed(&api, "k"));
    let mut leaves = worker(&tenant, "b-1", &["k"]);
    assert_eq!(id(&leaves.json()), one);
    leaves.close();
    let mut stays = worker(&tenant, "b-2", &["k"]);
    let mut got = [given(&mut stays), given(&mut stays)];
    got.sort();
    let mut all = [one, two];
    all.sort();
    assert_eq!(got, all);
}

#[test]
fn a_worker_may_quit_and_is_sent_away_for_nonsense() {
    let tenant = Tenant::on(quick());
    let api = tenant.api();
    let run = delayed(&api, "k");
    let mut quits = worker(&tenant, "c-1", &["k"]);
    assert_eq!(id(&quits.json()), run);
    quits.send(&json!({"type": "quit"}));
    assert!(matches!(quits.receive(), Incoming::Closed(Some((1000, _)))));
    let mut babbles = worker(&tenant, "c-2", &["k"]);
    assert_eq!(id(&babbles.json()), run);
    babbles.send(&json!({"type": "what"}));
    assert!(matches!(babbles.receive(), Incoming::Closed(Some((4001, _)))));
    for message in [json!({"type": "ack"}), json!({"type": "subscribe"}), json!({"type": "subscribe", "keys": ["k"]})] {
        let mut socket = tenant.socket(PATH);
        socket.send(&message);
        assert!(matches!(socket.receive(), Incoming::Closed(Some((4001, _)))), "{message}");
    }
    assert_eq!(given(&mut worker(&tenant, "c-3", &["k"])), run);
}

#[test]
fn workers_that_are_connected_are_shown() {
    let tenant = Tenant::on(quick());
    let api = tenant.api();
    let workers = |body: Value| -> Vec<(String, usize)> {
        let list = api.post("/task_workers/filter", &body).expect(200);
        let list = list.as_array().expect("a list").iter();
        list.map(|worker| {
            let keys = worker["task_keys"].as_array().map_or(0, Vec::len);
            assert!(worker["timestamp"].is_string());
            (worker["identifier"].as_str().expect("a name").to_owned(), keys)
        })
        .collect()
    };
    assert_eq!(workers(json!({})), []);
    let _one = worker(&tenant, "d-1", &["a", "b"]);
    let mut two = worker(&tenant, "d-2", &["b"]);
    let both = [("d-1".to_owned(), 2), ("d-2".to_owned(), 1)];
    eventually("both are shown", || {
        let shown = workers(json!({}));
        if shown == both { Ok(()) } else { Err(shown) }
    });
    assert_eq!(workers(json!({"task_worker_filter": {"task_keys": ["a"]}})), both[..1]);
    assert_eq!(workers(json!({"task_worker_filter": {"task_keys": []}})), both);
    assert_eq!(workers(json!({"task_worker_filter": {"task_keys": ["c"]}})), []);
    two.close();
    eventually("who left is not shown", || {
        let shown = workers(json!({}));
        if shown == both[..1] { Ok(()) } else { Err(shown) }
    });
    api.post("/task_workers/filter", &json!({"task_worker_filter": {"task_keys": "a"}})).expect(422);
}

/// As if the patience had gone by since these were last seen, and the grace after it.
fn long_unseen(server: &Server, tenant: &Tenant, worker: &str) {
    let schema = tests::truth::schema_of(server, tenant);
    let sql = |text: &str| server.database().sql(&text.replace("{s}", &schema));
    sql(&format!(
        "update {{s}}.task_worker set seen = seen - interval '1 hour', missed = now() - interval '1 minute' where worker = '{worker}'"
    ));
    sql("update {s}.task_offer set taken = taken - interval '1 hour'");
    server.database().sql("update cell.tick set due = now()");
}

#[test]
fn the_tasks_of_a_worker_that_is_lost_come_back_with_their_parameters() {
    let server = quick();
    let tenant = Tenant::on(server);
    let api = tenant.api();
    let (waits, runs, done) = (delayed(&api, "k"), delayed(&api, "k"), delayed(&api, "k"));
    let mut lost = worker(&tenant, "e-1", &["k"]);
    assert_eq!([given(&mut lost), given(&mut lost), given(&mut lost)], [waits.clone(), runs.clone(), done.clone()]);
    nothing(&mut lost);
    for (run, state) in [(&runs, "RUNNING"), (&done, "COMPLETED")] {
        let body = json!({"state": {"type": state}, "force": true});
        api.post(&format!("/task_runs/{run}/set_state"), &body).expect(201);
    }
    lost.close();
    let mut other = worker(&tenant, "e-2", &["k"]);
    nothing(&mut other);

    long_unseen(server, &tenant, "e-1");
    let mut back = [given(&mut other), given(&mut other)];
    back.sort();
    let mut both = [waits, runs.clone()];
    both.sort();
    assert_eq!(back, both);
    nothing(&mut other);
    let run = api.get(&format!("/task_runs/{runs}")).expect(200);
    assert_eq!(run["state_name"], "AwaitingRetry");
    assert_eq!(run["state"]["state_details"]["task_parameters_id"], json!(uuid::Uuid::nil()));
    assert_eq!(run["state"]["message"], "Its task worker e-1 was lost.");
    assert_eq!(api.get(&format!("/task_runs/{done}")).expect(200)["state_type"], "COMPLETED");
}

#[test]
fn a_worker_that_connected_anew_keeps_its_tasks() {
    let server = quick();
    let tenant = Tenant::on(server);
    let api = tenant.api();
    let run = delayed(&api, "k");
    let mut cut_off = worker(&tenant, "f-1", &["k"]);
    assert_eq!(given(&mut cut_off), run);
    nothing(&mut cut_off);
    long_unseen(server, &tenant, "f-1");
    // The same worker, by another socket, before anybody gave up on it.
    let mut again = worker(&tenant, "f-1", &["other"]);
    let other = delayed(&api, "other");
    assert_eq!(given(&mut again), other);
    let schema = tests::truth::schema_of(server, &tenant);
    let holder =
        || server.database().sql(&format!("select worker from {schema}.task_offer where task_run_id = '{run}'"));
    // A look that was made after it was there again.
    let flow = super::ground::flow(&api);
    let late = super::ground::run(
        &api,
        &flow,
        json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": super::ground::at(-60)}}}),
    );
    super::ground::becomes(&api, &format!("/flow_runs/{late}"), "Late");
    assert!(matches!(holder().as_str(), "f-1"), "{}", holder());
}

#[test]
fn workers_of_two_replicas_share_the_tasks_and_none_is_given_twice() {
    let database = Cluster::shared().database();
    let replicas = [Server::builder().database(&database).start(), Server::builder().database(&database).start()];
    let tenant = Account::create(&replicas[0]).workspace();
    let api = tenant.api();
    let mut expected: Vec<String> = (0..30).map(|_| delayed(&api, "k")).collect();
    let url = |server: &Server| tenant.api_url().replace(replicas[0].url(), server.url());
    let bearer = format!("Bearer {}", tenant.key);
    let got = std::thread::scope(|scope| {
        let workers = replicas.each_ref().map(|server| {
            let url = format!("{}{PATH}", url(server));
            let bearer = &bearer;
            scope.spawn(move || {
                let mut socket = Socket::open(&url, &[("authorization", bearer)]).expect("a socket opens");
                socket.send(&json!({"type": "subscribe", "keys": ["k"], "client_id": url}));
                let mut got = Vec::new();
                while let Some(Incoming::Json(run)) = socket.receive_within(Duration::from_secs(3)) {
                    socket.send(&json!({"type": "ack"}));
                    got.push(id(&run));
                }
                (socket, got)
            })
        });
        workers.map(|worker| worker.join().expect("a worker ends"))
    });
    let [(mut one, mut all), (mut other, more)] = got;
    all.extend(more);
    all.sort();
    expected.sort();
    assert_eq!(all, expected, "each was given to one of them, once");
    // Made on one replica, found on the other without a word between them.
    one.close();
    let last = delayed(&api, "k");
    assert_eq!(given(&mut other), last);
}
