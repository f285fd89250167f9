//! Web sockets, by both ways to bring a key: in the header of the handshake, where a refusal is an HTTP answer, and in a
//! message, where it is a close frame. Refused are the same callers as with any operation, and as little is said.

use serde_json::json;
use tests::operations::{Kind, Operation, World};
use tests::{Incoming, Socket, Tenant, eventually};
use tungstenite::Error;

use crate::ground::{Ground, none};
use crate::keys;

/// Policy violation (RFC 6455, 7.4.1): what clients take for "this key will not do".
const POLICY: u16 = 1008;

/// What a handshake with a header came to.
fn handshake(url: &str, authorization: &str) -> Result<Socket, (u16, Vec<u8>)> {
    Socket::open(url, &[("authorization", authorization)]).map_err(|error| match *error {
        Error::Http(answer) => (answer.status().as_u16(), answer.body().clone().unwrap_or_default()),
        other => panic!("{url}: {other}"),
    })
}

/// What the server says to a key in a message.
fn message(url: &str, key: &str) -> Incoming {
    let mut socket = Socket::open(url, &[]).unwrap_or_else(|error| panic!("{url}: {error}"));
    socket.authenticate(Some(key))
}

fn url(ground: &Ground, operation: &Operation, base: &str) -> String {
    let filled = ground.requests.get(operation).fill(&World::new(ground.server, &ground.mine));
    format!("{base}{}", filled.path)
}

fn let_in(incoming: &Incoming) -> bool {
    matches!(incoming, Incoming::Json(said) if said["type"] == "auth_success")
}

#[test]
fn a_socket_opens_to_a_key_with_its_scope_alone() {
    let ground = Ground::get();
    let mut findings = Vec::new();
    for operation in ground.operations.sockets() {
        let tests::operations::Need::Workspace(scope) = &operation.need else {
            findings.push(format!("{} asks for no scope", operation.name()));
            continue;
        };
        let key = ground.key_with_scopes(&ground.mine, &[scope]).key;
        for base in [ground.mine.api_url(), ground.mine.api_url().replace("/api/", "/")] {
            let url = url(ground, operation, &base);
            for authorization in [format!("Bearer {key}"), format!("bearer {key}"), keys::basic(&format!("any:{key}"))]
            {
                match handshake(&url, &authorization) {
                    // The SDK says its key again in a message, and waits for the answer.
                    Ok(mut socket) => {
                        let said = socket.authenticate(Some(&key));
                        if !let_in(&said) {
                            findings.push(format!("{}: a key in the header, then {said:?}", operation.name()));
                        }
                    }
                    Err(refused) => {
                        findings.push(format!("{}: {authorization} is refused {refused:?}", operation.name()))
                    }
                }
            }
            for token in [key.clone(), format!("any:{key}")] {
                let said = message(&url, &token);
                if !let_in(&said) {
                    findings.push(format!("{}: a key in a message is answered {said:?}", operation.name()));
                }
            }
        }
    }
    none(findings);
}

#[test]
fn a_socket_refuses_every_key_that_does_not_work() {
    let ground = Ground::get();
    let mut findings = Vec::new();
    for operation in ground.operations.sockets() {
        let url = url(ground, operation, &ground.mine.api_url());
        let closed = |said: &Incoming| matches!(said, Incoming::Closed(Some((POLICY, reason))) if !reason.is_empty());
        for (what, credential) in keys::refused() {
            // Without a header the key comes by message, below.
            let Some(credential) = credential else { continue };
            match handshake(&url, credential) {
                Err((401, _)) => {}
                Err(other) => findings.push(format!("{}: {what} is refused {other:?}, not 401", operation.name())),
                Ok(_) => findings.push(format!("{}: {what} opens it", operation.name())),
            }
            // In a message there is no scheme to lack.
            let Some(token) = credential.strip_prefix("Bearer ") else { continue };
            let said = message(&url, token);
            if !closed(&said) {
                findings.push(format!("{}: {what} in a message is answered {said:?}", operation.name()));
            }
        }
        for (what, said) in
            [("null for a key", null(&url)), ("no auth message", unannounced(&url)), ("no JSON", garbage(&url))]
        {
            if !matches!(said, Incoming::Closed(Some((code, _))) if code != 1000) {
                findings.push(format!("{}: {what} is answered {said:?}", operation.name()));
            }
        }
    }
    none(findings);
}

