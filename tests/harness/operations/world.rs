//! Objects of one workspace and its account, made when a request names them and once for each word.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::server::Server;
use crate::tenant::Tenant;

/// The objects that the `$words` of a request stand for. All belong to one workspace or its account.
#[derive(Debug)]
pub struct World<'s> {
    server: &'s Server,
    tenant: Tenant,
    made: RefCell<BTreeMap<String, String>>,
    objects: Objects,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Objects {
    Real,
    /// Ids that nobody has.
    Absent,
}

/// Words that stand for no object of a workspace: texts, and what is the same in all of them.
const NOBODYS: &[&str] = &["id", "text", "handle", "viewer", "account_role", "issuer"];

/// Words for what belongs to an account or a user, and so to none of its workspaces.
const OF_AN_ACCOUNT: &[&str] =
    &["account", "me", "key", "member", "membership", "bot", "bot_actor", "bot_key", "role", "identity"];

impl<'s> World<'s> {
    /// `tenant`'s key must be one that may make all that is asked for.
    pub fn new(server: &'s Server, tenant: &Tenant) -> World<'s> {
        World { server, tenant: tenant.clone(), made: RefCell::default(), objects: Objects::Real }
    }

    /// The same words for objects that do not exist.
    pub fn nowhere(server: &'s Server, tenant: &Tenant) -> World<'s> {
        World { objects: Objects::Absent, ..World::new(server, tenant) }
    }

    /// The objects named until now, by their words.
    pub fn ids(&self) -> Vec<(String, String)> {
        let made = self.made.borrow();
        made.iter()
            .filter(|(word, _)| !NOBODYS.contains(&word.as_str()))
            .map(|(w, id)| (w.clone(), id.clone()))
            .collect()
    }

    pub fn server(&self) -> &'s Server {
        self.server
    }

    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Whether a word's object belongs to an account or a user, not to a workspace.
    pub fn is_of_an_account(word: &str) -> bool {
        OF_AN_ACCOUNT.contains(&word)
    }

    /// The text with every `$word` replaced.
    pub fn fill(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(part.len());
            out.push_str(&self.get(&part[..end]));
            out.push_str(&part[end..]);
        }
        out
    }

    /// The object of a word: an id, a name or a key.
    pub fn get(&self, word: &str) -> String {
        let known = self.made.borrow().get(word).cloned();
        known.unwrap_or_else(|| {
            let made = self.make(word);
            self.made.borrow_mut().entry(word.to_owned()).or_insert(made).clone()
        })
    }

    fn also(&self, word: &str, value: String) {
        self.made.borrow_mut().insert(word.to_owned(), value);
    }

