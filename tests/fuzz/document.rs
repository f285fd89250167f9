//! The program's document, cut to some operations and told what is there: the bodies of valid requests stand in it as
//! examples, and under `x-known` the parameters of paths that lead to something.

use serde_json::{Map, Value, json};
use tests::operations::{Filled, Kind, Level, Operation, Operations, Request, Requests, Who, World};
use tests::{Server, Tenant};

pub struct Prepared {
    pub document: Value,
    pub chosen: Vec<Chosen>,
}

pub struct Chosen {
    pub id: String,
    /// As the tool calls it: `GET /flows/{id}`.
    pub name: String,
    /// With which its valid request is answered, where it is one that the fuzzed key may make.
    pub status: Option<u16>,
}

impl Prepared {
    pub fn new(
        server: &Server,
        tenant: &Tenant,
        operations: &Operations,
        requests: &Requests,
        worlds: usize,
        of: impl Fn(&Operation) -> bool,
    ) -> Prepared {
        let mut document = operations.document().clone();
        let paths = document["paths"].take();
        let mut prepared = Prepared { document, chosen: Vec::new() };
        prepared.document["paths"] = one_way_of_writing(&paths);
        let make = || (0..worlds).map(|_| World::new(server, tenant)).collect::<Vec<_>>();
        let lasting = make();
        for operation in operations.http().filter(|operation| of(operation)) {
            let request = requests.get(operation);
            match operation.method.as_str() {
                // What is deleted goes with all that belongs to it, and nothing else may ask for that.
                "DELETE" => prepared.choose(operation, request, tenant, &make()),
                _ => prepared.choose(operation, request, tenant, &lasting),
            }
        }
        assert!(!prepared.chosen.is_empty(), "no operation was chosen");
        prepared
    }

    fn choose(&mut self, operation: &Operation, request: &Request, tenant: &Tenant, worlds: &[World<'_>]) {
        let path = bare(&whole_path(operation)).to_owned();
        let entry = &mut self.document["paths"][&path][operation.method.to_lowercase()];
        assert!(entry.is_object(), "{} is not in the document", operation.name());
        let filled: Vec<Filled> = worlds.iter().map(|world| request.fill(world)).collect();
        let mut known: Vec<Value> = filled.iter().map(|filled| parameters(operation, tenant, &filled.path)).collect();
        // With names that nothing has yet.
        let example = request.fill(&World::new(worlds[0].server(), tenant));
        if let Some(body) = example.body {
            entry["requestBody"]["content"]["application/json"]["example"] = body;
        }
        let in_path = known.pop().expect("a world at least");
        for parameter in entry.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let name = parameter["name"].as_str().expect("it has a name").to_owned();
            let in_query = query(&example.path).find(|(known, _)| *known == name).map(|(_, value)| json!(value));
            if let Some(value) = in_path.get(&name).cloned().or(in_query) {
                parameter["example"] = value;
            }
        }
        // A newcomer's own is never the caller's.
        let status = (request.who == Who::Owner).then_some(request.status);
        if status.is_none() {
            known.clear();
        }
        entry["x-known"] = Value::Array(known);
        let name = format!("{} {path}", operation.method);
        self.chosen.push(Chosen { id: operation.id.clone(), name, status });
    }
}

/// Paths are the same with and without a slash at their end; the document has each operation as the reference writes it.
/// The tool would take `GET /workspaces` and `POST /workspaces/` for two paths that lack a method each.
fn one_way_of_writing(paths: &Value) -> Value {
    let mut merged = Map::new();
    for (path, methods) in paths.as_object().expect("paths by name") {
        let methods = methods.as_object().expect("methods by name").clone();
        let at = merged.entry(bare(path)).or_insert_with(|| json!({}));
        at.as_object_mut().expect("methods by name").extend(methods);
    }
    Value::Object(merged)
}

fn bare(path: &str) -> &str {
    path.strip_suffix('/').filter(|bare| !bare.is_empty()).unwrap_or(path)
}

const ACCOUNT: &str = "/accounts/{account_id}";
const WORKSPACE: &str = "/workspaces/{workspace_id}";

/// As the document has it.
fn whole_path(operation: &Operation) -> String {
    assert_eq!(operation.kind, Kind::Http);
    match operation.level {
        Level::Root => operation.path.clone(),
        Level::Account => format!("{ACCOUNT}{}", operation.path),
        Level::Workspace => format!("{ACCOUNT}{WORKSPACE}{}", operation.path),
    }
}

/// Names and values behind the question mark.
fn query(path: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter_map(|pair| pair.split_once('='))
}

/// The parameters by which a template becomes a path.
fn parameters(operation: &Operation, tenant: &Tenant, path: &str) -> Value {
    let path = path.split('?').next().unwrap_or_default();
    let mut known = json!({});
    for (part, template) in path.split('/').zip(operation.path.split('/')) {
        if let Some(name) = template.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            known[name] = json!(part);
        }
    }
    if operation.level != Level::Root {
        known["account_id"] = json!(tenant.account.id);
    }
    if operation.level == Level::Workspace {
        known["workspace_id"] = json!(tenant.workspace_id);
    }
    known
}
