//! Accounts and workspaces, made the way a user makes them: the operator's commands for the first account and key, the
//! account's API for everything after that.

use serde_json::{Value, json};

use crate::api::Api;
use crate::balancer::Balancer;
use crate::server::Server;
use crate::socket::Socket;

/// An account and the key of its owner.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: String,
    pub handle: String,
    /// Of a user who is the account's owner.
    pub key: String,
    url: String,
}

/// A workspace of its own and a key that may do everything in it.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub account: Account,
    pub workspace_id: String,
    pub handle: String,
    pub key: String,
}

/// A service account and its key.
#[derive(Debug, Clone)]
pub struct Bot {
    pub id: String,
    pub actor_id: String,
    pub name: String,
    pub key_id: String,
    pub key: String,
}

impl Account {
    /// A new account on `server`, apart from the one that its tests share.
    pub fn create(server: &Server) -> Account {
        let handle = unique("account");
        let account = server.admin(&["accounts", "create", &handle, "--handle", &handle]);
        let owner = format!("{handle}-owner");
        server.admin(&["users", "create", &owner, "--account", &handle, "--role", "owner"]);
        let key = server.admin(&["keys", "create", "--user", &owner, "--name", "tests"]);
        Account { id: text(&account, "id"), handle, key: text(&key, "key"), url: server.url().to_owned() }
    }

    /// A client at `/api/accounts/ID` with the owner's key.
    pub fn api(&self) -> Api {
        Api::new(&format!("{}/api/accounts/{}", self.url, self.id), Some(&self.key))
    }

    /// A new workspace in it.
    pub fn workspace(&self) -> Tenant {
        let handle = unique("workspace");
        let body = json!({"name": handle, "handle": handle, "description": ""});
        let workspace = self.api().post("/workspaces/", &body).expect(201);
        Tenant { account: self.clone(), workspace_id: text(&workspace, "id"), handle, key: self.key.clone() }
    }

    /// A service account that is a member of the account and of no workspace.
    pub fn bot(&self) -> Bot {
        let name = unique("bot");
        let bot = self.api().post("/bots/", &json!({"name": name})).expect(201);
        let key = &bot["api_key"];
        Bot {
            id: text(&bot, "id"),
            actor_id: text(&bot, "actor_id"),
            name,
            key_id: text(key, "id"),
            key: text(key, "key"),
        }
    }

    /// The id of a workspace role by its name, like `Runner`.
    #[track_caller]
    pub fn workspace_role(&self, name: &str) -> String {
        let roles = self.api().post("/workspace_roles/filter", &json!({})).expect(200);
        let roles = roles.as_array().unwrap_or_else(|| panic!("no list: {roles}")).clone();
        let role = roles.iter().find(|role| role["name"] == name);
        text(role.unwrap_or_else(|| panic!("no role {name} in {roles:?}")), "id")
    }
}

impl Tenant {
    /// A new workspace on the server that all tests share.
    pub fn fresh() -> Tenant {
        Tenant::on(Server::shared())
    }

    /// A new workspace on `server`, in the account that its tests share.
    pub fn on(server: &Server) -> Tenant {
        server.account().workspace()
    }

    /// The workspace's address: what `PREFECT_API_URL` is set to.
    pub fn api_url(&self) -> String {
        format!("{}/api/accounts/{}/workspaces/{}", self.account.url, self.account.id, self.workspace_id)
    }

    /// What `PREFECT_CLOUD_API_URL` is set to.
    pub fn cloud_api_url(&self) -> String {
        format!("{}/api", self.account.url)
    }

    /// A client at the workspace's address with its key.
    pub fn api(&self) -> Api {
        Api::new(&self.api_url(), Some(&self.key))
    }

    /// A service account with this role in the workspace.
    #[track_caller]
    pub fn bot(&self, role: &str) -> Bot {
        let bot = self.account.bot();
        let grant = json!({"bot_id": bot.id, "workspace_role_id": self.account.workspace_role(role)});
        self.api().post("/bot_access/", &grant).expect(200);
        bot
    }

    /// The same workspace as somebody else enters it.
    pub fn with_key(&self, key: &str) -> Tenant {
        Tenant { key: key.to_owned(), ..self.clone() }
    }

    /// The same workspace at another replica.
    pub fn at(&self, replica: &Server) -> Tenant {
        Tenant { account: Account { url: replica.url().to_owned(), ..self.account.clone() }, ..self.clone() }
    }

    /// The same workspace through a balancer in front of its replicas.
    pub fn through(&self, balancer: &Balancer) -> Tenant {
        Tenant { account: Account { url: balancer.url(), ..self.account.clone() }, ..self.clone() }
    }

    /// The environment in which the SDK and the command line find this workspace.
    pub fn env(&self) -> [(&'static str, String); 3] {
        [
            ("PREFECT_API_URL", self.api_url()),
            ("PREFECT_CLOUD_API_URL", self.cloud_api_url()),
            ("PREFECT_API_KEY", self.key.clone()),
        ]
    }

    /// A socket at a path of the workspace, with the key as Bearer; nothing is sent yet.
    pub fn socket(&self, path: &str) -> Socket {
        let bearer = format!("Bearer {}", self.key);
        let opened = Socket::open(&format!("{}{path}", self.api_url()), &[("authorization", &bearer)]);
        opened.unwrap_or_else(|error| panic!("cannot open {path}: {error}"))
    }
}

fn unique(what: &str) -> String {
    format!("{what}-{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

#[track_caller]
fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}
