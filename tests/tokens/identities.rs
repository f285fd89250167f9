//! For whom a token stands: the account's own service accounts and nobody else's.

use serde_json::{Value, json};
use tests::{Account, Server, eventually};

use super::{Ground, identity, wanted};

#[test]
fn an_identity_is_shown_listed_and_taken_away() {
    let ground = Ground::fresh();
    let api = ground.tenant.account.api();
    let path = format!("/identities/{}", ground.identity);
    let shown = api.get(&path).expect(200);
    assert_eq!(
        (&shown["issuer"], &shown["audience"], &shown["claims"], &shown["bot_id"], &shown["bot_name"]),
        (
            &json!(ground.issuer.url()),
            &json!("prefecture"),
            &json!({ "sub": "ci" }),
            &json!(ground.bot.id),
            &json!(ground.bot.name)
        )
    );
    assert_eq!(api.post("/identities/filter", &json!({})).expect(200).as_array().map(Vec::len), Some(1));
    let of_bot = api.post("/identities/filter", &json!({ "bot_id": ground.tenant.account.bot().id })).expect(200);
    assert_eq!(of_bot, json!([]));
    let issuers = api.post("/issuers/filter", &json!({})).expect(200);
    assert!(issuers.as_array().is_some_and(|all| all.iter().any(|issuer| issuer["url"] == ground.issuer.url())));

    let token = ground.token(json!({}));
    ground.api(&token).get("/").expect(200);
    api.delete(&path).expect(204);
    ground.refused("at once on the replica that took it away", &token);
    api.get(&path).expect(404);
    api.delete(&path).expect(404);
}

