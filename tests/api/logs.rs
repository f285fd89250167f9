//! `/logs/out`: lines as they are stored, on whichever replica.

use serde_json::{Value, json};
use tests::{Incoming, Redis, Server, Socket, Tenant};

const RUN: &str = "11111111-1111-4111-8111-111111111111";
const OTHER: &str = "22222222-2222-4222-8222-222222222222";

/// A socket that hears the lines of [`RUN`] from now on.
fn listening(tenant: &Tenant) -> Socket {
    let mut socket = tenant.socket("/logs/out");
    assert_eq!(socket.authenticate(Some(&tenant.key)), Incoming::Json(json!({"type": "auth_success"})));
    socket.send(&json!({"type": "filter", "filter": {"flow_run_id": {"any_": [RUN]}}}));
    socket.ping(b"?");
    assert_eq!(socket.receive(), Incoming::Pong(b"?".to_vec()));
    socket
}

fn write(tenant: &Tenant, run: &str, messages: &[String]) {
    let line = |message: &String| json!({"name": "n", "level": 20, "message": message, "timestamp": now(), "flow_run_id": run});
    tenant.api().post("/logs/", &messages.iter().map(line).collect::<Value>()).expect(201);
}

/// The machine's time in seconds since 1970, which the protocol takes for a time.
fn now() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("it is later than 1970").as_secs_f64()
}

#[track_caller]
fn heard(socket: &mut Socket) -> String {
    let message = socket.json();
    assert_eq!(message["type"], "log", "{message}");
    message["log"]["message"].as_str().expect("a line has a text").to_owned()
}

/// What is written at `one` is heard at both, once and in order, and nothing of other runs.
fn heard_elsewhere(one: &Server, two: &Server, rounds: usize) {
    let tenant = Tenant::on(one);
    let mut sockets = [listening(&tenant), listening(&tenant.at(two))];
    for round in 0..rounds {
        let messages: Vec<String> = (0..5).map(|nth| format!("line {round}.{nth}")).collect();
        write(&tenant, OTHER, &["of another run".to_owned()]);
        write(&tenant, RUN, &messages);
        for socket in &mut sockets {
            let told: Vec<String> = (0..5).map(|_| heard(socket)).collect();
            assert_eq!(told, messages);
        }
    }
    // What is written at the other is heard there once, although it is read too.
    write(&tenant.at(two), RUN, &["there".to_owned()]);
    write(&tenant, RUN, &["here".to_owned()]);
    let mut told = sockets.map(|mut socket| [heard(&mut socket), heard(&mut socket)]);
    told.iter_mut().for_each(|lines| lines.sort());
    assert_eq!(told, [["here", "there"], ["here", "there"]]);
}

#[test]
fn lines_are_heard_on_another_replica_through_redis() {
    let redis = Redis::start();
    let one = Server::builder().redis(&redis).start();
    let two = Server::builder().redis(&redis).database(one.database()).start();
    heard_elsewhere(&one, &two, 10);
}

#[test]
fn lines_are_heard_on_another_replica_without_redis_by_looking_now_and_then() {
    let one = Server::builder().start();
    let two = Server::builder().database(one.database()).start();
    heard_elsewhere(&one, &two, 2);
}
