//! `/api/me`.

use serde_json::{Value, json};

use super::{account, names, role, root, text, user};

#[test]
fn a_key_tells_its_owner_and_workspaces() {
    let account = account();
    let workspace = account.workspace();
    let me = root(&account.key);
    let own = me.get("/me").expect(200);
    assert_eq!(own["handle"], format!("{}-owner", account.handle));
    let fields = ["id", "handle", "first_name", "last_name", "email", "location", "personal_account_id", "settings"];
    assert_eq!(own.as_object().map(|o| o.keys().map(String::as_str).collect::<Vec<_>>()), Some(fields.to_vec()));

    let list = me.get("/me/workspaces").expect(200);
    assert_eq!(
        list,
        json!([{
            "account_id": account.id, "account_name": account.handle, "account_handle": account.handle,
            "workspace_id": workspace.workspace_id, "workspace_name": workspace.handle, "workspace_description": "",
            "workspace_handle": workspace.handle,
        }])
    );
    assert_eq!(names(&me.get("/me/accounts/").expect(200), "account_role_name"), ["Owner"]);
    assert_eq!(me.get("/me/organizations").expect(200).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_bad_key_is_401_with_the_body_clients_know() {
    let account = account();
    for key in ["pnu_nonsense", "", "pnu_000000000000000000000000000000000000"] {
        let answer = root(key).get("/me/workspaces");
        assert_eq!(answer.status, 401, "{key}");
        assert_eq!(answer.body, json!({ "detail": "Invalid authentication credentials" }));
    }
    root(&account.key).get("/me/workspaces").expect(200);
    root(&account.key).with_key(None).get("/me/workspaces").expect(401);
}

#[test]
fn a_member_sees_only_workspaces_that_let_them_in() {
    let account = account();
    let (seen, _unseen) = (account.workspace(), account.workspace());
    let (member, key) = user(&account, "member");
    assert_eq!(root(&key).get("/me/workspaces").expect(200), json!([]));
    let grant = json!({ "user_id": member["id"], "workspace_role_id": role(&account, "Runner") });
    seen.api().post("/user_access/", &grant).expect(200);
    let list = root(&key).get("/me/workspaces").expect(200);
    assert_eq!(names(&list, "workspace_id"), [seen.workspace_id.as_str()]);

    let scopes = root(&key).get(&format!("/me/workspaces/{}/scopes", seen.workspace_id)).expect(200);
    assert!(
        scopes.as_array().is_some_and(|s| s.contains(&json!("run_deployments")) && !s.contains(&json!("run_flows")))
    );
    let has = |scope: &str| {
        root(&key).get(&format!("/me/workspaces/{}/has_scope?scope={scope}", seen.workspace_id)).expect(200)
    };
    assert_eq!((has("see_flows"), has("manage_flows"), has("fly")), (json!(true), json!(false), json!(false)));

    root(&key).delete(&format!("/me/workspaces/{}", seen.workspace_id)).expect(204);
    assert_eq!(root(&key).get("/me/workspaces").expect(200), json!([]));
    root(&key).get(&format!("/me/workspaces/{}/scopes", seen.workspace_id)).expect(404);
}

#[test]
fn permissions_are_those_of_the_account_role() {
    let account = account();
    let (_, member) = user(&account, "member");
    let count = |key: &str| {
        let list = root(key).get(&format!("/me/accounts/{}/permissions", account.id)).expect(200);
        list.as_array().map_or(0, Vec::len)
    };
    assert!(count(&account.key) >= 46 && count(&member) == 13);
    let path = format!("/me/accounts/{}/has_permission?permission=create:workspace", account.id);
    assert_eq!(root(&account.key).get(&path).expect(200), json!(true));
    assert_eq!(root(&member).get(&path).expect(200), json!(false));
    assert_eq!(root(&member).get("/me/accounts/has_permission?permission=read:bot").expect(200), json!(true));

    // The member may leave; the only owner may not.
    root(&member).delete(&format!("/me/accounts/{}", account.id)).expect(204);
    assert_eq!(root(&member).get("/me/accounts").expect(200), json!([]));
    let refused = root(&account.key).delete(&format!("/me/accounts/{}", account.id)).expect(409);
    assert_eq!(text(&refused["detail"]), "An account needs at least one owner.");
}

#[test]
fn scopes_and_permissions_are_listed() {
    let root = root(&account().key);
    let scopes = root.get("/workspace_scopes").expect(200);
    assert_eq!(scopes.as_array().map(Vec::len), Some(61));
    let blocks = scopes.as_array().and_then(|list| list.iter().find(|s| s["name"] == "manage_blocks")).cloned();
    let expected = json!({
        "name": "manage_blocks", "title": "Manage blocks", "feature_group": "blocks",
        "includes_scopes": ["see_blocks", "see_secret_blocks"], "see_scope": "see_blocks",
    });
    assert_eq!(blocks.unwrap_or(Value::Null), expected);
    let permissions = root.get("/accounts/permissions").expect(200);
    assert!(permissions.as_array().is_some_and(|list| list.contains(&json!("create:workspace"))));
}