fn null(url: &str) -> Incoming {
    Socket::open(url, &[]).expect("a socket opens").authenticate(None)
}

fn unannounced(url: &str) -> Incoming {
    let mut socket = Socket::open(url, &[]).expect("a socket opens");
    socket.send(&json!({"type": "event", "id": uuid::Uuid::new_v4()}));
    socket.receive()
}

fn garbage(url: &str) -> Incoming {
    let mut socket = Socket::open(url, &[]).expect("a socket opens");
    socket.send_raw("{\"type\":");
    socket.receive()
}

#[test]
fn a_socket_of_others_is_one_that_does_not_exist() {
    let ground = Ground::get();
    let mut findings = Vec::new();
    let neighbour = ground.neighbour.bot("Owner").key;
    let accounts = format!("{}/api/accounts", ground.server.url());
    let nowhere = format!("{accounts}/{}/workspaces/{}", ground.mine.account.id, uuid::Uuid::new_v4());
    let below = |account: &Tenant, workspace: &Tenant| {
        format!("{accounts}/{}/workspaces/{}", account.account.id, workspace.workspace_id)
    };
    let knocks = [
        ("a key of another workspace", ground.mine.api_url(), &neighbour),
        ("a key of another account", ground.mine.api_url(), &ground.stranger.key),
        ("my key in another account's workspace", ground.stranger.api_url(), &ground.mine.key),
        ("another account's workspace below mine", below(&ground.mine, &ground.stranger), &ground.mine.key),
    ];
    for operation in ground.operations.sockets() {
        let absent = url(ground, operation, &nowhere);
        let by_header = handshake(&absent, &format!("Bearer {}", ground.mine.key)).map(drop);
        let by_message = message(&absent, &ground.mine.key);
        if !matches!(by_header, Err((404, _))) || let_in(&by_message) {
            findings.push(format!("{}: nowhere is answered {by_header:?} and {by_message:?}", operation.name()));
        }
        for (what, base, key) in &knocks {
            let there = url(ground, operation, base);
            let header = handshake(&there, &format!("Bearer {key}")).map(drop);
            let said = message(&there, key);
            if (&header, &said) != (&by_header, &by_message) {
                findings.push(format!("{}: {what} is answered {header:?} and {said:?}", operation.name()));
            }
        }
    }
    none(findings);
}

#[test]
fn a_socket_refuses_a_role_without_its_scope() {
    let ground = Ground::get();
    let key = ground.key_with_scopes(&ground.mine, &[]).key;
    let mut findings = Vec::new();
    for operation in ground.operations.sockets() {
        let url = url(ground, operation, &ground.mine.api_url());
        match handshake(&url, &format!("Bearer {key}")) {
            Err((403, _)) => {}
            other => findings.push(format!("{}: by header {:?}, not 403", operation.name(), other.map(drop))),
        }
        let said = message(&url, &key);
        if !matches!(&said, Incoming::Closed(Some((POLICY, _)))) {
            findings.push(format!("{}: by message {said:?}", operation.name()));
        }
    }
    none(findings);
}

/// How the right to be connected ends, as an owner ends it.
#[derive(Debug, Clone, Copy)]
enum End {
    KeyRevoked,
    KeyExpired,
    AccessTaken,
    BotDeleted,
    WorkspaceDeleted,
}

/// What an open socket is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Doing {
    /// Let in, and silent since.
    Nothing,
    /// Past its first message, where it needs one.
    ItsWork,
}

