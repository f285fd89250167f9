//! Web sockets: how many, and how fast.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Account, Incoming, Server, truth};

use crate::put_on_plan;

#[test]
fn a_workspace_has_no_more_sockets_than_it_may_and_gets_another_when_one_ends() {
    let server = Server::builder().env("PREFECTURE_WORKSPACE_SOCKETS", "2").start();
    let account = Account::create(&server);
    let (tenant, other) = (account.workspace(), account.workspace());
    let open = || {
        let mut socket = tenant.socket("/events/in");
        let said = socket.authenticate(None);
        (socket, said)
    };
    let (mut first, said) = open();
    assert_eq!(said, welcome());
    let second = open();
    assert_eq!(second.1, welcome());
    let (_, said) = open();
    assert!(matches!(&said, Incoming::Closed(Some((1013, why))) if why.contains("sockets")), "{said:?}");
    let mut of_another = other.socket("/events/in");
    assert_eq!(of_another.authenticate(None), welcome());
    first.close();
    tests::eventually("the place of one that ended is free", || match open().1 {
        said if said == welcome() => Ok(()),
        said => Err(said),
    });
}

fn welcome() -> Incoming {
    Incoming::Json(json!({"type": "auth_success"}))
}

#[test]
fn events_above_the_limit_are_delayed_and_none_is_dropped() {
    let server = Server::builder().start();
    let account = Account::create(&server);
    let tenant = account.workspace();
    // Ten at once, ten a second.
    put_on_plan(&server, &account, &["--items", "600", "--burst-seconds", "1"]);
    let mut socket = tenant.socket("/events/in");
    assert_eq!(socket.authenticate(None), welcome());
    let begun = Instant::now();
    (0..50).for_each(|_| socket.send(&event()));
    socket.ping(b"all");
    assert_eq!(socket.receive(), Incoming::Pong(b"all".to_vec()));
    assert!(begun.elapsed() >= Duration::from_secs(2), "forty had to wait their turn: {:?}", begun.elapsed());
    let schema = truth::schema_of(&server, &tenant);
    let stored = server.database().sql(&format!("select count(*) from {schema}.event where event = 'test.happened'"));
    assert_eq!(stored, "50");
}

fn event() -> Value {
    json!({
        "id": uuid::Uuid::new_v4(), "occurred": "2030-01-01T00:00:00Z", "event": "test.happened",
        "resource": {"prefect.resource.id": "test.thing"}, "related": [], "payload": {},
    })
}
