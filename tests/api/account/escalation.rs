//! Nobody gives more than they hold, changes who holds more, or lays hands on their keys.

use serde_json::{Value, json};
use tests::{Account, Answer, Api, Tenant};

use super::{account, names, role, soon, text, user};

/// The account's address with the key of a new administrator, and the administrator.
fn admin(account: &Account) -> (Api, Value) {
    let (admin, key) = user(account, "admin");
    (account.api().with_key(Some(&key)), admin)
}

/// The id of a role of accounts.
fn account_role(account: &Account, name: &str) -> String {
    let asked = json!({ "account_roles": { "name": { "any_": [name] } } });
    text(&account.api().post("/account_roles/filter", &asked).expect(200)[0]["id"])
}

/// The address of a user's membership.
fn membership(account: &Account, user: &Value) -> String {
    let read = account.api().get(&format!("/account_memberships/by-user/{}", text(&user["id"]))).expect(200);
    format!("/account_memberships/{}", text(&read["id"]))
}

/// A user who holds these scopes in the workspace, the workspace as they enter it, and the id of their role.
fn holder(workspace: &Tenant, scopes: &[&str]) -> (Value, Api, String) {
    let account = &workspace.account;
    let (user, key) = user(account, "member");
    let role =
        account.api().post("/workspace_roles/", &json!({ "name": scopes.join("-"), "scopes": scopes })).expect(201);
    let role = text(&role["id"]);
    workspace.api().post("/user_access/", &json!({ "user_id": user["id"], "workspace_role_id": role })).expect(200);
    (user, workspace.api().with_key(Some(&key)), role)
}

/// Refused, with a sentence that begins so.
#[track_caller]
fn refused(answer: Answer, sentence: &str) -> String {
    let detail = text(&answer.expect(403)["detail"]);
    assert!(detail.starts_with(sentence), "{detail}");
    detail
}

const GIVE: &str = "You cannot give what you do not hold yourself: ";
const CHANGE: &str = "You cannot change what holds more than you do: ";
const KEYS: &str = "You cannot touch the keys of who holds more than you do: ";

#[test]
fn an_administrator_makes_nobody_an_owner() {
    let account = account();
    let (api, own) = admin(&account);
    let (other, _) = user(&account, "member");
    let owner = json!({ "account_role_id": account_role(&account, "Owner") });
    for who in [&own, &other] {
        let detail = refused(api.patch(&membership(&account, who), &owner), GIVE);
        assert_eq!(detail, format!("{GIVE}the permissions bypass:sso, delete:account."));
    }
    let mine = account.api().get(&membership(&account, &own)).expect(200);
    assert_eq!(mine["account_role_name"], "Admin");
    // What they hold themselves they may give, and give up.
    let admin = json!({ "account_role_id": account_role(&account, "Admin") });
    let member = json!({ "account_role_id": account_role(&account, "Member") });
    api.patch(&membership(&account, &other), &admin).expect(204);
    api.patch(&membership(&account, &own), &member).expect(204);
}

#[test]
fn an_administrator_does_not_change_or_remove_an_owner() {
    let account = account();
    let (api, _) = admin(&account);
    // A second one, so that it is not the last who is kept.
    let (owner, _) = user(&account, "owner");
    let path = membership(&account, &owner);
    let member = json!({ "account_role_id": account_role(&account, "Member") });
    refused(api.patch(&path, &member), CHANGE);
    refused(api.delete(&path), CHANGE);
    account.api().patch(&path, &member).expect(204);
    api.delete(&path).expect(204);
}

#[test]
fn a_service_account_is_no_way_to_more() {
    let account = account();
    let (api, _) = admin(&account);
    let (owner, admin) = (account_role(&account, "Owner"), account_role(&account, "Admin"));
    refused(api.post("/bots/", &json!({ "name": "mine", "account_role_id": owner })), GIVE);
    assert_eq!(api.post("/bots/filter", &json!({})).expect(200), json!([]));
    let mine = api.post("/bots/", &json!({ "name": "mine", "account_role_id": admin })).expect(201);
    let path = format!("/bots/{}", text(&mine["id"]));
    refused(api.patch(&path, &json!({ "name": "renamed", "account_role_id": owner })), GIVE);
    assert_eq!(api.get(&path).expect(200)["name"], "mine");
    let as_member = account.api().get(&format!("/account_memberships/by-bot/{}", text(&mine["id"]))).expect(200);
    let as_member = format!("/account_memberships/{}", text(&as_member["id"]));
    refused(api.patch(&as_member, &json!({ "account_role_id": owner })), GIVE);
    api.post(&format!("{path}/rotate_api_key"), &json!({})).expect(201);

    // An owner's service account is out of reach, its keys before all.
    let theirs = account.api().post("/bots/", &json!({ "name": "theirs", "account_role_id": owner })).expect(201);
    let path = format!("/bots/{}", text(&theirs["id"]));
    let key = format!("{path}/delete_bot_api_key/{}", text(&theirs["api_key"]["id"]));
    refused(api.post(&format!("{path}/rotate_api_key"), &json!({ "old_key_expires_in_seconds": 3600 })), KEYS);
    refused(api.delete(&key), KEYS);
    refused(api.patch(&path, &json!({ "account_role_id": admin })), CHANGE);
    refused(api.patch(&path, &json!({ "name": "renamed" })), CHANGE);
    refused(api.delete(&path), CHANGE);
    let keys = account.api().get(&format!("{path}/read_bot_api_keys")).expect(200);
    assert_eq!((&keys["active_key"]["id"], &keys["rotating_keys"]), (&theirs["api_key"]["id"], &json!([])));
    account.api().post(&format!("{path}/rotate_api_key"), &json!({})).expect(201);
    account.api().delete(&path).expect(204);
}

