//! The OpenAPI document, folded from the operation table: it cannot describe what is not there or leave out what is.

use serde_json::{Map, Value, json};
use wire::{Schema, Schemas};

use super::{Lane, Need, Op, Verb};

/// How an argument stands in the document.
pub enum ArgumentDoc {
    Body {
        schema: Schema,
        required: bool,
    },
    /// In the order of the path's parameters.
    Path(Vec<Schema>),
    /// An object whose properties are the parameters.
    Query(Schema),
}

/// What a document says beside its operations.
pub struct Document {
    pub title: &'static str,
    pub description: &'static str,
    /// Where the paths begin.
    pub server: String,
}

/// The document (OpenAPI 3.1) of operations, each with the prefix its paths have.
pub fn document(about: &Document, ops: &[(&str, &'static Op)]) -> Value {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    // OpenAPI has no word for a web socket, and a client made from the document must not take one for a plain GET.
    let mut sockets: Map<String, Value> = Map::new();
    for (prefix, op) in ops {
        let part = if op.verb == Verb::Socket { &mut sockets } else { &mut paths };
        let path = part.entry(format!("{prefix}{}", op.path)).or_insert_with(|| json!({}));
        path[op.verb.method().as_str().to_lowercase()] = operation(prefix, op, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": about.title, "description": about.description, "version": "v3" },
        "servers": [{ "url": about.server }],
        "paths": paths,
        "x-sockets": sockets,
        "components": {
            "schemas": schemas.into_named(),
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" }, "basic": { "type": "http", "scheme": "basic" } },
        },
    })
}

fn operation(prefix: &str, op: &'static Op, schemas: &mut Schemas) -> Value {
    let tag = op.id.split("::").next().unwrap_or(op.id);
    let mut doc = json!({
        "operationId": op.id.replace("::", "."),
        "tags": [tag],
        "responses": responses(prefix, op, schemas),
        "x-prefecture": {
            "need": format!("{:?}", op.need), "lane": format!("{:?}", op.lane), "cost": format!("{:?}", op.cost),
            "cache": format!("{:?}", op.cache), "touches": op.touches.iter().map(|k| format!("{k:?}")).collect::<Vec<_>>(),
        },
    });
    let mut parameters: Vec<Value> = parameters_of(prefix)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }))
        .collect();
    if super::version::is_asked_by(op) {
        parameters.push(json!({ "name": super::version::HEADER, "in": "header", "required": false, "schema": { "type": "string" } }));
    }
    let mut described = false;
    for argument in (op.arguments)(schemas) {
        match argument {
            ArgumentDoc::Body { schema, required } => {
                doc["requestBody"] =
                    json!({ "required": required, "content": { "application/json": { "schema": schema } } });
            }
            ArgumentDoc::Path(of_path) => {
                described = true;
                for (name, schema) in parameters_of(op.path).zip(of_path) {
                    parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
                }
            }
            ArgumentDoc::Query(schema) => parameters.extend(query_parameters(&schema, schemas)),
        }
    }
    if !described {
        for name in parameters_of(op.path) {
            parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
        }
    }
    if !parameters.is_empty() {
        doc["parameters"] = json!(parameters);
    }
    if op.need != Need::Nothing {
        doc["security"] = json!([{ "key": [] }, { "basic": [] }]);
    }
    doc
}

fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn query_parameters(schema: &Schema, schemas: &mut Schemas) -> Vec<Value> {
    let object = schemas.resolve(schema);
    let required = object["required"].as_array().cloned().unwrap_or_default();
    let properties = object["properties"].as_object().cloned().unwrap_or_default();
    let parameter = |(name, schema): (String, Value)| {
        let required = required.iter().any(|r| *r == Value::String(name.clone()));
        json!({ "name": name, "in": "query", "required": required, "schema": schema })
    };
    properties.into_iter().map(parameter).collect()
}

fn responses(prefix: &str, op: &'static Op, schemas: &mut Schemas) -> Value {
    let mut responses = json!({});
    for (status, schema) in (op.answers)(schemas) {
        responses[status.to_string()] = match schema {
            Some(schema) => {
                json!({ "description": "Successful Response", "content": { "application/json": { "schema": schema } } })
            }
            None => json!({ "description": "Successful Response" }),
        };
    }
    for (status, description) in refusals(prefix, op) {
        responses[status] = json!({ "description": description });
    }
    responses
}

/// What an operation may answer besides what it was asked for.
fn refusals(prefix: &str, op: &Op) -> Vec<(&'static str, &'static str)> {
    let mut refusals = vec![
        ("400", "The body is no text, or the client speaks a version of the API that is not served."),
        ("422", "Validation Error"),
        ("503", "Overload or a dependency is away; try again after `Retry-After` seconds."),
    ];
    if op.need != Need::Nothing {
        refusals.push(("401", "The key is unknown, malformed, revoked or expired."));
        refusals.push(("403", "The caller's role lacks the scope."));
    }
    if op.need != Need::Nothing || prefix.contains('{') || op.path.contains('{') {
        refusals.push(("404", "No such object, or none that the caller may know of."));
    }
    if changes(op) {
        refusals.push(("409", "The change conflicts with what is there."));
    }
    refusals
}

/// Whether an answer may leave something changed; lists are asked for by POST too.
fn changes(op: &Op) -> bool {
    op.verb != Verb::Get && (matches!(op.lane, Lane::Hot | Lane::Ingest) || !op.touches.is_empty())
}
