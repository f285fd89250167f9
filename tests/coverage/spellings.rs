//! All spellings of an address mean the same, with and without a trailing slash, and never by a redirect.

use tests::operations::{Filled, Level, Need, Operation, World};
use tests::{Api, Server};

use crate::ground::{Ground, blind, none, send, without_services};

/// Each way to write the address of an operation's level.
fn spellings(ground: &Ground, operation: &Operation) -> Vec<String> {
    let (url, account, workspace) = (ground.server.url(), &ground.mine.account.id, &ground.mine.workspace_id);
    let roots = [url.to_owned(), format!("{url}/api"), format!("{url}/api/v3")];
    let mut all = Vec::new();
    for root in roots {
        match operation.level {
            Level::Root => all.push(root),
            Level::Account => all.extend(["account", "accounts"].map(|a| format!("{root}/{a}/{account}"))),
            Level::Workspace => {
                for a in ["account", "accounts"] {
                    all.extend(["workspace", "workspaces"].map(|w| format!("{root}/{a}/{account}/{w}/{workspace}")));
                }
            }
        }
    }
    all
}

/// The path with its slash at the end and without.
fn slashed(path: &str) -> [String; 2] {
    let (path, query) = path.split_once('?').map_or((path, String::new()), |(path, query)| (path, format!("?{query}")));
    let bare = path.trim_end_matches('/');
    [format!("{bare}{query}"), format!("{bare}/{query}")]
}

#[test]
fn every_spelling_of_every_operation_asks_for_a_key() {
    let ground = Ground::get();
    let mut findings = Vec::new();
    for operation in ground.guarded() {
        let filled = blind(operation);
        for base in spellings(ground, operation) {
            let api = Api::new(&base, None);
            for path in slashed(&filled.path) {
                let answer = send(&api, operation, &Filled { path: path.clone(), body: filled.body.clone() });
                if answer.status != 401 {
                    findings.push(format!(
                        "{}: {base}{path} is answered {} {}",
                        operation.name(),
                        answer.status,
                        answer.body
                    ));
                }
            }
        }
    }
    none(findings);
}

#[test]
fn every_spelling_of_a_read_is_answered_alike() {
    let ground = Ground::get();
    let mut findings = Vec::new();
    for operation in ground.operations.http().filter(|operation| operation.method == "GET") {
        let Some(request) = ground.requests.find(operation) else { continue };
        let filled = request.fill(&World::new(ground.server, &ground.mine));
        for base in spellings(ground, operation) {
            let api = Api::new(&base, Some(&ground.mine.key));
            for path in slashed(&filled.path) {
                let answer = send(&api, operation, &Filled { path: path.clone(), body: None });
                if answer.status != request.status {
                    findings.push(format!(
                        "{}: {base}{path} is answered {} {}",
                        operation.name(),
                        answer.status,
                        answer.body
                    ));
                }
            }
        }
    }
    none(findings);
}

#[test]
fn what_only_looks_like_an_address_is_none() {
    let ground = Ground::get();
    let (account, workspace) = (&ground.mine.account.id, &ground.mine.workspace_id);
    let upper = workspace.to_uppercase();
    let bare = workspace.replace('-', "");
    let api = ground.server.api().with_key(Some(&ground.mine.key));
    for path in [
        format!("/v3/accounts/{account}/workspaces/{workspace}/flows/"),
        format!("/api/v2/accounts/{account}/workspaces/{workspace}/flows/"),
        format!("/api/api/accounts/{account}/workspaces/{workspace}/flows/"),
        format!("/api/v3/v3/accounts/{account}/workspaces/{workspace}/flows/"),
        format!("/api/accounts/{account}/workspaces/{bare}/flows/"),
        format!("/api/accounts/{account}/workspaces/{{{workspace}}}/flows/"),
        format!("/api/accounts/{account}/workspaces/{workspace}/../{workspace}/flows/"),
        format!("/api/accounts/{account}/workspaces/{workspace}x/flows/"),
        format!("/api/workspaces/{workspace}/flows/"),
        "/api/flows/".to_owned(),
        "/flows/".to_owned(),
    ] {
        let answer = api.request("GET", &path, &[], None);
        assert_eq!(answer.status, 404, "{path} is answered {}", answer.body);
    }
    // The same id in capital letters is the same id.
    let answer = api.request("GET", &format!("/api/accounts/{account}/workspaces/{upper}/flows/"), &[], None);
    assert!(matches!(answer.status, 200 | 404), "{} {}", answer.status, answer.body);
}

#[test]
fn a_default_workspace_answers_at_the_bare_address_to_those_who_may() {
    let ground = Ground::get();
    let named = format!("{}/{}", ground.mine.account.handle, ground.mine.handle);
    let server = without_services(Server::builder().database(ground.server.database()))
        .env("PREFECTURE_DEFAULT_WORKSPACE", &named)
        .start();
    let flow = format!("default-{}", uuid::Uuid::new_v4().simple());
    let bare = Api::new(&format!("{}/api", server.url()), Some(&ground.mine.key));
    let made = bare.post("/flows/", &serde_json::json!({"name": flow})).expect(201);
    ground.mine.api().get(&format!("/flows/{}", made["id"].as_str().expect("an id"))).expect(200);
    let mut findings = Vec::new();
    for operation in ground.guarded().filter(|operation| operation.level == Level::Workspace) {
        // What the root has of its own, it keeps.
        let of_root = |other: &Operation| {
            other.level == Level::Root && other.path.trim_end_matches('/') == operation.path.trim_end_matches('/')
        };
        if ground.operations.iter().any(of_root) || operation.path == "/" {
            continue;
        }
        for (key, status) in [(None, 401), (Some(ground.stranger.key.as_str()), 404)] {
            let answer = send(&bare.with_key(key), operation, &blind(operation));
            if answer.status != status {
                findings.push(format!("{}: {} {}, not {status}", operation.name(), answer.status, answer.body));
            }
        }
    }
    assert!(ground.operations.iter().any(|operation| operation.need == Need::AnyKey));
    none(findings);
}