#[test]
fn who_manages_users_gives_what_they_hold() {
    let account = account();
    let workspace = account.workspace();
    let (own, api, own_role) = holder(&workspace, &["manage_workspace_users"]);
    soon("the grant counts", 200, || api.post("/user_access/filter", &json!({})));
    let (other, _) = user(&account, "member");
    let grant = |user: &Value, role: &str| json!({ "user_id": user["id"], "workspace_role_id": role });
    let owner = role(&account, "Owner");
    for who in [&own, &other] {
        refused(api.post("/user_access/", &grant(who, &owner)), &format!("{GIVE}the scopes manage_acls, "));
        refused(api.post("/user_access/", &grant(who, &role(&account, "Viewer"))), GIVE);
    }
    // All or none.
    refused(api.post("/user_access/", &json!([grant(&other, &own_role), grant(&own, &owner)])), GIVE);
    let listed = api.post("/user_access/filter", &json!({})).expect(200);
    assert_eq!(names(&listed, "workspace_role_name"), ["Owner", "manage_workspace_users"]);

    // Who holds more keeps it; who holds as much may be given and lose it.
    let path = format!("/user_access/{}", text(&listed[0]["id"]));
    let strong = json!({ "id": listed[0]["user_id"] });
    refused(api.delete(&path), CHANGE);
    refused(api.post("/user_access/", &grant(&strong, &own_role)), CHANGE);
    let given = api.post("/user_access/", &grant(&other, &own_role)).expect(200);
    api.delete(&format!("/user_access/{}", text(&given["id"]))).expect(204);
    workspace.api().post("/user_access/", &grant(&own, &owner)).expect(200);
    api.post("/user_access/", &grant(&other, &owner)).expect(200);
}

#[test]
fn who_manages_service_accounts_gives_what_they_hold() {
    let account = account();
    let workspace = account.workspace();
    let (_, api, own_role) = holder(&workspace, &["manage_workspace_service_accounts"]);
    soon("the grant counts", 200, || api.post("/bot_access/filter", &json!({})));
    let (weak, strong) = (account.bot(), workspace.bot("Worker"));
    let grant = |bot: &tests::Bot, role: &str| json!({ "bot_id": bot.id, "workspace_role_id": role });
    refused(api.post("/bot_access/", &grant(&weak, &role(&account, "Owner"))), GIVE);
    refused(api.post("/bot_access/", &grant(&strong, &own_role)), CHANGE);
    let given = api.post("/bot_access/", &grant(&weak, &own_role)).expect(200);
    let listed = api.post("/bot_access/filter", &json!({})).expect(200);
    let worker = listed.as_array().into_iter().flatten().find(|access| access["bot_id"] == json!(strong.id));
    let worker = worker.unwrap_or_else(|| panic!("no worker in {listed}"));
    refused(api.delete(&format!("/bot_access/{}", text(&worker["id"]))), CHANGE);
    api.delete(&format!("/bot_access/{}", text(&given["id"]))).expect(204);
}

#[test]
fn who_writes_settings_makes_nobody_an_owner_by_default() {
    let account = account();
    let workspace = account.workspace();
    let (_, api, own_role) = holder(&workspace, &["write_workspace_settings"]);
    soon("the grant counts", 204, || api.patch("/", &json!({ "description": "by them" })));
    let default = |role: &str| json!({ "name": "taken", "default_workspace_role_id": role });
    refused(api.patch("/", &default(&role(&account, "Owner"))), GIVE);
    let read = workspace.api().get("/").expect(200);
    assert_eq!((&read["name"], &read["default_workspace_role_id"]), (&json!(workspace.handle), &Value::Null));
    api.patch("/", &default(&own_role)).expect(204);
    api.patch("/", &json!({ "default_workspace_role_id": null })).expect(204);
}
