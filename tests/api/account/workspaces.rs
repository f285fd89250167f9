//! `/api/accounts/{id}/workspaces`, and a workspace by itself.

use serde_json::json;
use tests::{Server, Tenant};

use super::{account, names, role, root, soon, text, user};

#[test]
fn a_workspace_is_complete_when_the_answer_is_sent() {
    let account = account();
    let body = json!({ "name": "Data Platform", "description": "d", "handle": "data" });
    let made = account.api().post("/workspaces/", &body).expect(201);
    let expected = json!({
        "id": made["id"], "created": made["created"], "updated": made["updated"], "account_id": account.id,
        "name": "Data Platform", "description": "d", "handle": "data", "default_workspace_role_id": null, "is_public": false,
    });
    assert_eq!(made, expected);
    let own = account.api().at(&format!("{}/workspaces/{}", account.api().base(), text(&made["id"])));
    own.post("/flows/", &json!({ "name": "f" })).expect(201);
    assert_eq!(own.get("/").expect(200), made);
    assert_eq!(own.get("").expect(200), made);
    assert_eq!(root(&account.key).get(&format!("/workspaces/{}", text(&made["id"]))).expect(200), made);

    let taken = account.api().post("/workspaces/", &body).expect(409);
    assert_eq!(taken["detail"], "A workspace with this handle already exists.");
    let derived = account.api().post("/workspaces", &json!({ "name": "My Second!" })).expect(201);
    assert_eq!((&derived["handle"], &derived["description"]), (&json!("my-second"), &json!("")));
}

/// Before anything falls due in it, and without a sweep.
#[test]
fn services_know_of_a_workspace_from_the_start() {
    let tenant = account().workspace();
    let row = format!("select count(*) from cell.tick where workspace_id = '{}'", tenant.workspace_id);
    assert_eq!(Server::shared().database().sql(&row), "1");
}

#[test]
fn workspaces_are_listed_filtered_and_counted() {
    let account = account();
    let (a, b) = (account.workspace(), account.workspace());
    let api = account.api();
    assert_eq!(api.get("/workspaces").expect(200).as_array().map(Vec::len), Some(2));
    assert_eq!(api.get("/workspaces/?limit=1").expect(200).as_array().map(Vec::len), Some(1));
    // No body, an empty one and an empty object all mean everything.
    for body in [None, Some(b"{}".to_vec())] {
        let all = api.request("POST", "/workspaces/filter", &[], body).expect(200);
        assert_eq!(all.as_array().map(Vec::len), Some(2));
    }
    let by_handle = json!({ "workspaces": { "handle": { "any_": [b.handle] } } });
    assert_eq!(names(&api.post("/workspaces/filter", &by_handle).expect(200), "id"), [b.workspace_id.as_str()]);
    assert_eq!(api.post("/workspaces/count", &by_handle).expect(200), json!(1));
    let by_id = json!({ "workspaces": { "id": { "any_": [a.workspace_id] } } });
    assert_eq!(names(&api.post("/workspaces/filter", &by_id).expect(200), "handle"), [a.handle.as_str()]);
    // A member sees those that let them in, and makes none.
    let (_, member) = user(&account, "member");
    assert_eq!(api.with_key(Some(&member)).get("/workspaces").expect(200), json!([]));
    api.with_key(Some(&member)).post("/workspaces/", &json!({ "name": "x" })).expect(403);
    // Another account's key finds no such account.
    let other = super::account();
    let stranger = api.with_key(Some(&other.key)).get("/workspaces");
    assert_eq!((stranger.status, stranger.body), (404, json!({ "detail": "Account not found" })));
}

#[test]
fn a_workspace_is_changed_by_its_owner() {
    let account = account();
    let workspace = account.workspace();
    let api = workspace.api();
    api.patch(
        "/",
        &json!({ "name": "New", "description": "why", "default_workspace_role_id": role(&account, "Viewer") }),
    )
    .expect(204);
    let read = api.get("/").expect(200);
    assert_eq!(
        (&read["name"], &read["description"], &read["handle"]),
        (&json!("New"), &json!("why"), &json!(workspace.handle))
    );
    // The default role lets every member in, and is taken away by null.
    let (_, member) = user(&account, "member");
    let theirs = api.with_key(Some(&member));
    theirs.post("/flows/filter", &json!({})).expect(200);
    theirs.patch("/", &json!({ "name": "mine" })).expect(403);
    theirs.delete("/").expect(403);
    api.patch("", &json!({ "default_workspace_role_id": null })).expect(204);
    soon("the member is out", 404, || theirs.get("/"));
    let unknown = json!({ "default_workspace_role_id": "00000000-0000-4000-8000-000000000000" });
    api.patch("/", &unknown).expect(409);
    for bad in [json!({ "handle": "Upper" }), json!({ "name": "" }), json!({ "name": 1 })] {
        api.patch("/", &bad).expect(422);
    }

    assert_eq!(api.get("/settings").expect(200)["inherit_default_result_storage"], true);
    api.patch("/settings", &json!({ "inherit_default_result_storage": false })).expect(204);
    assert_eq!(api.get("/settings").expect(200)["inherit_default_result_storage"], false);
}

#[test]
fn a_deleted_workspace_is_404_like_any_unknown_one_and_comes_back_from_the_shell() {
    let account = account();
    let workspace = account.workspace();
    let api = workspace.api();
    api.post("/flows/", &json!({ "name": "kept" })).expect(201);
    api.delete("/").expect(204);
    let unknown = Tenant { workspace_id: "00000000-0000-4000-8000-000000000000".into(), ..workspace.clone() };
    soon("the workspace is gone", 404, || api.get("/flows/name/kept"));
    assert_eq!(api.get("/flows/name/kept").bytes, unknown.api().get("/flows/name/kept").bytes);
    assert_eq!(account.api().get("/workspaces").expect(200), json!([]));
    // Its handle is free.
    account.api().post("/workspaces/", &json!({ "name": "again", "handle": workspace.handle })).expect(201);

    let server = Server::shared();
    server.admin(&["workspaces", "restore", &workspace.workspace_id, "--handle", "restored"]);
    soon("the workspace is back", 200, || api.get("/"));
    api.get("/flows/name/kept").expect(200);
    api.delete("/").expect(204);
    server.admin(&["workspaces", "purge", &workspace.workspace_id]);
    assert!(!server.run(&["admin", "workspaces", "restore", &workspace.workspace_id]).status.success());
}
