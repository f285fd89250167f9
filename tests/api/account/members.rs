//! The account and who is in it.

use super::{account, names, soon, text, user};
use serde_json::json;

#[test]
fn an_account_and_its_settings() {
    let account = account();
    let api = account.api();
    let read = api.get("/").expect(200);
    assert_eq!(api.get("").expect(200), read);
    assert_eq!((&read["handle"], &read["domain_names"]), (&json!(account.handle), &json!([])));
    assert_eq!(api.get("/settings").expect(200), read["settings"]);
    assert_eq!(read["settings"]["enforce_ip_allowlist"], false);

    api.patch("/settings", &json!({ "managed_execution": true, "of_another_product": 1 })).expect(204);
    assert_eq!(api.get("/settings").expect(200)["managed_execution"], true);
    // A fence that is not there cannot be switched on.
    api.patch("/settings", &json!({ "enforce_ip_allowlist": true })).expect(422);
    api.patch("/", &json!({ "name": "Renamed" })).expect(204);
    assert_eq!(api.get("/").expect(200)["name"], "Renamed");
    let (_, member) = user(&account, "member");
    let member = api.with_key(Some(&member));
    member.get("/").expect(200);
    member.patch("/", &json!({ "name": "x" })).expect(403);
}

#[test]
fn members_change_roles_and_leave() {
    let account = account();
    let api = account.api();
    let (member, key) = user(&account, "member");
    api.post("/bots/", &json!({ "name": "bot" })).expect(201);
    let count = |body| api.post("/account_memberships/count", &body).expect(200);
    assert_eq!(count(json!({})), json!(3));
    assert_eq!((count(json!({ "only_users": true })), count(json!({ "only_bots": true }))), (json!(2), json!(1)));
    let by_email = json!({ "account_memberships": { "email": { "any_": [text(&member["email"]).to_uppercase()] } } });
    let found = api.post("/account_memberships/filter", &by_email).expect(200);
    assert_eq!((&found[0]["user_id"], &found[0]["account_role_name"]), (&member["id"], &json!("Member")));
    let path = format!("/account_memberships/{}", text(&found[0]["id"]));
    assert_eq!(api.get(&path).expect(200), found[0]);
    assert_eq!(api.get(&format!("/account_memberships/by-user/{}", text(&member["id"]))).expect(200), found[0]);

    let roles = api.post("/account_roles/filter", &json!({})).expect(200);
    assert_eq!(names(&roles, "name"), ["Owner", "Admin", "Member"]);
    let theirs = api.with_key(Some(&key));
    theirs.patch(&path, &json!({ "account_role_id": roles[1]["id"] })).expect(403);
    api.patch(&path, &json!({ "account_role_id": roles[1]["id"] })).expect(204);
    soon("the member is an admin", 201, || theirs.post("/workspaces/", &json!({ "name": "by admin" })));

    api.delete(&path).expect(204);
    soon("the member is out", 404, || theirs.get("/"));
    api.get(&path).expect(404);
    let own = api.post("/account_memberships/filter", &json!({ "only_users": true })).expect(200);
    let own = format!("/account_memberships/{}", text(&own[0]["id"]));
    assert_eq!(api.delete(&own).expect(409)["detail"], "An account needs at least one owner.");
}
