//! A key that was revoked, or whose owner lost the right, is refused within a second, on every replica and at every level.

use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm;
use serde_json::json;
use tests::{Api, Issuer, Server, eventually};

use crate::ground::{Ground, without_services};

const PROMISED: Duration = Duration::from_secs(1);
/// An answer that was on its way when the second was over, on a busy machine.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

/// Uses a key without pause at each place, takes it away, and measures until each refuses; then that none lets it in again.
fn refused_in_time(status: u16, places: &[Api], take_away: impl FnOnce()) {
    for place in places {
        place.get("").expect(200);
    }
    std::thread::scope(|scope| {
        let (started, wait) = std::sync::mpsc::channel();
        let threads: Vec<_> = places
            .iter()
            .map(|place| {
                let started = started.clone();
                scope.spawn(move || {
                    place.get("").expect(200);
                    started.send(()).expect("the test waits");
                    // Each look is later than the one before, so the last that was let in bounds the time it took.
                    let mut last_in = Instant::now();
                    eventually("the key is refused", || {
                        let asked = Instant::now();
                        let answer = place.get("");
                        if answer.status == status {
                            return Ok(());
                        }
                        last_in = asked;
                        Err(answer.status)
                    });
                    for _ in 0..50 {
                        place.get("").expect(status);
                    }
                    last_in
                })
            })
            .collect();
        places.iter().for_each(|_| wait.recv().expect("the threads started"));
        take_away();
        let taken = Instant::now();
        for (place, thread) in places.iter().zip(threads) {
            let last_in = thread.join().expect("the thread looked");
            let late = last_in.saturating_duration_since(taken);
            assert!(late < PROMISED + ON_ITS_WAY, "{}: let in {late:?} after the key was taken away", place.base());
        }
    });
}

#[test]
fn a_revoked_key_is_refused_within_a_second_on_every_replica() {
    let ground = Ground::get();
    let replica = without_services(Server::builder().database(ground.server.database())).start();
    let bot = ground.mine.bot("Owner");
    let places: Vec<Api> = [ground.server.url(), replica.url()]
        .iter()
        .flat_map(|url| {
            let account = format!("{url}/api/accounts/{}", ground.mine.account.id);
            let workspace = format!("{account}/workspaces/{}/", ground.mine.workspace_id);
            [format!("{url}/api/me/workspaces"), format!("{account}/workspaces"), workspace]
        })
        .map(|url| Place::at(&url, &bot.key))
        .collect();
    let path = format!("/bots/{}/delete_bot_api_key/{}", bot.id, bot.key_id);
    refused_in_time(401, &places, || drop(ground.mine.account.api().delete(&path).expect(204)));
}

#[test]
fn tokens_of_an_identity_that_was_taken_away_are_refused_within_a_second_on_every_replica() {
    let ground = Ground::get();
    let replica = without_services(Server::builder().database(ground.server.database())).start();
    let issuer = Issuer::start();
    let token = issuer.token(&issuer.key(Algorithm::ES256), json!({}));
    ground.server.admin(&["issuers", "create", issuer.url()]);
    let identity = json!({"name": issuer.url(), "issuer": issuer.url(), "audience": "prefecture",
                          "claims": {"sub": "ci"}, "bot_id": ground.mine.bot("Viewer").id});
    let identity = ground.mine.account.api().post("/identities/", &identity).expect(201);
    let places = [ground.server.url(), replica.url()].map(|url| {
        let (account, workspace) = (&ground.mine.account.id, &ground.mine.workspace_id);
        Place::at(&format!("{url}/api/accounts/{account}/workspaces/{workspace}/"), &token)
    });
    // A replica reads the list of issuers ten times a second at most.
    for place in &places {
        eventually("the new issuer is known", || if place.get("").status == 200 { Ok(()) } else { Err("not yet") });
    }
    let path = format!("/identities/{}", identity["id"].as_str().expect("an id"));
    refused_in_time(401, &places, || drop(ground.mine.account.api().delete(&path).expect(204)));
}

#[test]
fn who_is_taken_out_of_a_workspace_is_out_within_a_second() {
    let ground = Ground::get();
    let bot = ground.mine.account.bot();
    let grant = json!({"bot_id": bot.id, "workspace_role_id": ground.mine.account.workspace_role("Viewer")});
    let access = ground.mine.api().post("/bot_access/", &grant).expect(200);
    let path = format!("/bot_access/{}", access["id"].as_str().expect("an id"));
    let places = [Place::at(&format!("{}/", ground.mine.api_url()), &bot.key)];
    refused_in_time(404, &places, || drop(ground.mine.api().delete(&path).expect(204)));
}

#[test]
fn a_deleted_workspace_is_gone_within_a_second() {
    let ground = Ground::get();
    let ended = ground.mine.account.workspace();
    let places = [Place::at(&format!("{}/", ended.api_url()), &ended.key)];
    refused_in_time(404, &places, || drop(ended.api().delete("/").expect(204)));
}

struct Place;

impl Place {
    fn at(url: &str, key: &str) -> Api {
        Api::new(url, Some(key))
    }
}
