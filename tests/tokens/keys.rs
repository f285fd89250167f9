//! The keys of an issuer: fetched in the background, kept while it is away, asked for anew with measure.

use jsonwebtoken::Algorithm;
use serde_json::json;
use tests::{Account, Issuer, IssuerKey, Mood, Server, eventually};

use super::{Ground, identity};

#[test]
fn a_new_key_counts_at_once_and_a_withdrawn_one_no_longer() {
    let server = Server::builder().env("PREFECTURE_ISSUER_REFRESH", "1s").start();
    let ground = Ground::on(&server);
    let old = ground.token(json!({}));
    ground.api(&old).get("/").expect(200);

    let next = ground.issuer.key(Algorithm::EdDSA);
    ground.api(&ground.issuer.token(&next, json!({}))).get("/").expect(200);
    ground.api(&old).get("/").expect(200);

    // Though it was remembered as good.
    ground.issuer.withdraw(&ground.key);
    eventually("the old key counts no longer", || match ground.api(&old).get("/").status {
        401 => Ok(()),
        other => Err(other),
    });
    ground.api(&ground.issuer.token(&next, json!({ "jti": "another" }))).get("/").expect(200);
}

#[test]
fn unknown_keys_make_an_issuer_be_asked_once_in_a_while() {
    let ground = Ground::fresh();
    ground.api(&ground.token(json!({}))).get("/").expect(200);
    let before = ground.issuer.fetches();
    for _ in 0..20 {
        let stranger = IssuerKey::new(Algorithm::EdDSA);
        ground.refused("an unknown key", &stranger.sign(&ground.issuer.claims()));
    }
    assert_eq!(ground.issuer.fetches() - before, 1);
    // The key that everybody uses was never in doubt.
    ground.api(&ground.token(json!({ "jti": "another" }))).get("/").expect(200);
}

#[test]
fn an_issuer_that_is_away_is_not_missed() {
    let server = Server::builder().env("PREFECTURE_ISSUER_REFRESH", "1s").env("PREFECTURE_ISSUER_PAUSE", "1s").start();
    let ground = Ground::on(&server);
    ground.api(&ground.token(json!({}))).get("/").expect(200);
    for mood in [Mood::Down, Mood::Hung] {
        ground.issuer.mood(mood);
        let before = ground.issuer.fetches();
        ground.issuer.mood(mood);
        // Also after it was asked in vain.
        eventually("the issuer was asked", || match server.log().matches("could not be fetched").count() {
            0 => Err(before),
            _ => Ok(()),
        });
        for turn in 0..5 {
            ground.api(&ground.token(json!({ "jti": format!("{mood:?} {turn}") }))).get("/").expect(200);
        }
    }
    ground.issuer.mood(Mood::Up);
    let next = ground.issuer.key(Algorithm::ES256);
    eventually("its next key counts", || match ground.api(&ground.issuer.token(&next, json!({}))).get("/").status {
        200 => Ok(()),
        other => Err(other),
    });
}

#[test]
fn an_issuer_that_was_never_seen_is_unavailable_and_not_a_refusal() {
    let server = Server::shared();
    let issuer = Issuer::start();
    issuer.mood(Mood::Down);
    let key = issuer.key(Algorithm::ES256);
    server.admin(&["issuers", "create", issuer.url()]);
    let tenant = Account::create(server).workspace();
    identity(&tenant.account, &issuer, &tenant.bot("Viewer"), json!({}));
    let api = tenant.api().with_key(Some(&issuer.token(&key, json!({}))));
    let answer = api.get("/");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("2")), "{}", answer.body);
    issuer.mood(Mood::Up);
    eventually("it is asked again by itself", || match api.get("/").status {
        200 => Ok(()),
        other => Err(other),
    });
}

#[test]
fn a_set_keeps_its_good_keys_beside_strange_ones() {
    let ground = Ground::fresh();
    for strange in [json!({ "kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AAAA" }), json!(null), json!({})] {
        ground.issuer.publish(&strange);
    }
    ground.api(&ground.token(json!({}))).get("/").expect(200);
}
