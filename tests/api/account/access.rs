//! Who may enter a workspace.

use super::{account, names, role, soon, text, user};
use serde_json::json;

#[test]
fn access_is_given_replaced_and_taken() {
    let account = account();
    let workspace = account.workspace();
    let api = workspace.api();
    let (user, key) = user(&account, "member");
    let grant = |name: &str| json!({ "user_id": user["id"], "workspace_role_id": role(&account, name) });

    // An object in, an object out; a list in, a list out.
    let one = api.post("/user_access/", &grant("Viewer")).expect(200);
    assert_eq!((&one["user_id"], &one["workspace_id"]), (&user["id"], &json!(workspace.workspace_id)));
    let many = api.post("/user_access/", &json!([grant("Developer")])).expect(200);
    assert_eq!((&many[0]["id"], &many[0]["workspace_role_id"]), (&one["id"], &json!(role(&account, "Developer"))));
    api.with_key(Some(&key)).post("/flows/", &json!({ "name": "f" })).expect(201);

    let path = format!("/user_access/{}", text(&one["id"]));
    assert_eq!(api.get(&path).expect(200), many[0]);
    let all = api.request("POST", "/user_access/filter", &[], None).expect(200);
    // Beside the owner, who made it.
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let who = api.get("/access/").expect(200);
    let owner = format!("{}-owner", account.handle);
    for name in [&owner, &text(&user["handle"])] {
        assert!(names(&who, "name").contains(&name.as_str()), "{name} in {who}");
    }
    api.get(&format!("/bot_access/{}", text(&one["id"]))).expect(404);

    api.delete(&path).expect(204);
    api.delete(&path).expect(404);
    soon("the user is out", 404, || api.with_key(Some(&key)).get("/"));
}

#[test]
fn only_members_of_the_account_with_its_roles() {
    let (account, other) = (account(), account());
    let workspace = account.workspace();
    let (stranger, _) = user(&other, "member");
    let (member, member_key) = user(&account, "member");
    let viewer = role(&account, "Viewer");
    let grant = json!({ "user_id": stranger["id"], "workspace_role_id": viewer });
    assert_eq!(workspace.api().post("/user_access/", &grant).expect(404)["detail"], "User not found");
    // All or none.
    let both = json!([{ "user_id": member["id"], "workspace_role_id": viewer }, grant]);
    workspace.api().post("/user_access/", &both).expect(404);
    workspace.api().with_key(Some(&member_key)).get("/").expect(404);
    let foreign =
        other.api().post("/workspace_roles/", &json!({ "name": "theirs", "scopes": ["see_flows"] })).expect(201);
    let grant = json!({ "user_id": member["id"], "workspace_role_id": foreign["id"] });
    assert_eq!(
        workspace.api().post("/user_access/", &grant).expect(409)["detail"],
        "The workspace role does not exist."
    );

    // A developer sees who is there and changes nothing about it.
    let grant = json!({ "user_id": member["id"], "workspace_role_id": role(&account, "Developer") });
    workspace.api().post("/user_access/", &grant).expect(200);
    let developer = workspace.api().with_key(Some(&member_key));
    // That they were out was known a moment ago, and may be believed for a second.
    soon("the grant counts", 200, || developer.post("/user_access/filter", &json!({})));
    developer
        .post("/user_access/", &json!({ "user_id": member["id"], "workspace_role_id": role(&account, "Owner") }))
        .expect(403);
}
