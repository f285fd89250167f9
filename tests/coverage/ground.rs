//! One server with three workspaces (mine, its neighbour in the same account, one of another account) for all tests here.

use std::sync::OnceLock;

use serde_json::{Value, json};
use tests::operations::{Filled, Kind, Level, Need, Operation, Operations, Request, Requests, Who};
use tests::{Account, Answer, Api, Bot, Builder, Server, Tenant};

pub struct Ground {
    pub server: &'static Server,
    pub mine: Tenant,
    /// Another workspace of the same account.
    pub neighbour: Tenant,
    /// Of another account.
    pub stranger: Tenant,
    pub operations: Operations,
    pub requests: Requests,
}

/// A server that changes nothing by itself: rows are compared. And nobody waits for a run that will not come.
pub fn without_services(server: Builder) -> Builder {
    server.env("PREFECTURE_SERVICES", "off").env("PREFECTURE_POLL_HOLD", "0s")
}

impl Ground {
    pub fn get() -> &'static Ground {
        static GROUND: OnceLock<Ground> = OnceLock::new();
        GROUND.get_or_init(|| {
            static SERVER: OnceLock<Server> = OnceLock::new();
            let server = SERVER.get_or_init(|| without_services(Server::builder()).start());
            let mine = Tenant::on(server);
            let operations = Operations::of(server, &mine.key);
            let requests = Requests::of(&operations);
            let (neighbour, stranger) = (mine.account.workspace(), Account::create(server).workspace());
            Ground { server, mine, neighbour, stranger, operations, requests }
        })
    }

    /// The address of an operation's level, for a workspace's account and itself.
    pub fn base(&self, operation: &Operation, tenant: &Tenant) -> String {
        let root = format!("{}/api", self.server.url());
        match operation.level {
            Level::Root => root,
            Level::Account => format!("{root}/accounts/{}", tenant.account.id),
            Level::Workspace => tenant.api_url(),
        }
    }

    /// An HTTP request at a level's address.
    pub fn ask(&self, operation: &Operation, base: &str, key: Option<&str>, filled: &Filled) -> Answer {
        assert_eq!(operation.kind, Kind::Http, "{} is no request", operation.name());
        send(&Api::new(base, key), operation, filled)
    }

    /// A key of a service account whose role in the workspace has these scopes and no others.
    pub fn key_with_scopes(&self, tenant: &Tenant, scopes: &[&str]) -> Bot {
        let role = json!({"name": format!("role-{}", uuid::Uuid::new_v4().simple()), "scopes": scopes});
        let role = tenant.account.api().post("/workspace_roles/", &role).expect(201);
        let bot = tenant.account.bot();
        let grant = json!({"bot_id": bot.id, "workspace_role_id": role["id"]});
        tenant.api().post("/bot_access/", &grant).expect(200);
        bot
    }

    /// A key of a service account whose role in the account of `mine` has these permissions and no others. Such roles are
    /// not made by any operation, so the rows are.
    pub fn key_with_permissions(&self, permissions: &[&str]) -> Bot {
        let bot = self.mine.account.bot();
        let role = uuid::Uuid::new_v4();
        let names = permissions.join("\",\"");
        let names = if names.is_empty() { "{}".to_owned() } else { format!("{{\"{names}\"}}") };
        self.server.database().sql(&format!(
            "insert into control.account_role (id, account_id, name, permissions)
             values ('{role}', '{}', '{role}', '{names}');
             update control.membership set account_role_id = '{role}' where actor_id = '{}'",
            self.mine.account.id, bot.actor_id
        ));
        bot
    }

    /// The workspace and key with which a request of `requests.txt` is made.
    pub fn caller(&self, request: &Request) -> Tenant {
        match request.who {
            Who::Owner => self.mine.clone(),
            Who::Fresh => self.mine.account.workspace(),
            Who::Newcomer => self.newcomer(),
        }
    }

    /// A user of their own: a member of the account, an owner of the workspace.
    fn newcomer(&self) -> Tenant {
        let handle = format!("newcomer-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
        let account = &self.mine.account;
        let user = self.server.admin(&["users", "create", &handle, "--account", &account.handle, "--role", "member"]);
        let key = self.server.admin(&["keys", "create", "--user", &handle, "--name", "tests"]);
        let grant = json!({"user_id": user["id"], "workspace_role_id": account.workspace_role("Owner")});
        self.mine.api().post("/user_access/", &grant).expect(200);
        self.mine.with_key(key["key"].as_str().expect("a key"))
    }

    /// Operations that need something, with what they need.
    pub fn guarded(&self) -> impl Iterator<Item = &Operation> {
        self.operations.http().filter(|operation| operation.need != Need::Nothing)
    }
}

pub fn send(api: &Api, operation: &Operation, filled: &Filled) -> Answer {
    let body = filled.body.as_ref().map(|body| body.to_string().into_bytes());
    let headers: &[(&str, &str)] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
    api.request(&operation.method, &filled.path, headers, body)
}

/// A request to an operation on objects that nobody has, for callers who must be refused before anybody looks.
pub fn blind(operation: &Operation) -> Filled {
    let segment = |part: &str| if part.starts_with('{') { uuid::Uuid::new_v4().to_string() } else { part.to_owned() };
    let path: Vec<String> = operation.path.split('/').map(segment).collect();
    Filled { path: path.join("/"), body: operation.body.as_ref().map(|_| Value::Object(Default::default())) }
}

/// Fails the test with all that was found.
#[track_caller]
pub fn none(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// The part of an answer that a caller can tell apart: status, headers but for those that differ in every answer, body.
pub fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let varying = ["date", "x-request-id", "traceparent", "server-timing"];
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !varying.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, String::from_utf8_lossy(&answer.bytes).into_owned())
}