    fn make(&self, word: &str) -> String {
        let (api, account) = (self.tenant.api(), self.tenant.account.api());
        let root = account.at(&self.tenant.cloud_api_url()).with_key(Some(&self.tenant.key));
        match word {
            _ if self.objects == Objects::Absent && !NOBODYS.contains(&word) => uuid::Uuid::new_v4().to_string(),
            "id" => uuid::Uuid::new_v4().to_string(),
            "text" | "handle" => format!("made-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]),
            "account" => self.tenant.account.id.clone(),
            "workspace" => self.tenant.workspace_id.clone(),
            "me" => text(&root.get("/me/").expect(200), "id"),

            "flow" => {
                let flow = made(api.post("/flows/", &json!({"name": format!("flow-{}", self.get("text"))})));
                self.also("flow_name", text(&flow, "name"));
                text(&flow, "id")
            }
            "flow_name" => self.with("flow", word),
            "deployment" => {
                let deployment =
                    json!({"name": format!("deployment-{}", self.get("text")), "flow_id": self.get("flow")});
                let deployment = made(api.post("/deployments/", &deployment));
                self.also("deployment_name", text(&deployment, "name"));
                text(&deployment, "id")
            }
            "deployment_name" => self.with("deployment", word),
            "schedule" => {
                let path = format!("/deployments/{}/schedules", self.get("deployment"));
                text(&made(api.post(&path, &json!([{"schedule": {"interval": 3600}}])))[0], "id")
            }
            "flow_run" => {
                let state = json!({"type": "PENDING"});
                let run = made(api.post("/flow_runs/", &json!({"flow_id": self.get("flow"), "state": state})));
                self.also("flow_run_name", text(&run, "name"));
                self.also("flow_state", text(&run, "state_id"));
                text(&run, "id")
            }
            "flow_run_name" | "flow_state" => self.with("flow_run", word),
            "task_run" => {
                let run = json!({"flow_run_id": self.get("flow_run"), "task_key": self.get("text"), "dynamic_key": "0",
                                 "state": {"type": "PENDING"}});
                let run = made(api.post("/task_runs/", &run));
                self.also("task_run_name", text(&run, "name"));
                self.also("task_state", text(&run, "state_id"));
                text(&run, "id")
            }
            "task_run_name" | "task_state" => self.with("task_run", word),
            "input_key" => {
                let path = format!("/flow_runs/{}/input", self.get("flow_run"));
                made(api.post(&path, &json!({"key": "an-input", "value": "1"})));
                "an-input".to_owned()
            }

            "variable" => {
                let variable = json!({"name": self.get("text"), "value": 1});
                let variable = made(api.post("/variables/", &variable));
                self.also("variable_name", text(&variable, "name"));
                text(&variable, "id")
            }
            "variable_name" => self.with("variable", word),
            "saved_search" => text(&made(api.put("/saved_searches/", &json!({"name": self.get("text")}))), "id"),
            "artifact" => {
                let artifact = json!({"key": self.get("text"), "type": "markdown", "data": "text"});
                let artifact = made(api.post("/artifacts/", &artifact));
                self.also("artifact_key", text(&artifact, "key"));
                text(&artifact, "id")
            }
            "artifact_key" => self.with("artifact", word),
            "work_pool" => {
                text(&made(api.post("/work_pools/", &json!({"name": self.get("text"), "type": "process"}))), "name")
            }
            "work_queue" => {
                let path = format!("/work_pools/{}/queues", self.get("work_pool"));
                let queue = made(api.post(&path, &json!({"name": self.get("text")})));
                self.also("work_queue_name", text(&queue, "name"));
                text(&queue, "id")
            }
            "work_queue_name" => self.with("work_queue", word),
            "lone_queue_name" => text(&made(api.post("/work_queues/", &json!({"name": self.get("text")}))), "name"),
            "worker" => {
                let path = format!("/work_pools/{}/workers/heartbeat", self.get("work_pool"));
                let name = self.get("text");
                api.post(&path, &json!({"name": name})).expect(204);
                name
            }

            "block_type" => {
                let slug = self.get("text");
                let kind = made(api.post("/block_types/", &json!({"name": slug, "slug": slug})));
                self.also("block_type_slug", slug);
                text(&kind, "id")
            }
            "block_type_slug" => self.with("block_type", word),
            "block_schema" => {
                let fields = json!({"title": self.get("text"), "secret_fields": ["password"]});
                let schema = json!({"block_type_id": self.get("block_type"), "fields": fields,
                                    "capabilities": ["write-path"], "version": "1"});
                let schema = made(api.post("/block_schemas/", &schema));
                self.also("block_checksum", text(&schema, "checksum"));
                text(&schema, "id")
            }
            "block_checksum" => self.with("block_schema", word),
            "block_document" => {
                let document = json!({"name": self.get("text"), "block_type_id": self.get("block_type"),
                                      "block_schema_id": self.get("block_schema"), "data": {"password": "secret"}});
                let document = made(api.post("/block_documents/", &document));
                self.also("block_document_name", text(&document, "name"));
                text(&document, "id")
            }
            "block_document_name" => self.with("block_document", word),

            "limit" => {
                let limit = made(api.post("/v2/concurrency_limits/", &json!({"name": self.get("text"), "limit": 20})));
                self.also("limit_name", text(&limit, "name"));
                text(&limit, "id")
            }
            "limit_name" => self.with("limit", word),
            "lease" => {
                let slots = json!({"names": [self.get("limit_name")], "slots": 1, "lease_duration": 3600});
                text(&made(api.post("/v2/concurrency_limits/increment-with-lease", &slots)), "lease_id")
            }
            "tag_limit" => {
                let limit = json!({"tag": self.get("text"), "concurrency_limit": 20});
                let limit = made(api.post("/concurrency_limits/", &limit));
                self.also("tag", text(&limit, "tag"));
                text(&limit, "id")
            }
            "tag" => self.with("tag_limit", word),

            "bot" => {
                let bot = self.tenant.account.bot();
                self.also("bot_key", bot.key_id);
                self.also("bot_actor", bot.actor_id);
                bot.id
            }
            "bot_key" | "bot_actor" => self.with("bot", word),
            "issuer" => {
                let url = format!("https://{}.example", self.get("text"));
                text(&self.server.admin(&["issuers", "create", &url]), "url")
            }
            "identity" => {
                let identity = json!({"name": self.get("text"), "issuer": self.get("issuer"), "audience": "made",
                                      "claims": {"sub": "made"}, "bot_id": self.get("bot")});
                text(&account.post("/identities/", &identity).expect(201), "id")
            }
            "bot_access" => {
                let grant = json!({"bot_id": self.get("bot"), "workspace_role_id": self.get("viewer")});
                text(&api.post("/bot_access/", &grant).expect(200), "id")
            }
            "member" => {
                let (handle, account) = (self.get("handle"), &self.tenant.account.handle);
                let member = self.server.admin(&["users", "create", &handle, "--account", account, "--role", "member"]);
                text(&member, "id")
            }
            "membership" => {
                let path = format!("/account_memberships/by-user/{}", self.get("member"));
                text(&account.get(&path).expect(200), "id")
            }
            "user_access" => {
                let grant = json!({"user_id": self.get("member"), "workspace_role_id": self.get("viewer")});
                text(&api.post("/user_access/", &grant).expect(200), "id")
            }
            "viewer" => self.tenant.account.workspace_role("Viewer"),
            "role" => {
                let role = json!({"name": self.get("text"), "scopes": ["see_flows"]});
                text(&account.post("/workspace_roles/", &role).expect(201), "id")
            }
            "account_role" => {
                let roles = account.post("/account_roles/filter", &json!({})).expect(200);
                let roles = roles.as_array().cloned().unwrap_or_default();
                let member = roles.iter().find(|role| role["name"] == "Member");
                text(member.unwrap_or_else(|| panic!("no role Member in {roles:?}")), "id")
            }
            "key" => {
                let path = format!("/users/{}/api_keys", self.get("me"));
                text(&root.post(&path, &json!({"name": self.get("text")})).expect(201), "id")
            }
            other => panic!("nobody makes ${other} yet: add it to tests/harness/operations/world.rs"),
        }
    }

    /// A word that is made along with another.
    fn with(&self, maker: &str, word: &str) -> String {
        self.get(maker);
        self.made.borrow().get(word).cloned().unwrap_or_else(|| panic!("${maker} made no ${word}"))
    }
}

#[track_caller]
fn made(answer: crate::Answer) -> Value {
    assert!(matches!(answer.status, 200 | 201), "{} {}", answer.status, answer.body);
    answer.body
}

#[track_caller]
fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}
