//! Events that one replica stores, heard at another: by Redis at once, and without it a little later.

use serde_json::json;
use tests::{Incoming, Redis, Server, Tenant};

use super::{event, from_now_on, heard, listening};

/// A listener at `two` hears in order what is stored at `one`.
fn heard_elsewhere(one: &Server, two: &Server, rounds: usize) {
    let tenant = Tenant::on(one);
    let mut of_all = listening(&tenant.at(two), &from_now_on(json!({})));
    let mut of_name = listening(&tenant.at(two), &from_now_on(json!({"event": {"name": ["x.3"]}})));
    for socket in [&mut of_all, &mut of_name] {
        socket.ping(b"?");
        assert_eq!(socket.receive(), Incoming::Pong(b"?".to_vec()));
    }
    for round in 0..rounds {
        let sent: Vec<_> = (0..5).map(|n| event(&format!("x.{n}"), &format!("r.{round}"))).collect();
        tenant.api().post("/events", &json!(sent)).expect(204);
        let told: Vec<_> = (0..5).map(|_| heard(&mut of_all)).collect();
        for (sent, told) in sent.iter().zip(&told) {
            assert_eq!((&sent["id"], &sent["event"]), (&told["id"], &told["event"]));
        }
        let named = heard(&mut of_name);
        assert_eq!((&named["id"], &named["event"]), (&sent[3]["id"], &sent[3]["event"]));
    }
    // What is stored here is heard here once, although it is read too.
    tenant.at(two).api().post("/events", &json!([event("here", "r")])).expect(204);
    tenant.api().post("/events", &json!([event("there", "r")])).expect(204);
    assert_eq!(heard(&mut of_all)["event"], "here");
    assert_eq!(heard(&mut of_all)["event"], "there");
}

#[test]
fn through_redis() {
    let redis = Redis::start();
    let one = Server::builder().redis(&redis).start();
    let two = Server::builder().redis(&redis).database(one.database()).start();
    heard_elsewhere(&one, &two, 20);
}

#[test]
fn without_redis_by_looking_now_and_then() {
    let one = Server::builder().start();
    let two = Server::builder().database(one.database()).start();
    heard_elsewhere(&one, &two, 2);
}

#[test]
fn a_redis_that_goes_away_and_comes_back_loses_no_event() {
    let mut redis = Redis::start();
    let one = Server::builder().redis(&redis).start();
    let two = Server::builder().redis(&redis).database(one.database()).start();
    let tenant = Tenant::on(&one);
    let mut socket = listening(&tenant.at(&two), &from_now_on(json!({})));
    for (nth, goes) in [false, true, false].into_iter().enumerate() {
        if goes {
            redis.kill9();
        } else if nth > 0 {
            redis.start_again();
        }
        tenant.api().post("/events", &json!([event("told", &format!("r.{nth}"))])).expect(204);
        assert_eq!(heard(&mut socket)["resource"]["prefect.resource.id"], format!("r.{nth}"));
    }
}
