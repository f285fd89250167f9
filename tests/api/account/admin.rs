//! `prefecture admin` beside the API.

use serde_json::json;
use tests::Server;

use super::{account, root, soon, text, user};

#[test]
fn owner_recovery_gives_a_way_back_in() {
    let account = account();
    let key =
        Server::shared().admin(&["recover-owner", &account.handle, "--user", &format!("{}-rescue", account.handle)]);
    assert!(key["expiration"].is_string(), "an emergency leaves no lasting key: {key}");
    let api = account.api().with_key(key["key"].as_str());
    api.post("/workspaces/", &json!({ "name": "rescued" })).expect(201);
}

#[test]
fn keys_are_listed_masked_and_revoked() {
    let account = account();
    let (user, key) = user(&account, "member");
    let server = Server::shared();
    let handle = text(&user["handle"]);
    let listed = server.admin(&["keys", "list", "--user", &handle]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert!(!listed.to_string().contains(&key), "only masks are listed");
    server.admin(&["keys", "revoke", listed[0]["id"].as_str().unwrap_or_default()]);
    soon("the key is refused", 401, || root(&key).get("/me"));
    assert_eq!(server.admin(&["keys", "list", "--user", &handle]), json!([]));
}

#[test]
fn what_is_wrong_is_said_and_the_exit_code_tells() {
    let server = Server::shared();
    for (arguments, said) in [
        (vec!["accounts", "show", "nobody-has-this"], "there is no account"),
        (vec!["users", "create", "Not A Handle"], "is no handle"),
        (vec!["keys", "create", "--user", "nobody-has-this"], "there is no user"),
        (vec!["keys", "create"], "--user"),
        (vec!["workspaces", "purge", "a/b"], "there is no workspace"),
        (vec!["roles", "show", "nobody-has-this", "Owner"], "there is no account"),
    ] {
        let output = server.run(&[vec!["admin"], arguments.clone()].concat());
        assert!(!output.status.success() && output.err.contains(said), "{arguments:?}: {}", output.err);
    }
}
