//! Where a value can be put into an operation's request, and requests with such a value.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::operations::schema::{Field, Takes, fields, takes};
use tests::operations::{Filled, Level, Operation, Operations, Request, Requests, Who, World};
use tests::{Account, Answer, Api, Server, Tenant};

/// One place of one operation's request.
pub struct Target<'o> {
    pub operation: &'o Operation,
    pub place: Place,
    pub takes: Takes,
}

pub enum Place {
    Body(Field),
    Query(String),
    /// A segment of the path.
    Segment(usize),
}

/// Stands for the value until the request is bytes, so that a value need not be JSON.
const HERE: &str = "\u{1}HERE\u{1}";

impl Target<'_> {
    pub fn name(&self) -> String {
        let place = match &self.place {
            Place::Body(field) => field.name(),
            Place::Query(name) => format!("?{name}"),
            Place::Segment(at) => format!("segment {at}"),
        };
        format!("{} {place}", self.operation.name())
    }

    /// The request with `raw` as the value: JSON in a body, else the text itself.
    pub fn ask(&self, document: &Value, api: &Api, filled: &Filled, raw: &[u8]) -> Answer {
        let json = &[("content-type", "application/json")];
        match &self.place {
            Place::Body(field) => {
                let schema = self.operation.body.as_ref().expect("a field of a body");
                let body = field.put(document, schema, filled.body.as_ref(), json!(HERE)).to_string().into_bytes();
                let body = replace(&body, json!(HERE).to_string().as_bytes(), raw);
                api.request(&self.operation.method, &filled.path, json, Some(body))
            }
            Place::Query(name) => {
                let (path, query) = filled.path.split_once('?').unwrap_or((&filled.path, ""));
                let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&format!("{name}=")));
                let mut pairs: Vec<String> = others.map(str::to_owned).collect();
                pairs.push(format!("{name}={}", escaped(raw)));
                self.send(api, &format!("{path}?{}", pairs.join("&")), filled)
            }
            Place::Segment(at) => {
                let mut segments: Vec<String> = filled.path.split('/').map(str::to_owned).collect();
                segments[*at] = escaped(raw);
                self.send(api, &segments.join("/"), filled)
            }
        }
    }

    fn send(&self, api: &Api, path: &str, filled: &Filled) -> Answer {
        let body = filled.body.as_ref().map(|body| body.to_string().into_bytes());
        let headers: &[(&str, &str)] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
        api.request(&self.operation.method, path, headers, body)
    }
}

/// A JSON string, or for a path or a query the text.
pub fn text(target: &Target<'_>, text: &str) -> Vec<u8> {
    match target.place {
        Place::Body(_) => json!(text).to_string().into_bytes(),
        _ => text.as_bytes().to_vec(),
    }
}

/// Every place of every operation.
pub fn targets(operations: &Operations) -> Vec<Target<'_>> {
    let mut all = Vec::new();
    for operation in operations.http() {
        if let Some(schema) = &operation.body {
            let fields = fields(operations.document(), schema);
            all.extend(fields.into_iter().map(|field| Target {
                operation,
                takes: field.takes,
                place: Place::Body(field),
            }));
        }
        for (name, schema) in &operation.query {
            all.push(Target { operation, place: Place::Query(name.clone()), takes: takes(schema) });
        }
        let segments = operation.path.split('/').enumerate().filter(|(_, segment)| segment.starts_with('{'));
        all.extend(segments.map(|(at, _)| Target { operation, place: Place::Segment(at), takes: Takes::Text }));
    }
    all
}

/// A server of its own with an attacker and a victim in accounts of their own.
pub struct Arena {
    pub server: Server,
    pub attacker: Tenant,
    pub victim: Tenant,
    pub operations: Operations,
    pub requests: Requests,
}

impl Arena {
    pub fn new() -> Arena {
        // What it does by itself changes rows, and rows are compared.
        let server = Server::builder().env("PREFECTURE_SERVICES", "off").env("PREFECTURE_POLL_HOLD", "0s").start();
        let attacker = Tenant::on(&server);
        let victim = Account::create(&server).workspace();
        let operations = Operations::of(&server, &attacker.key);
        let requests = Requests::of(&operations);
        Arena { server, attacker, victim, operations, requests }
    }