#[test]
fn an_open_socket_ends_with_its_right() {
    let ground = Ground::get();
    let mut findings = Vec::new();
    for end in [End::KeyRevoked, End::KeyExpired, End::AccessTaken, End::BotDeleted, End::WorkspaceDeleted] {
        let tenant = ground.mine.account.workspace();
        let bot = tenant.account.bot();
        let grant = json!({"bot_id": bot.id, "workspace_role_id": tenant.account.workspace_role("Owner")});
        let access = tenant.api().post("/bot_access/", &grant).expect(200);
        let named = format!("{}/{}", tenant.account.handle, bot.name);
        let expiring = ground.server.admin(&["keys", "create", "--bot", &named, "--expires-in", "3s"]);
        let key = match end {
            End::KeyExpired => expiring["key"].as_str().expect("a key"),
            _ => &bot.key,
        };
        let mut sockets = Vec::new();
        for operation in ground.operations.sockets() {
            let url = url(ground, operation, &tenant.api_url());
            for doing in [Doing::Nothing, Doing::ItsWork] {
                let by_header = handshake(&url, &format!("Bearer {key}")).expect("the key is good");
                let by_message = Socket::open(&url, &[]).expect("a socket opens");
                for (how, mut socket) in [("header", by_header), ("message", by_message)] {
                    assert!(let_in(&socket.authenticate(Some(key))), "{}", operation.name());
                    match doing {
                        Doing::Nothing => {}
                        // A worker is answered, and then silent until something changes.
                        Doing::ItsWork if operation.path.ends_with("/workers/connect") => {
                            socket.send(&hello());
                            assert_eq!(socket.json()["type"], "worker.ready.v1");
                        }
                        Doing::ItsWork if operation.path.ends_with("/subscriptions/scheduled") => {
                            socket.send(&json!({"type": "subscribe", "keys": ["t"], "client_id": "w"}));
                        }
                        Doing::ItsWork => socket.send(&json!({"type": "filter", "filter": {}})),
                    }
                    sockets.push((format!("{} by {how}, doing {doing:?}", operation.name()), socket));
                }
            }
        }
        let account = tenant.account.api();
        match end {
            End::KeyRevoked => {
                drop(account.delete(&format!("/bots/{}/delete_bot_api_key/{}", bot.id, bot.key_id)).expect(204))
            }
            End::KeyExpired => {}
            End::AccessTaken => {
                drop(tenant.api().delete(&format!("/bot_access/{}", access["id"].as_str().expect("an id"))).expect(204))
            }
            End::BotDeleted => drop(account.delete(&format!("/bots/{}", bot.id)).expect(204)),
            End::WorkspaceDeleted => drop(tenant.api().delete("/").expect(204)),
        }
        for (what, mut socket) in sockets {
            let said = socket.receive_within(std::time::Duration::from_secs(10));
            if !matches!(&said, Some(Incoming::Closed(Some((POLICY, reason)))) if !reason.is_empty()) {
                findings.push(format!("{end:?}: {what}: {said:?}"));
            }
        }
    }
    none(findings);
}

/// What a worker says first.
fn hello() -> serde_json::Value {
    json!({
        "type": "worker.hello.v1", "id": uuid::Uuid::new_v4(), "sent_at": "2026-01-01T00:00:00Z",
        "payload": {
            "consumer_id": uuid::Uuid::new_v4(), "worker_name": "w", "worker_type": "process",
            "heartbeat_interval_seconds": 30, "supported_channel_versions": ["work_pool_worker_channel.v1"],
            "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1"], "create_pool_if_not_found": true,
        },
    })
}

/// A plain request to the path of a socket is no way in either.
#[test]
fn a_socket_is_no_page() {
    let ground = Ground::get();
    for operation in ground.operations.sockets() {
        assert_eq!(operation.kind, Kind::Socket);
        let path = &ground.requests.get(operation).fill(&World::new(ground.server, &ground.mine)).path;
        for key in [None, Some(ground.mine.key.as_str())] {
            let answer = ground.mine.api().with_key(key).get(path);
            assert!(
                matches!(answer.status, 401 | 404 | 405 | 426),
                "{path} is answered {} {}",
                answer.status,
                answer.body
            );
        }
    }
}

/// The trap of a client that knows the workspace and not the account's API: its refusal names the cure, and is counted.
#[test]
fn a_refused_socket_says_what_to_set_and_is_counted() {
    let ground = Ground::get();
    let Some(operation) = ground.operations.sockets().find(|operation| operation.path.contains("events/in")) else {
        return;
    };
    let counted = || -> f64 {
        let text = tests::Api::new(&ground.server.metrics_url(), None).get("").body;
        let text = text.as_str().map(str::to_owned).unwrap_or_default();
        let lines = text.lines().filter(|line| line.starts_with("prefecture_sockets_refused_total"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let before = counted();
    let said = null(&url(ground, operation, &ground.mine.api_url()));
    let Incoming::Closed(Some((code, reason))) = said else { panic!("{said:?}") };
    assert_eq!(code, POLICY);
    assert!(reason.contains("PREFECT_CLOUD_API_URL"), "{reason}");
    eventually("the refusal is counted", || if counted() > before { Ok(()) } else { Err(counted()) });
}
