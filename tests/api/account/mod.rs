//! Above the workspace: `/api/me`, `/api/users`, `/api/accounts/…` and who may enter a workspace.

mod access;
mod admin;
mod bots;
mod cli;
mod escalation;
mod me;
mod members;
mod roles;
mod users;
mod workspaces;

use serde_json::Value;
use tests::{Account, Answer, Api, Server, eventually};

/// An account that no other test touches.
fn account() -> Account {
    Account::create(Server::shared())
}

/// `/api` with a key.
fn root(key: &str) -> Api {
    Api::new(&format!("{}/api", Server::shared().url()), Some(key))
}

/// A new user in the account, and a key of theirs.
fn user(account: &Account, role: &str) -> (Value, String) {
    let server = Server::shared();
    let handle = format!("user-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    let email = format!("{handle}@example.org");
    let user =
        server.admin(&["users", "create", &handle, "--email", &email, "--account", &account.handle, "--role", role]);
    let key = server.admin(&["keys", "create", "--user", &handle]);
    (user, text(&key["key"]))
}

/// The id of a built-in role.
fn role(account: &Account, name: &str) -> String {
    let asked = serde_json::json!({ "workspace_roles": { "name": { "any_": [name] } } });
    let roles = account.api().post("/workspace_roles/filter", &asked).expect(200);
    text(&roles[0]["id"])
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The names in a list of objects.
fn names<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().filter_map(|item| item[field].as_str()).collect()
}

/// Asks until the status is this one: a change counts on every replica within a second.
#[track_caller]
fn soon(what: &str, status: u16, mut ask: impl FnMut() -> Answer) {
    eventually(what, || {
        let answer = ask();
        if answer.status == status { Ok(()) } else { Err(answer.status) }
    });
}
