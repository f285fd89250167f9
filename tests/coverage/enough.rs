//! A caller whose role lacks the right is refused (403), and the right alone is enough: each right is tried withheld, and on
//! its own.

use std::collections::BTreeMap;

use serde_json::Value;
use tests::Tenant;
use tests::operations::{Need, Operation, Who, World};

use crate::exceptions::{Check, excuse};
use crate::ground::{Ground, blind, none};

#[test]
fn a_role_without_the_right_is_refused() {
    let ground = Ground::get();
    let mut findings = Vec::new();
    let mut keys: BTreeMap<&str, String> = BTreeMap::new();
    for operation in ground.guarded() {
        let (right, all) = match &operation.need {
            Need::Workspace(scope) => (scope, all_scopes_without(scope)),
            Need::Account(permission) => (permission, all_permissions_without(permission)),
            Need::AnyKey => {
                findings.push((operation, "asks for no right".to_owned()));
                continue;
            }
            Need::Nothing => continue,
        };
        let key = keys.entry(right).or_insert_with(|| {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            match &operation.need {
                Need::Workspace(_) => ground.key_with_scopes(&ground.mine, &all).key,
                _ => ground.key_with_permissions(&all).key,
            }
        });
        let answer = ground.ask(operation, &ground.base(operation, &ground.mine), Some(key), &blind(operation));
        let named = answer.body["detail"].as_str().is_some_and(|detail| detail.contains(right));
        if answer.status != 403 || !named {
            findings
                .push((operation, format!("every right but {right} is answered {} {}", answer.status, answer.body)));
        }
    }
    none(excuse(Check::AnyKey, findings));
}

#[test]
fn the_right_alone_is_enough() {
    let ground = Ground::get();
    let mut keys: BTreeMap<&str, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for operation in ground.guarded() {
        let Some(request) = ground.requests.find(operation) else { continue };
        let owner = ground.caller(request);
        let filled = request.fill(&World::new(ground.server, &owner));
        let besides = handed_on(operation, &owner);
        let with = |right: &str| -> Vec<String> { besides.iter().cloned().chain([right.to_owned()]).collect() };
        let key = match (&operation.need, request.who) {
            (Need::Workspace(scope), _) if !besides.is_empty() => {
                ground.key_with_scopes(&owner, &texts(&with(scope))).key
            }
            (Need::Account(right), _) if !besides.is_empty() => ground.key_with_permissions(&texts(&with(right))).key,
            // A workspace of its own: its keys are not those of the others.
            (Need::Workspace(scope), Who::Fresh) => ground.key_with_scopes(&owner, &[scope]).key,
            (Need::Workspace(scope), _) => {
                keys.entry(scope).or_insert_with(|| ground.key_with_scopes(&ground.mine, &[scope]).key).clone()
            }
            (Need::Account(permission), _) => {
                keys.entry(permission).or_insert_with(|| ground.key_with_permissions(&[permission]).key).clone()
            }
            (Need::AnyKey | Need::Nothing, _) => continue,
        };
        let caller: Tenant = owner.with_key(&key);
        let answer = ground.ask(operation, &ground.base(operation, &owner), Some(&caller.key), &filled);
        if answer.status != request.status {
            findings.push(format!("{}: {} {} for {filled:?}", operation.name(), answer.status, answer.body));
        }
    }
    none(findings);
}

/// What the caller must hold besides the right, because the request gives it or changes who holds it: nobody gives more than
/// they hold.
fn handed_on(operation: &Operation, owner: &Tenant) -> Vec<String> {
    let of_role = |path: &str, name: &str, field: &str| -> Vec<String> {
        let roles = owner.account.api().post(path, &serde_json::json!({})).expect(200);
        let role = roles.as_array().expect("a list").iter().find(|role| role["name"] == name).expect("a built-in role");
        role[field].as_array().expect("a list").iter().filter_map(self::name).collect()
    };
    match operation.name().as_str() {
        "POST A/bots/"
        | "PATCH A/bots/{bot_id}"
        | "DELETE A/bots/{bot_id}"
        | "POST A/bots/{bot_id}/rotate_api_key"
        | "DELETE A/bots/{bot_id}/delete_bot_api_key/{key_id}"
        | "POST A/identities/"
        | "DELETE A/identities/{identity_id}"
        | "PATCH A/account_memberships/{id}"
        | "DELETE A/account_memberships/{id}" => of_role("/account_roles/filter", "Member", "permissions"),
        // A role of workspaces may be granted in each of them.
        "POST A/workspace_roles/" | "PATCH A/workspace_roles/{role_id}" => vec!["administrate:workspace".to_owned()],
        "POST W/user_access/" | "DELETE W/user_access/{id}" | "POST W/bot_access/" | "DELETE W/bot_access/{id}" => {
            of_role("/workspace_roles/filter", "Viewer", "scopes")
        }
        _ => Vec::new(),
    }
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// All scopes but one and those that include it.
fn all_scopes_without(scope: &str) -> Vec<String> {
    let ground = Ground::get();
    let all = ground.server.api().with_key(Some(&ground.mine.key)).get("/api/workspace_scopes").expect(200);
    let includes =
        |held: &Value| held["includes_scopes"].as_array().is_some_and(|all| all.iter().any(|name| name == scope));
    let all = all.as_array().expect("a list").iter();
    all.filter(|held| held["name"] != scope && !includes(held)).filter_map(|held| name(&held["name"])).collect()
}

fn all_permissions_without(permission: &str) -> Vec<String> {
    let ground = Ground::get();
    let all = ground.server.api().with_key(Some(&ground.mine.key)).get("/api/accounts/permissions").expect(200);
    all.as_array().expect("a list").iter().filter(|held| *held != permission).filter_map(name).collect()
}

fn name(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Which operation needs what, for the failures above.
#[test]
fn no_operation_is_open_by_accident() {
    let ground = Ground::get();
    let in_workspace = |operation: &&Operation| operation.name().contains(" W/") && operation.need == Need::AnyKey;
    none(ground.operations.iter().filter(in_workspace).map(|op| format!("{} asks for no scope", op.name())).collect());
}