    pub fn base(&self, operation: &Operation) -> String {
        match operation.level {
            Level::Root => self.attacker.cloud_api_url(),
            Level::Account => format!("{}/accounts/{}", self.attacker.cloud_api_url(), self.attacker.account.id),
            Level::Workspace => self.attacker.api_url(),
        }
    }

    /// A valid request, and a client with a key that may make it. What ends its caller is asked by a caller of its own.
    fn valid(&self, operation: &Operation) -> (Api, Filled) {
        let request = self.requests.get(operation);
        let tenant = self.caller(request);
        let filled = request.fill(&World::new(&self.server, &tenant));
        let base = self.base(operation).replace(&self.attacker.workspace_id, &tenant.workspace_id);
        (Api::new(&base, Some(&tenant.key)), filled)
    }

    /// One for every operation, made before any attack: an attack may well rename what later ones stand on.
    pub fn all_valid(&self) -> BTreeMap<&str, (Api, Filled)> {
        self.operations.http().map(|operation| (operation.id.as_str(), self.valid(operation))).collect()
    }

    /// The attacker was in to the last: else the attacks were refused at the door and showed nothing.
    pub fn was_attacked(&self) {
        self.attacker.api().get("/").expect(200);
        self.attacker.account.api().get("/").expect(200);
    }

    fn caller(&self, request: &Request) -> Tenant {
        match request.who {
            Who::Owner => self.attacker.clone(),
            Who::Fresh => self.attacker.account.workspace(),
            Who::Newcomer => {
                let handle = format!("newcomer-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
                let account = &self.attacker.account;
                let user =
                    self.server.admin(&["users", "create", &handle, "--account", &account.handle, "--role", "member"]);
                let key = self.server.admin(&["keys", "create", "--user", &handle, "--name", "tests"]);
                let grant = json!({"user_id": user["id"], "workspace_role_id": account.workspace_role("Owner")});
                self.attacker.api().post("/user_access/", &grant).expect(200);
                self.attacker.with_key(key["key"].as_str().expect("a key"))
            }
        }
    }

    /// What Postgres has said until now, to any of this process's servers.
    pub fn postgres_log(&self) -> String {
        self.server.database().sql("select pg_read_file(current_setting('data_directory') || '/../postgres.log')")
    }
}

impl Arena {
    /// What Postgres has said of this arena's statements since: those that a value has broken, or that reached for what is
    /// not theirs.
    pub fn broken_statements(&self, already_said: usize) -> Vec<String> {
        let signs = [
            "syntax error",
            "permission denied",
            "unterminated",
            "does not exist",
            "must be owner",
            "statement timeout",
        ];
        let (log, ours) = (self.postgres_log(), format!("@{} ERROR", self.server.database().name));
        let broken = |line: &&str| line.contains(&ours) && signs.iter().any(|sign| line.contains(sign));
        log[already_said..].lines().filter(broken).map(str::to_owned).collect()
    }
}

/// Runs `work` on all items, on a few threads; the answers in no order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Vec<R> + Sync) -> Vec<R> {
    const THREADS: usize = 4;
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut found = Vec::new();
                    while let Some(item) = items.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                        found.extend(work(item));
                    }
                    found
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("the thread ends well")).collect()
    })
}

/// Whether the longer form was asked for: every value in every place.
pub fn thorough() -> bool {
    std::env::var_os("PREFECTURE_TESTS_LONG").is_some()
}

fn escaped(raw: &[u8]) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    raw.iter().map(|byte| if safe(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn replace(text: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let at = text.windows(what.len()).position(|window| window == what).expect("the place is in the body");
    [&text[..at], with, &text[at + what.len()..]].concat()
}

/// Fails the test with the first of many findings.
#[track_caller]
pub fn none(mut findings: Vec<String>) {
    findings.sort();
    let shown: Vec<String> = findings.iter().take(60).map(|finding| finding.chars().take(700).collect()).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), shown.join("\n"));
}
