//! Accounts, workspaces and keys as an operator and an owner make them, and what each key then sees.

use serde_json::json;
use tests::{Account, Client, Server, Tenant};

#[test]
fn a_workspace_is_its_own() {
    let (mine, other) = (Tenant::fresh(), Tenant::fresh());
    let flow = mine.api().post("/flows/", &json!({"name": "mine"})).expect(201);
    let path = format!("/flows/{}", flow["id"].as_str().expect("an id"));
    mine.api().get(&path).expect(200);
    other.api().get(&path).expect(404);
}

#[test]
fn a_workspace_of_another_account_and_none_at_all_are_the_same_answer() {
    let mine = Tenant::fresh();
    let strange = Account::create(Server::shared()).workspace();
    let hidden = strange.api().with_key(Some(&mine.key)).post("/flows/filter", &json!({}));
    let nowhere = format!("{}/accounts/{}/workspaces/{}", mine.cloud_api_url(), mine.account.id, mine.account.id);
    let absent = mine.api().at(&nowhere).post("/flows/filter", &json!({}));
    assert_eq!((hidden.status, absent.status), (404, 404));
    assert_eq!(hidden.bytes, absent.bytes);
}

#[test]
fn a_role_gives_what_it_is_for_and_no_more() {
    let tenant = Tenant::fresh();
    let viewer = tenant.with_key(&tenant.bot("Viewer").key);
    viewer.api().post("/flows/filter", &json!({})).expect(200);
    viewer.api().post("/flows/", &json!({"name": "not mine to make"})).expect(403);
    let stranger = tenant.with_key(&tenant.account.bot().key);
    stranger.api().post("/flows/filter", &json!({})).expect(404);
}

#[test]
fn without_a_key_nobody_gets_in() {
    let tenant = Tenant::fresh();
    for key in [None, Some("pnu_short"), Some("nonsense")] {
        tenant.api().with_key(key).post("/flows/filter", &json!({})).expect(401);
    }
}

#[test]
fn the_command_line_finds_the_workspace_by_what_we_export() {
    let tenant = Tenant::fresh();
    let listed = Client::of(&tenant).prefect(&["cloud", "workspace", "ls"]).expect_success();
    assert!(listed.contains(&tenant.handle), "{listed}");
}
