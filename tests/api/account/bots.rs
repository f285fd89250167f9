//! Service accounts.

use super::{account, names, role, root, soon, text, user};
use serde_json::json;

#[test]
fn a_service_account_works_with_its_key() {
    let account = account();
    let (api, workspace) = (account.api(), account.workspace());
    let made = api.post("/bots/", &json!({ "name": "ci", "api_key_expiration": "2099-01-01T00:00:00Z" })).expect(201);
    let key = text(&made["api_key"]["key"]);
    assert!(key.starts_with("pnb_") && made["account_role_name"] == "Member");
    assert_eq!(made["api_key"]["expiration"], "2099-01-01T00:00:00Z");
    assert_eq!(
        api.post("/bots/", &json!({ "name": "ci" })).expect(409)["detail"],
        "A service account with this name already exists."
    );
    assert_eq!(root(&key).get("/me").expect(200)["handle"], "ci");

    let theirs = workspace.api().with_key(Some(&key));
    theirs.get("/").expect(404);
    let grant = json!([{ "bot_id": made["id"], "workspace_role_id": role(&account, "Worker") }]);
    let granted = workspace.api().post("/bot_access/", &grant).expect(200);
    assert_eq!((&granted[0]["bot_id"], &granted[0]["bot_name"]), (&made["id"], &json!("ci")));
    soon("the grant counts", 200, || theirs.get("/"));
    theirs.post("/flows/", &json!({ "name": "f" })).expect(201);
    assert_eq!(names(&root(&key).get("/me/workspaces").expect(200), "workspace_handle"), [workspace.handle.as_str()]);

    let path = format!("/bots/{}", text(&made["id"]));
    let read = api.get(&path).expect(200);
    assert!(read["api_key"].get("key").is_none() && text(&read["api_key"]["masked_key"]).starts_with("pnb_"));
    let filter = json!({ "service_accounts": { "name": { "any_": ["ci"] } }, "limit": 10, "offset": 0 });
    assert_eq!(api.post("/bots/filter", &filter).expect(200), json!([read]));
    api.patch(&path, &json!({ "name": "cd" })).expect(204);
    assert_eq!(api.get(&path).expect(200)["name"], "cd");

    api.delete(&path).expect(204);
    api.get(&path).expect(404);
    soon("its key is refused", 401, || theirs.get("/"));
}

#[test]
fn rotating_keeps_the_old_key_for_the_time_asked() {
    let account = account();
    let api = account.api();
    let made = api.post("/bots/", &json!({ "name": "rotates" })).expect(201);
    let path = format!("/bots/{}", text(&made["id"]));
    let first = text(&made["api_key"]["key"]);
    let rotate = |body| api.post(&format!("{path}/rotate_api_key"), &body);

    let rotated = rotate(json!({ "api_key_expiration": null, "old_key_expires_in_seconds": 3600 })).expect(201);
    let second = text(&rotated["api_key"]["key"]);
    for key in [&first, &second] {
        root(key).get("/me").expect(200);
    }
    let keys = api.get(&format!("{path}/read_bot_api_keys")).expect(200);
    assert_eq!(keys["active_key"]["id"], rotated["api_key"]["id"]);
    assert_eq!(names(&keys["rotating_keys"], "id"), [text(&made["api_key"]["id"]).as_str()]);
    api.delete(&format!("{path}/delete_bot_api_key/{}", text(&made["api_key"]["id"]))).expect(204);
    soon("the deleted key is refused", 401, || root(&first).get("/me"));

    // Without a time, and without a body, the old key ends now.
    api.request("POST", &format!("{path}/rotate_api_key"), &[], None).expect(201);
    soon("the replaced key is refused", 401, || root(&second).get("/me"));
    rotate(json!({ "old_key_expires_in_seconds": 172_801 })).expect(422);
    rotate(json!({ "old_key_expires_in_seconds": -1 })).expect(422);
}

#[test]
fn service_accounts_stay_in_their_account() {
    let (account, other) = (account(), account());
    let made = account.api().post("/bots/", &json!({ "name": "mine" })).expect(201);
    let path = format!("/bots/{}", text(&made["id"]));
    for answer in [
        other.api().get(&path),
        other.api().patch(&path, &json!({ "name": "stolen" })),
        other.api().delete(&path),
        other.api().post(&format!("{path}/rotate_api_key"), &json!({})),
    ] {
        assert_eq!((answer.status, answer.body), (404, json!({ "detail": "Service account not found" })));
    }
    let (_, member) = user(&account, "member");
    let member = account.api().with_key(Some(&member));
    member.get(&path).expect(200);
    member.post("/bots/", &json!({ "name": "x" })).expect(403);
    member.post(&format!("{path}/rotate_api_key"), &json!({})).expect(403);
    member.delete(&path).expect(403);
}