#[test]
fn claims_decide_and_the_narrower_identity_counts() {
    let ground = Ground::fresh();
    let account = &ground.tenant.account;
    let release = ground.tenant.bot("Owner");
    identity(account, &ground.issuer, &release, json!({ "claims": { "sub": "ci", "ref": "refs/heads/main" } }));
    let cluster = ground.tenant.bot("Viewer");
    let claims =
        json!({ "kubernetes.io": { "namespace": "jobs", "serviceaccount": { "name": "runner" } }, "groups": ["ci"] });
    identity(account, &ground.issuer, &cluster, json!({ "claims": claims }));

    let me = |claims: Value| {
        let api = ground.api(&ground.token(claims)).at(&ground.tenant.cloud_api_url());
        let answer = api.get("/me/");
        (answer.status, answer.body["id"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(me(json!({})), (200, ground.bot.id.clone()));
    assert_eq!(me(json!({ "ref": "refs/heads/topic" })), (200, ground.bot.id.clone()));
    assert_eq!(me(json!({ "ref": "refs/heads/main" })), (200, release.id));
    let pod =
        json!({ "namespace": "jobs", "pod": { "name": "p" }, "serviceaccount": { "name": "runner", "uid": "u" } });
    assert_eq!(me(json!({ "sub": "x", "kubernetes.io": pod, "groups": ["a", "ci"] })), (200, cluster.id));
    assert_eq!(me(json!({ "sub": "x", "kubernetes.io": pod, "groups": ["a"] })).0, 401);
    assert_eq!(me(json!({ "sub": "x", "groups": ["ci"] })).0, 401);
}

#[test]
fn no_account_can_lay_hands_on_anothers_tokens_or_service_accounts() {
    let ground = Ground::fresh();
    let stranger = Account::create(Server::shared()).workspace();
    let (theirs, api) = (stranger.bot("Owner"), stranger.account.api());

    // Another's service account is not there.
    let grab = wanted(&ground.issuer, &ground.bot, json!({ "audience": "strangers" }));
    assert_eq!(api.post("/identities/", &grab).expect(404)["detail"], "Service account not found");
    // Another's audience is another's, whatever the claims.
    let grab = wanted(&ground.issuer, &theirs, json!({}));
    let refused = api.post("/identities/", &grab).expect(409);
    assert_eq!(refused["detail"], "Another account uses this audience of the issuer: choose one of your own.");
    for answer in
        [api.get(&format!("/identities/{}", ground.identity)), api.delete(&format!("/identities/{}", ground.identity))]
    {
        assert_eq!((answer.status, answer.body), (404, json!({ "detail": "Identity not found" })));
    }

    // A token opens its own account's place and no other; meant for two accounts it opens neither.
    identity(&stranger.account, &ground.issuer, &theirs, json!({ "audience": "strangers" }));
    let ours = ground.token(json!({}));
    stranger.api().with_key(Some(&ours)).get("/").expect(404);
    stranger.account.api().with_key(Some(&ours)).get("/").expect(404);
    let both = ground.token(json!({ "aud": ["prefecture", "strangers"] }));
    ground.refused("meant for two accounts", &both);
    stranger.api().with_key(Some(&both)).get("/").expect(401);

    // What nobody uses any more is free.
    ground.tenant.account.api().delete(&format!("/identities/{}", ground.identity)).expect(204);
    identity(&stranger.account, &ground.issuer, &theirs, json!({}));
    let taken = wanted(&ground.issuer, &ground.bot, json!({}));
    ground.tenant.account.api().post("/identities/", &taken).expect(409);
}

#[test]
fn an_identity_gives_no_more_than_its_maker_holds() {
    let ground = Ground::fresh();
    let account = &ground.tenant.account;
    // May change service accounts, and holds no more than that.
    let roles = account.api().post("/account_roles/filter", &json!({})).expect(200);
    let role =
        |name: &str| roles.as_array().and_then(|all| all.iter().find(|r| r["name"] == name)).map(|r| r["id"].clone());
    let maker = account.bot();
    let path = format!("/bots/{}", maker.id);
    account.api().patch(&path, &json!({ "account_role_id": role("Admin") })).expect(204);
    let owner = account.api().post("/bots/", &json!({ "name": "boss", "account_role_id": role("Owner") })).expect(201);

    let maker = account.api().with_key(Some(&maker.key));
    let mut grab = wanted(&ground.issuer, &ground.bot, json!({ "claims": { "sub": "grab" } }));
    eventually("the new role counts", || match maker.post("/identities/", &grab).status {
        201 => Ok(()),
        other => Err(other),
    });
    grab["bot_id"] = owner["id"].clone();
    grab["name"] = json!("grab");
    maker.post("/identities/", &grab).expect(403);
    // Nor does it take away what lets such a one in.
    let boss = account.api().post("/identities/", &grab).expect(201);
    maker.delete(&format!("/identities/{}", boss["id"].as_str().expect("an id"))).expect(403);
    // A Member may do neither.
    let member = account.api().with_key(Some(&account.bot().key));
    member.post("/identities/", &grab).expect(403);
}

#[test]
fn what_would_let_anybody_in_is_refused() {
    let ground = Ground::fresh();
    let api = ground.tenant.account.api();
    let post = |more: Value| api.post("/identities/", &wanted(&ground.issuer, &ground.bot, more));
    for claims in [json!({}), json!({ "sub": null }), json!({ "groups": [] }), json!({ "a": {} })] {
        let refused = post(json!({ "claims": claims })).expect(422);
        assert!(refused["detail"].as_str().is_some_and(|said| said.contains("any token of the issuer")), "{refused}");
    }
    for claims in [json!([]), json!("sub"), json!(null)] {
        post(json!({ "claims": claims })).expect(422);
    }
    post(json!({ "audience": "" })).expect(422);
    assert_eq!(post(json!({ "issuer": "https://nobody.example" })).expect(404)["detail"], "Issuer not found");
}

#[test]
fn an_issuer_of_one_account_is_nobody_elses() {
    let server = Server::shared();
    let (mine, other) = (Account::create(server), Account::create(server));
    let url = format!("https://{}.example", uuid::Uuid::new_v4());
    server.admin(&["issuers", "create", &url, "--account", &mine.handle]);
    let sees = |account: &Account| {
        let issuers = account.api().post("/issuers/filter", &json!({})).expect(200);
        issuers.as_array().is_some_and(|all| all.iter().any(|issuer| issuer["url"] == url.as_str()))
    };
    assert!(sees(&mine) && !sees(&other));
    let bot = other.bot();
    let grab = json!({ "name": "grab", "issuer": url, "audience": "a", "claims": { "sub": "x" }, "bot_id": bot.id });
    other.api().post("/identities/", &grab).expect(404);
}

#[test]
fn the_operator_manages_both_from_the_shell() {
    let ground = Ground::fresh();
    let server = Server::shared();
    let address = format!("{}/{}", ground.tenant.account.handle, ground.bot.name);
    let url = ground.issuer.url();
    let made = server.admin(&[
        "identities",
        "create",
        &address,
        "--issuer",
        url,
        "--audience",
        "prefecture",
        "--claim",
        "sub=shell",
        "--claims-json",
        r#"{"n": {"m": 1}}"#,
        "--name",
        "by-shell",
    ]);
    assert_eq!(made["claims"], json!({ "n": { "m": 1 }, "sub": "shell" }));
    let token = ground.token(json!({ "sub": "shell", "n": { "m": 1, "o": 2 } }));
    ground.api(&token).get("/").expect(200);
    let listed = server.admin(&["identities", "list", &ground.tenant.account.handle]);
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    server.admin(&["identities", "delete", &ground.tenant.account.handle, made["id"].as_str().expect("an id")]);
    eventually("it counts no longer", || match ground.api(&token).get("/").status {
        401 => Ok(()),
        other => Err(other),
    });

    // With the issuer goes everything that builds on it.
    let token = ground.token(json!({}));
    ground.api(&token).get("/").expect(200);
    server.admin(&["issuers", "delete", url]);
    eventually("the issuer counts no longer", || match ground.api(&token).get("/").status {
        401 => Ok(()),
        other => Err(other),
    });
    assert_eq!(server.admin(&["identities", "list", &ground.tenant.account.handle]), json!([]));

    for (arguments, said) in [
        (vec!["issuers", "create", "http://issuer.example"], "write https"),
        (vec!["issuers", "create", "https://issuer.example", "--jwks-url", "http://10.0.0.1/keys"], "write https"),
        (vec!["issuers", "delete", "https://nobody.example"], "there is no issuer"),
        (
            vec![
                "identities",
                "create",
                &address,
                "--issuer",
                "https://nobody.example",
                "--audience",
                "a",
                "--claim",
                "a=b",
            ],
            "may use no issuer",
        ),
        (vec!["identities", "create", &address, "--issuer", url, "--audience", "a"], "any token of the issuer"),
        (vec!["identities", "create", &address, "--issuer", url, "--audience", "a", "--claim", "a"], "NAME=VALUE"),
    ] {
        let output = server.run(&[vec!["admin"], arguments.clone()].concat());
        assert!(!output.status.success() && output.err.contains(said), "{arguments:?}: {}", output.err);
    }
}
