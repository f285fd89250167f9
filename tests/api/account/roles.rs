//! Roles of workspaces.

use serde_json::json;

use super::{account, names, role, text, user};

#[test]
fn the_built_in_roles_belong_to_no_account() {
    let account = account();
    let roles = account.api().request("POST", "/workspace_roles/filter", &[], None).expect(200);
    assert_eq!(names(&roles, "name"), ["Owner", "Developer", "Runner", "Viewer", "Worker"]);
    assert!(roles.as_array().into_iter().flatten().all(|role| role["account_id"].is_null()));
    let owner = format!("/workspace_roles/{}", role(&account, "Owner"));
    account.api().patch(&owner, &json!({ "name": "x" })).expect(404);
    account.api().delete(&owner).expect(404);
}

#[test]
fn an_account_makes_its_own() {
    let (account, other) = (account(), account());
    let api = account.api();
    let body =
        json!({ "name": "Auditor", "scopes": ["manage_variables"], "inherited_role_id": role(&account, "Viewer") });
    let made = api.post("/workspace_roles/", &body).expect(201);
    let scopes = made["scopes"].as_array().cloned().unwrap_or_default();
    for scope in ["manage_variables", "write_variables", "see_variables", "see_flows"] {
        assert!(scopes.contains(&json!(scope)), "{scope}");
    }
    let path = format!("/workspace_roles/{}", text(&made["id"]));
    assert_eq!(api.get(&path).expect(200), made);
    other.api().get(&path).expect(404);
    other.api().delete(&path).expect(404);
    assert_eq!(api.post("/workspace_roles/", &body).expect(409)["detail"], "A role with this name already exists.");
    api.post("/workspace_roles/", &json!({ "name": "typo", "scopes": ["see_flow"] })).expect(422);

    api.patch(&path, &json!({ "description": "reads", "scopes": [] })).expect(204);
    let read = api.get(&path).expect(200);
    assert_eq!(read["description"], "reads");
    assert!(!read["scopes"].as_array().is_some_and(|s| s.contains(&json!("write_variables"))));

    // Held by somebody it stays.
    let workspace = account.workspace();
    let (member, _) = user(&account, "member");
    let grant = json!({ "user_id": member["id"], "workspace_role_id": made["id"] });
    let access = workspace.api().post("/user_access/", &grant).expect(200);
    api.delete(&path).expect(409);
    workspace.api().delete(&format!("/user_access/{}", text(&access["id"]))).expect(204);
    api.delete(&path).expect(204);
    api.get(&path).expect(404);
}
