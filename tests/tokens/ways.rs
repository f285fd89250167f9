//! Every way that a key comes in by.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm;
use serde_json::json;
use tests::{Api, Client, Incoming, Server, Socket, eventually};

use super::Ground;

#[test]
fn a_token_stands_for_its_service_account_whatever_it_is_signed_with() {
    for algorithm in [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA] {
        let ground = Ground::with(Server::shared(), algorithm);
        let api = ground.api(&ground.token(json!({})));
        api.post("/flows/", &json!({ "name": "by-token" })).expect(201);
        let me = api.at(&ground.tenant.cloud_api_url()).get("/me/").expect(200);
        assert_eq!(me["id"], ground.bot.id.as_str(), "{algorithm:?}");
    }
}

#[test]
fn bearer_and_basic() {
    let ground = Ground::fresh();
    let token = ground.token(json!({}));
    let nobody = Api::new(&ground.tenant.api_url(), None);
    for header in [
        format!("bearer {token}"),
        format!("Basic {}", STANDARD.encode(format!("any:{token}"))),
        format!("Basic {}", STANDARD.encode(&token)),
    ] {
        nobody.request("GET", "/", &[("authorization", &header)], None).expect(200);
    }
}

#[test]
fn the_roles_of_the_service_account_decide() {
    let ground = Ground::fresh();
    let token = ground.token(json!({}));
    let api = ground.api(&token);
    let workspaces = api.at(&ground.tenant.cloud_api_url()).get("/me/workspaces").expect(200);
    assert_eq!(workspaces.as_array().map(Vec::len), Some(1), "{workspaces}");
    // A Developer may not delete the workspace, a Member may make no service accounts.
    api.delete("/").expect(403);
    let account = ground.tenant.account.api().with_key(Some(&token));
    account.get("/").expect(200);
    account.post("/bots/", &json!({ "name": "another" })).expect(403);
    // Where it holds no role, the workspace is not there.
    let other = ground.tenant.account.workspace();
    other.api().with_key(Some(&token)).get("/").expect(404);
}

#[test]
fn a_socket_takes_a_token_in_its_header_and_in_a_message() {
    let ground = Ground::fresh();
    let token = ground.token(json!({}));
    let mut by_header = ground.tenant.with_key(&token).socket("/events/in");
    assert_eq!(by_header.authenticate(None), Incoming::Json(json!({ "type": "auth_success" })));
    for said in [token.clone(), format!("any:{token}")] {
        let mut socket = Socket::open(&format!("{}/logs/out", ground.tenant.api_url()), &[]).expect("it opens");
        assert_eq!(socket.authenticate(Some(&said)), Incoming::Json(json!({ "type": "auth_success" })));
    }
}

#[test]
fn a_socket_ends_with_its_token() {
    // The clock of the test and of the server are one, so that no leeway is needed.
    let server = Server::builder().env("PREFECTURE_TOKEN_LEEWAY", "0s").start();
    let ground = Ground::on(&server);
    let token = ground.token(json!({ "exp": tests::now() + 3 }));
    let mut socket = ground.tenant.with_key(&token).socket("/logs/out");
    assert_eq!(socket.authenticate(None), Incoming::Json(json!({ "type": "auth_success" })));
    let Incoming::Closed(Some((code, reason))) = socket.receive() else { panic!("the socket stays open") };
    assert_eq!((code, reason.as_str()), (1008, "The key is no longer valid"));
    ground.refused("expired while in use", &token);
}

#[test]
fn the_command_line_works_with_a_token() {
    let ground = Ground::fresh();
    let client = Client::of(&ground.tenant.with_key(&ground.token(json!({}))));
    ground.tenant.api().post("/flows/", &json!({ "name": "seen-by-token" })).expect(201);
    let listed = client.prefect(&["flow", "ls"]).expect_success();
    assert!(listed.contains("seen-by-token"), "{listed}");
}

#[test]
fn use_is_noted_and_nothing_of_a_token_is_kept() {
    let server = Server::builder().env("PREFECTURE_LOG", "trace").start();
    let ground = Ground::on(&server);
    let token = ground.token(json!({ "sub": "ci", "email": "nobody-may-log-this@example.org" }));
    ground.api(&token).get("/flows/no-such").expect(404);
    ground.refused("not ours", &ground.issuer.token(&ground.key, json!({ "sub": "nobody-may-log-that" })));
    let path = format!("/identities/{}", ground.identity);
    eventually("its use is noted", || {
        let identity = ground.tenant.account.api().get(&path).expect(200);
        if identity["last_used"].is_string() { Ok(()) } else { Err(identity) }
    });
    let log = server.log();
    let parts: Vec<&str> = token.split('.').collect();
    for secret in [parts[1], parts[2], "nobody-may-log-this", "nobody-may-log-that"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "a token is in the log");
    }
    let tables = "select string_agg(t::text, ' ') from control.identity t";
    assert!(!server.database().sql(tables).contains(parts[2]));
}
