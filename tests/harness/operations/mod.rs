//! Every operation of the program, read from the OpenAPI document of a running server, so that a test over all of them
//! covers a new one on the day it appears.
//!
//! [`Operations`] is the list, [`Request`] a valid request to one of them (`coverage/requests.txt` has one for each),
//! [`World`] makes the objects that such a request names, [`schema`] finds the fields of a body.

mod request;
pub mod schema;
mod world;

use serde_json::Value;

use crate::server::Server;

pub use request::{Filled, NAME as REQUESTS_FILE, Request, Requests, Who};
pub use world::World;

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Slice and handler: `flows.create`.
    pub id: String,
    pub method: String,
    pub level: Level,
    /// Below the level, with `{parameters}`.
    pub path: String,
    pub need: Need,
    /// The schema of the body, if it takes one.
    pub body: Option<Value>,
    /// Name and schema of each parameter of the query.
    pub query: Vec<(String, Value)>,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Http,
    Socket,
}

/// Below what the path of an operation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Root,
    Account,
    Workspace,
}

/// What a caller must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    Nothing,
    AnyKey,
    /// A permission, as the protocol writes it: `read:bot`.
    Account(String),
    /// A scope, as the protocol writes it: `see_flows`.
    Workspace(String),
}

impl Operation {
    /// As the lists beside the tests write it: `PATCH W/flows/{id}`.
    pub fn name(&self) -> String {
        let method = if self.kind == Kind::Socket { "SOCKET" } else { &self.method };
        let level = match self.level {
            Level::Root => "",
            Level::Account => "A",
            Level::Workspace => "W",
        };
        format!("{method} {level}{}", self.path)
    }
}

/// All operations of a server.
#[derive(Debug)]
pub struct Operations {
    all: Vec<Operation>,
    document: Value,
}

const ACCOUNT: &str = "/accounts/{account_id}";
const WORKSPACE: &str = "/accounts/{account_id}/workspaces/{workspace_id}";

impl Operations {
    /// `key` is any that works: the names of scopes and permissions are not public.
    pub fn of(server: &Server, key: &str) -> Operations {
        let api = server.api().with_key(Some(key));
        let document = api.get("/openapi.json").expect(200);
        let scopes = api.get("/api/workspace_scopes").expect(200);
        let scopes: Vec<&str> = items(&scopes).iter().filter_map(|scope| scope["name"].as_str()).collect();
        let permissions = api.get("/api/accounts/permissions").expect(200);
        let permissions: Vec<&str> = items(&permissions).iter().filter_map(Value::as_str).collect();

        let mut all = Vec::new();
        for (part, kind) in [("paths", Kind::Http), ("x-sockets", Kind::Socket)] {
            for (path, methods) in document[part].as_object().unwrap_or_else(|| panic!("the document has no {part}")) {
                for (method, doc) in methods.as_object().expect("methods by name") {
                    let need = doc["x-prefecture"]["need"].as_str().expect("every operation says its need");
                    let (level, path) = level_of(path);
                    let query = items(&doc["parameters"]).iter().filter(|parameter| parameter["in"] == "query");
                    all.push(Operation {
                        id: doc["operationId"].as_str().expect("every operation has an id").to_owned(),
                        method: method.to_uppercase(),
                        level,
                        path: path.to_owned(),
                        need: need_of(need, &permissions, &scopes),
                        body: doc["requestBody"]["content"]["application/json"].get("schema").cloned(),
                        query: query
                            .map(|p| (p["name"].as_str().unwrap_or_default().to_owned(), p["schema"].clone()))
                            .collect(),
                        kind,
                    });
                }
            }
        }
        all.sort_by(|a, b| a.id.cmp(&b.id));
        for pair in all.windows(2) {
            assert_ne!(pair[0].id, pair[1].id, "two operations of one id: clients made from the document lose one");
        }
        Operations { all, document }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.all.iter()
    }

    pub fn http(&self) -> impl Iterator<Item = &Operation> {
        self.all.iter().filter(|operation| operation.kind == Kind::Http)
    }

    pub fn sockets(&self) -> impl Iterator<Item = &Operation> {
        self.all.iter().filter(|operation| operation.kind == Kind::Socket)
    }

    /// For resolving references in schemas.
    pub fn document(&self) -> &Value {
        &self.document
    }
}

fn level_of(path: &str) -> (Level, &str) {
    let below = |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.starts_with('/') || rest.is_empty());
    if let Some(rest) = below(WORKSPACE) {
        return (Level::Workspace, rest);
    }
    below(ACCOUNT).map_or((Level::Root, path), |rest| (Level::Account, rest))
}

/// The document writes the program's own names (`SeeFlows`); the protocol's are found by their letters.
fn need_of(text: &str, permissions: &[&str], scopes: &[&str]) -> Need {
    let named = |inside: &str, names: &[&str]| {
        let letters = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        let found = names.iter().find(|name| letters(name) == letters(inside));
        (*found.unwrap_or_else(|| panic!("{inside} is no name that the server lists"))).to_owned()
    };
    let (what, inside) = text.split_once('(').unwrap_or((text, ""));
    let inside = inside.trim_end_matches(')');
    match what {
        "Nothing" => Need::Nothing,
        "AnyKey" => Need::AnyKey,
        "Account" => Need::Account(named(inside, permissions)),
        "Workspace" | "WorkspaceByMessage" => Need::Workspace(named(inside, scopes)),
        other => panic!("a need that this test does not know: {other}. Say here how it is checked."),
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_named_as_the_protocol_names_them() {
        let (permissions, scopes) = (["read:mex-storage", "create:bot"], ["see_flows", "manage_workspace_users"]);
        let need = |text| need_of(text, &permissions, &scopes);
        assert_eq!(need("Account(ReadMexStorage)"), Need::Account("read:mex-storage".into()));
        assert_eq!(need("WorkspaceByMessage(ManageWorkspaceUsers)"), Need::Workspace("manage_workspace_users".into()));
        assert_eq!(need("Nothing"), Need::Nothing);
    }

    #[test]
    fn the_level_is_a_whole_segment() {
        assert_eq!(level_of("/accounts/{account_id}/bots/"), (Level::Account, "/bots/"));
        assert_eq!(level_of("/accounts/{account_id}/workspaces/{workspace_id}/"), (Level::Workspace, "/"));
        assert_eq!(level_of("/accounts/{account_id}/workspaces/count"), (Level::Account, "/workspaces/count"));
        assert_eq!(level_of("/accounts/permissions"), (Level::Root, "/accounts/permissions"));
    }
}
